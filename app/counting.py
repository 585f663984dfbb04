"""What follows from a configuration alone and more than one chapter counts: the published models, and the checks against tensors."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from app.engine.methods import tensor_sizes
from app.recent import MB, keeping
from app.runtime import Here
from gptcore import parameters
from gptcore.checks import Check
from gptcore.config import GPT2_LARGE, GPT2_MEDIUM, GPT2_SMALL, GPT2_XL, GPT3_175B, GPTConfig


@dataclass(frozen=True)
class ModelFacts:
    """A model to compare. training_tokens: None where they were not published; weights: who has them; tied: whether the output head
    is the token embedding; unknown: what stands where the training tokens are None."""

    title: str
    config: GPTConfig
    training_tokens: int | None
    weights: str
    tied: bool = True
    unknown: str = "not published"

    @property
    def n_parameters(self) -> int:
        """All its parameters; a tied output head counts once."""
        return parameters.count_parameters(self.config, self.tied)


# Radford et al. 2019, table 2 and section 2.1; Brown et al. 2020, tables 2.1 and D.1.
PUBLISHED = (
    ModelFacts("GPT-2 small", GPT2_SMALL, None, "public"),
    ModelFacts("GPT-2 medium", GPT2_MEDIUM, None, "public"),
    ModelFacts("GPT-2 large", GPT2_LARGE, None, "public"),
    ModelFacts("GPT-2 XL", GPT2_XL, None, "public"),
    ModelFacts("GPT-3", GPT3_175B, 300_000_000_000, "not public"),
)


def lengths(config: GPTConfig, most: int = 65) -> np.ndarray:
    """Sequence lengths from 1 to the context length, evenly spread."""
    return np.unique(np.linspace(1, config.context_length, min(most, config.context_length)).round().astype(int))


@keeping(2 * MB)
def numbers_in_shapes(config: GPTConfig, tied: bool) -> int:
    """The shapes of all tensors, one by one, multiplied out and added up."""
    return sum(prod(tensor.shape) for tensor in parameters.tensor_shapes(config, tied))


def numbers_counted(here: Here) -> Check:
    """The count against the tensors of the loaded model."""
    there, _ = tensor_sizes(here.model)
    expected = parameters.count_parameters(here.config, here.model.tied)
    description = f"The {there:,} numbers in the loaded model's tensors against the arithmetic. Deviation in numbers."
    return Check("Numbers in the tensors = arithmetic", description, float(abs(there - expected)), 0.0)


def bytes_counted(here: Here) -> Check:
    """The bytes of the weights against those that the loaded model's tensors take."""
    _, there = tensor_sizes(here.model)
    expected = parameters.weight_bytes(here.config, here.model.tied)
    description = f"The {there:,} bytes of the loaded model's tensors against the arithmetic for float32. Deviation in bytes."
    return Check("Bytes of the tensors = arithmetic", description, float(abs(there - expected)), 0.0)


def work_counted(config: GPTConfig) -> Check:
    """The formula of the blocks against two operations for each number of each matrix in them."""
    n = config.context_length
    matrices = [shape for shape in parameters.tensor_shapes(config) if shape.layer is not None and len(shape.shape) == 2]
    each = 2 * n * sum(prod(shape.shape) for shape in matrices)
    apart = abs(parameters.forward_flops(config, n).blocks - each)
    description = f"24 E² L N against 2 N for each number in the {len(matrices)} matrices of the blocks. Deviation in FLOP."
    return Check("Work of the blocks = 2 for each weight", description, float(apart), 0.0)
