"""Where the thumb of a setting's slider may stand, on every page: fine where the eye can tell the difference.

stops.js is its twin in the browser.
"""

from __future__ import annotations

from types import MappingProxyType

HUNDREDTHS, THOUSANDTHS = 100, 1000


def _every(low: int, high: int, step: int, whole: int) -> tuple[float, ...]:
    """low, low + step, ... high as parts of a whole."""
    return tuple(i / whole for i in range(low, high + 1, step))


STOPS = MappingProxyType(
    {
        "temperature": (*_every(0, 200, 1, HUNDREDTHS), *_every(202, 500, 2, HUNDREDTHS)),
        "top_p": (*_every(1, 99, 1, HUNDREDTHS), 0.995, 0.999, 1.0),
        "min_p": (*_every(0, 200, 5, THOUSANDTHS), *_every(220, 1000, 20, THOUSANDTHS)),
    }
)


def top_ks(size: int) -> tuple[int | None, ...]:
    """For a vocabulary of this size: every whole number up to 20, then about a tenth more each time in round numbers, at last all."""
    values: list[int | None] = []
    k = 1
    while k < size:
        values.append(k)
        k = k + 1 if k < 20 else _to_two_digits(k + k / 10)
    return (*values, None)


def _to_two_digits(k: float) -> int:
    unit = 10 ** (len(str(int(k))) - 2)
    return int(k / unit + 0.5) * unit
