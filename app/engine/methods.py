"""Calls that more than one part of the application makes, beside the methods of Trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.engine.subjects import queued
from gptcore.language_model import LanguageModel
from gptcore.trace import Trace


@queued
def probabilities(trace: Trace, positions: Sequence[int]) -> np.ndarray:
    """The probability (temperature 1) that each of these tokens was given before it was there. positions: from 1 on."""
    logits = trace.logits_at([position - 1 for position in positions]).astype(np.float64)
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    own: np.ndarray = logits[np.arange(len(positions)), [trace.ids[position] for position in positions]]
    return np.exp(own - total)


@queued
def tensor_sizes(model: LanguageModel) -> tuple[int, int]:
    """How many numbers the model's tensors hold, and the bytes that these take."""
    tensors = list(model.model.parameters())
    return sum(tensor.numel() for tensor in tensors), sum(tensor.nbytes for tensor in tensors)
