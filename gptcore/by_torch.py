"""The same numbers by torch's own pieces: what our lessons and our arithmetic are checked against.

Nothing here shares a line with what it checks: torch's kernels, torch's normalisation layers, torch's own size of a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from gptcore.devices import in_float64
from gptcore.errors import ConfigError, LessonError
from gptcore.model import LayerNorm

KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "gelu_exact": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
}
_ROWS = 4096  # of a tensor that are read at once


def number_bytes(number_type: str) -> int:
    """Bytes of one number of this type ("float32", "int8", "bool"). Raises ConfigError for what is not a type of torch's numbers."""
    found = getattr(torch, number_type, None)
    if not isinstance(found, torch.dtype):
        raise ConfigError(
            f"The number type is {number_type!r}, which torch does not have; give one such as float32, float16 or int8."
        )
    return found.itemsize


def value_and_slope(
    activation: str, x: Float[np.ndarray, "points"]
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """An activation function of KERNELS at each x, and the kernel's own derivative there, in float64.

    Raises LessonError for a function without a kernel.
    """
    if activation not in KERNELS:
        raise LessonError(f"There is no kernel for {activation!r}; it must be one of {', '.join(KERNELS)}.")
    with torch.inference_mode(False), torch.enable_grad():
        inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        values = KERNELS[activation](inputs)
        (slopes,) = torch.autograd.grad(values.sum(), inputs)
    return values.detach().numpy(), slopes.numpy()


def layer_norm_rows(table: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows features"]:
    """Each row through the class of the model's LayerNorms, with scale 1 and shift 0, in float64."""
    with torch.no_grad():
        return LayerNorm(table.shape[1]).double()(torch.from_numpy(table.astype(np.float64))).numpy()


def batch_norm_columns(table: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows features"]:
    """The columns through torch's BatchNorm, in training, in float64. Raises ValueError (torch's) for fewer than 2 rows."""
    with torch.no_grad():
        return nn.BatchNorm1d(table.shape[1], eps=LayerNorm.eps).double()(torch.from_numpy(table.astype(np.float64))).numpy()


class Moments(NamedTuple):
    """Of the numbers of a tensor: their mean, their standard deviation (divided by their count), the root of the sum of squares."""

    mean: float
    spread: float
    norm: float


def moments(tensor: Tensor) -> Moments:
    """In float64, some rows at a time; the spread from each number's distance to the mean."""
    pieces = tensor.detach().split(_ROWS)
    mean = math.fsum(float(in_float64(piece).sum()) for piece in pieces) / tensor.numel()
    spread = math.sqrt(math.fsum(float((in_float64(piece) - mean).square().sum()) for piece in pieces) / tensor.numel())
    return Moments(mean, spread, math.hypot(*(float(torch.linalg.vector_norm(in_float64(piece))) for piece in pieces)))
