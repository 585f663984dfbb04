"""What the numbers of one loaded tensor look like: mean, spread, norm, share near zero, and how they are distributed.

A tensor is read in pieces, in float64, so that the largest table of the largest model costs time but hardly any memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

NEAR_ZERO = 0.1  # of the spread
NORMAL_NEAR_ZERO = math.erf(NEAR_ZERO / math.sqrt(2))  # what a normal distribution around 0 has there: 8.0 %
REACH = 5.0  # spreads on either side of the mean that a histogram shows
_PIECE = 2**22


@dataclass(frozen=True)
class WeightStatistics:
    """count: numbers in the tensor; mean; spread: their standard deviation (divided by count); norm: root of the sum of squares;
    near_zero: share whose absolute value is at most NEAR_ZERO times the spread.

    histogram [bin]: how many lie between edges [bin] and [bin + 1], from REACH spreads below the mean to as many above; outside:
    how many lie beyond.
    """

    count: int
    mean: float
    spread: float
    norm: float
    near_zero: float
    histogram: Int[np.ndarray, "bins"]
    edges: Float[np.ndarray, "bins+1"]
    outside: int


def weight_statistics(tensor: Tensor, bins: int = 80) -> WeightStatistics:
    """All of it in two readings: the first for mean and spread, the second for what depends on them."""
    total = squares = 0.0
    for piece in _pieces(tensor):
        total += float(piece.sum())
        squares += float(np.dot(piece, piece))
    count = tensor.numel()
    mean = total / count
    spread = math.sqrt(max(squares / count - mean**2, 0.0))
    reach = REACH * spread or 1.0  # numbers that are all the same stand in the middle of a histogram one wide on either side
    edges = np.linspace(mean - reach, mean + reach, bins + 1)
    histogram, near = np.zeros(bins, dtype=np.int64), 0
    for piece in _pieces(tensor):
        histogram += np.histogram(piece, bins, (edges[0], edges[-1]))[0]  # many times faster than with the edges
        near += int(np.count_nonzero(np.abs(piece) <= NEAR_ZERO * spread))
    return WeightStatistics(count, mean, spread, math.sqrt(squares), near / count, histogram, edges, count - int(histogram.sum()))


def _pieces(tensor: Tensor) -> Iterator[Float[np.ndarray, "piece"]]:
    """The numbers of a tensor, some millions at a time, in float64; in whatever order they lie in memory."""
    tensor = tensor.detach()
    if tensor.ndim == 2 and not tensor.is_contiguous():
        tensor = tensor.T  # published matrices are loaded as transposed views; this way they are not copied
    for piece in tensor.reshape(-1).split(_PIECE):
        yield piece.cpu().double().numpy()
