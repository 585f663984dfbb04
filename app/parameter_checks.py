"""What the arithmetic of the parameters page is checked against: the loaded model's own tensors."""

from __future__ import annotations

from math import prod

from app.runtime import Here
from gptcore import parameters
from gptcore.checks import Check
from gptcore.config import GPTConfig


def counted(here: Here) -> Check:
    """The count against the tensors of the loaded model."""
    model = here.model.model
    there = sum(tensor.numel() for tensor in model.parameters())
    expected = parameters.count_parameters(here.config, model.tied)
    description = f"The {there:,} numbers in the loaded model's tensors against the arithmetic"
    return Check("Numbers in the tensors = arithmetic", description, float(abs(there - expected)), 0.0)


def bytes_counted(here: Here) -> Check:
    """The bytes of the weights against those that the loaded model's tensors take."""
    model = here.model.model
    there = sum(tensor.nbytes for tensor in model.parameters())
    expected = parameters.weight_bytes(here.config, model.tied)
    description = f"The {there:,} bytes of the loaded model's tensors against the arithmetic for float32"
    return Check("Bytes of the tensors = arithmetic", description, float(abs(there - expected)), 0.0)


def work_counted(config: GPTConfig) -> Check:
    """The formula of the blocks against two operations for each number of each matrix in them."""
    n = config.context_length
    matrices = [shape for shape in parameters.tensor_shapes(config) if shape.layer is not None and len(shape.shape) == 2]
    each = 2 * n * sum(prod(shape.shape) for shape in matrices)
    apart = abs(parameters.forward_flops(config, n).blocks - each)
    description = f"24 E² L N against 2 N for each number in the {len(matrices)} matrices of the blocks, in FLOP"
    return Check("Work of the blocks = 2 for each weight", description, float(apart), 0.0)
