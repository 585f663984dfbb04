"""What a loss means: the losses of guessers that need no network, in nats a token."""

from __future__ import annotations

import math

import numpy as np


def baselines(ids: np.ndarray, held_out_ids: np.ndarray, vocab_size: int) -> dict[str, float]:
    """uniform: every token equally likely; frequency: each as often as in the training ids; pairs: each as often as it followed the
    token before it there. Counted from `ids`, measured on `held_out_ids`; one is added to every count, so that what was never seen
    is not impossible (Laplace)."""
    counts = np.bincount(ids, minlength=vocab_size) + 1.0
    frequency = counts / counts.sum()
    pairs = np.ones((vocab_size, vocab_size))
    np.add.at(pairs, (ids[:-1], ids[1:]), 1.0)
    pairs /= pairs.sum(axis=1, keepdims=True)
    return {
        "uniform": math.log(vocab_size),
        "frequency": float(-np.log(frequency[held_out_ids]).mean()),
        "pairs": float(-np.log(pairs[held_out_ids[:-1], held_out_ids[1:]]).mean()),
    }
