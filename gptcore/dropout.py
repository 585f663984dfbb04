"""What dropout zeroes in training, drawn from a seed, so that it can be looked at. In inference nothing is zeroed.

Srivastava et al. 2014 (https://jmlr.org/papers/v15/srivastava14a.html), in the form of `torch.nn.Dropout`: each value is zeroed with
the chance drop_rate, and what is left is multiplied by 1 / (1 - drop_rate), so that the expected value stays what it was.
Training draws anew at every step; a seed stands for one such draw.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from gptcore.errors import LessonError

Place = Literal["embeddings", "weights", "attention", "feed_forward"]
PLACES: tuple[Place, ...] = get_args(Place)  # attention weights; then what attention and feed-forward give back


def zeroed(
    n_values: int, drop_rate: float, seed: int, place: Place, *, position: int, layer: int = 0, head: int = 0
) -> Bool[np.ndarray, "{n_values}"]:
    """Which of one token's values a training step would have zeroed. The same arguments give the same answer, and a lower drop_rate
    zeroes some of what a higher one does.

    Raises LessonError for a drop_rate outside 0 to 1 (1 excluded), a negative seed or a place that is not one of PLACES.
    """
    _check_rate(drop_rate)
    if seed < 0:
        raise LessonError(f"The seed is {seed}; give a whole number of at least 0.")
    if place not in PLACES:
        raise LessonError(f"The place {place!r} has no dropout; choose one of {', '.join(PLACES)}.")
    random = np.random.default_rng([seed, PLACES.index(place), layer, head, position])
    return random.random(n_values) < drop_rate


def dropped(values: Float[np.ndarray, "n"], gone: Bool[np.ndarray, "n"], drop_rate: float) -> Float[np.ndarray, "n"]:
    """The values after dropout: 0 where gone, the others multiplied by 1 / (1 - drop_rate). Raises LessonError as `zeroed` does."""
    _check_rate(drop_rate)
    return np.where(gone, np.zeros_like(values), values / np.asarray(1 - drop_rate, values.dtype))


def _check_rate(drop_rate: float) -> None:
    if not 0 <= drop_rate < 1:
        raise LessonError(f"drop_rate is {drop_rate!r}; give a number of at least 0 and below 1.")
