"""What a browser may say: the one place where a value that came from one is looked at, before anything is done with it.

An honest page sends what it offered. Anybody can send anything: another type, a number without end, a list where a word belongs. What
is not of the kind and within the range that was offered is None here, and whoever asked ignores it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

LONGEST_TEXT = 20_000  # characters


def index(value: object, count: int) -> int | None:
    """One of 0 to count - 1."""
    return whole(value, 0, count - 1)


def whole(value: object, low: int, high: int) -> int | None:
    """A whole number from low to high; true and false are none."""
    return value if type(value) is int and low <= value <= high else None


def number(value: object, low: float, high: float) -> float | None:
    """A finite number from low to high."""
    if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]  # compared before it is converted
        return None
    found = float(value)  # type: ignore[arg-type]
    return found if math.isfinite(found) else None


def text(value: object, longest: int = LONGEST_TEXT) -> str | None:
    """A text of at most so many characters."""
    return value if isinstance(value, str) and len(value) <= longest else None


def one_of(value: object, offered: Collection[Any]) -> Any:
    """One of what was offered, of the same type."""
    return next((each for each in offered if type(each) is type(value) and each == value), None)


def record(value: object) -> Mapping[str, Any]:
    """A record of named values, each of which is still to be looked at; an empty one for anything else."""
    return value if isinstance(value, dict) and all(isinstance(name, str) for name in value) else {}


def resembles(value: object, example: object) -> bool:
    """Whether a value is of the type of an offered one; a whole number will do for a number."""
    if isinstance(example, float):
        return type(value) in (int, float)
    return type(value) is type(example)
