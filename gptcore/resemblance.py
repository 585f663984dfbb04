"""How far a text was copied from another: the longest run of characters that stands in both.

A language model that writes a long run of its training text letter by letter has it by heart (Carlini et al. 2021,
https://arxiv.org/abs/2012.07805). How long a run says that, other texts tell: what people wrote and the model never saw shares runs
with its training text too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class CommonRun(NamedTuple):
    """length characters from `start` on in the one text are those from `at` on in the other; all 0 where they share none."""

    start: int
    at: int
    length: int


def longest_common_run(text: str, source: str) -> CommonRun:
    """The longest run of characters of `text` that stands in `source`; of several the first, and its first place there."""
    best = CommonRun(0, 0, 0)
    for start in range(len(text)):
        # A run that beats the best contains its own beginning of that length: one look that fails saves all the others.
        while start + best.length < len(text) and (at := source.find(text[start : start + best.length + 1])) >= 0:
            best = CommonRun(start, at, best.length + 1)
    return best


def around(source: str, run: CommonRun, characters: int = 40) -> tuple[str, str]:
    """What stands in the source before and after a run, at most so many characters each."""
    end = run.at + run.length
    return source[max(0, run.at - characters) : run.at], source[end : end + characters]


def usual_run(others: str, source: str, length: int, count: int = 40) -> float:
    """The median longest run that `count` evenly spaced pieces of `others`, each of `length` characters, share with `source`: how much
    a text has in common with it that was not copied. 0 where `others` is shorter than a piece."""
    if len(others) < length or length < 1:
        return 0.0
    starts = np.unique(np.linspace(0, len(others) - length, count).astype(int))
    return float(np.median([longest_common_run(others[start : start + length], source).length for start in starts]))


_WORD = re.compile(r"[A-Za-z']*[A-Za-z]")


def new_words(text: str, source: str) -> Sequence[str]:
    """The words of `text` that `source` has nowhere, in their order, each once, without regard to capitals. The first and the last
    word of `text` are left out, since both may be cut off."""
    known = {word.lower() for word in _WORD.findall(source)}
    return list(dict.fromkeys(word for word in _WORD.findall(text)[1:-1] if word.lower() not in known))
