"""What makes a text fit to show something: figures of the model and their bounds, and the small functions that some of them need."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Criterion(Generic[Subject]):
    """name: as a ranking prints it; measure: the figure of a text; bound: what it has to reach, or with at_most may not pass; decides:
    whether more of it is better, or it is met or not."""

    name: str
    measure: Callable[[Subject], float]
    bound: float
    at_most: bool = False
    decides: bool = True

    def margin(self, figure: float) -> float:
        """How many times the bound is reached: below 1 it is not. A figure that is no number reaches nothing."""
        if math.isnan(figure):
            return 0.0
        return self.bound / max(figure, 1e-9) if self.at_most else figure / self.bound


def seen_before(ids: Sequence[int]) -> int | None:
    """The place after that where the end of the text stood before, for the longest such end; None where nothing is repeated."""
    best: tuple[int, int] | None = None
    for place in range(len(ids) - 1):
        length = 0
        while length <= place and ids[place - length] == ids[len(ids) - 1 - length]:
            length += 1
        if length and (best is None or length > best[0]):
            best = length, place + 1
    return best[1] if best else None


def equal_choices(probs: np.ndarray) -> float:
    """As how many equally likely tokens a choice is: exp of the entropy."""
    some = probs[probs > 0].astype(np.float64)
    return float(np.exp(-(some * np.log(some)).sum()))


def different_runs(texts: Sequence[Sequence[int]], length: int = 3) -> float:
    """The share of different ones among all runs of `length` tokens; 1 where nothing is said twice, NaN where no text is as long."""
    runs = [tuple(text[start : start + length]) for text in texts for start in range(len(text) - length + 1)]
    return len(set(runs)) / len(runs) if runs else math.nan


def stands_out(bits: Sequence[float]) -> float:
    """How many times the last one is as large as the largest other; NaN where there is no other."""
    return bits[-1] / max(bits[:-1]) if len(bits) > 1 else math.nan
