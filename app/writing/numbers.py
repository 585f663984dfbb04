"""The one writer of numbers: significant digits, fixed decimals, percentages, counts, bytes, FLOPs.

app/components/shared/numbers.js is its other half, letter by letter. All numbers have thousands apart and a real minus sign, halves
are rounded away from zero, and what is not a number is a dash. LaTeX has rules of its own: `worked`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

POSITIONAL = range(-4, 6)  # the powers of ten of the first digit: smaller and larger numbers are written with one
_ALL_DIGITS = 1e15  # a whole number below it is a count, whose every digit says something
_REAL_DIGITS = 12  # of a float64 whose last ones are noise: 0.1 + 0.2 is 0.3
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNTED = {"bits", "tokens"}  # units that are words


def significant(value: float, digits: int = 3) -> str:
    """-7.3149 -> "−7.31", 17.984 -> "18.0", 12345.678 -> "12,346", 1.2e-7 -> "1.2 · 10⁻⁷".

    So many significant digits, and all of a whole part: zeros at the end say that something was rounded away, and what has fewer
    digits is written as it is. Very small and large ones in powers of ten, but whole numbers with all digits.
    """
    if not math.isfinite(value):
        return _endless(value)
    if value == int(value) and abs(value) < _ALL_DIGITS:
        return _signed(f"{int(value):,}")
    exact = Decimal(float(value))
    tidy = Decimal(f"{value:.{_REAL_DIGITS}g}").normalize()
    if len(tidy.as_tuple().digits) <= digits:
        exact, digits = tidy, len(tidy.as_tuple().digits)
    rounded = _rounded(exact, digits - 1 - exact.adjusted())
    if rounded.adjusted() in POSITIONAL:
        return _signed(f"{_rounded(exact, max(0, digits - 1 - rounded.adjusted())):,f}")
    mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
    return _signed(_power(mantissa, int(exponent)))


def fixed(value: float, decimals: int) -> str:
    """-0.0042, 2 -> "0.00": so many decimals, for what stands in a column or changes in its place. There is no minus zero."""
    if not math.isfinite(value):
        return _endless(value)
    if abs(value) >= _ALL_DIGITS:
        return significant(value)
    rounded = _rounded(Decimal(float(value)), decimals)
    return _signed(f"{rounded if rounded else abs(rounded):,f}")


def percent(share: float) -> str:
    """0.2263 -> "22.6 %"; what is there but rounds to nothing -> "< 0.1 %"."""
    if math.isnan(share):
        return _endless(share)
    return "< 0.1 %" if 0 < share < 0.001 else f"{fixed(100 * float(share), 1)} %"


def fine_percent(share: float) -> str:
    """0.000012345 -> "0.00123 %": three significant digits, where the smallest ones matter."""
    return f"{significant(100 * float(share))} %"


def counted(number: int, name: str) -> str:
    """1, "row" -> "1 row"; 2, "row" -> "2 rows"."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def quantity(value: float, unit: str) -> str:
    """A value with its unit: "1 token", "2 tokens". The unit "%" stands for a probability: 0.431 -> "43.1 %"."""
    if unit == "%":
        return percent(value)
    number = significant(value)
    return f"{number} {unit.removesuffix('s') if number == '1' and unit in _COUNTED else unit}".rstrip()


def in_powers(number: float) -> str:
    """3.14159e23 -> "3.14 · 10²³"."""
    mantissa, exponent = f"{number:.2e}".split("e")
    return _power(mantissa, int(exponent))


def _power(mantissa: str, exponent: int) -> str:
    return f"{mantissa} · 10{str(exponent).translate(_RAISED)}"


def in_words(number: float) -> str:
    """124_439_808 -> "124 million"; below a million with all its digits."""
    return _in_steps(number, {"trillion": 1e12, "billion": 1e9, "million": 1e6}) or f"{number:,.0f}"


def in_bytes(number: float) -> str:
    """497_759_232 -> "498 MB". Decimal units: 1 MB is 10^6 bytes."""
    return _in_steps(number, {"TB": 1e12, "GB": 1e9, "MB": 1e6, "kB": 1e3}) or f"{number:,.0f} bytes"


def work_unit(flops: float) -> tuple[str, float]:
    """A unit in which a number of FLOPs is easily read, and its size: ("GFLOP", 1e9)."""
    return next(((unit, size) for unit, size in _WORK.items() if _to_three_digits(flops) >= size), ("kFLOP", 1e3))


def in_flops(number: float) -> str:
    """248_000_000 -> "248 MFLOP"."""
    unit, size = work_unit(number)
    return f"{significant(number / size)} {unit}"


_WORK = {"TFLOP": 1e12, "GFLOP": 1e9, "MFLOP": 1e6, "kFLOP": 1e3}


def _in_steps(number: float, steps: Mapping[str, float]) -> str:
    """In the largest of the steps that it reaches, as it is written; "" where it reaches none."""
    reached = (f"{significant(number / size)} {name}" for name, size in steps.items() if _to_three_digits(number) >= size)
    return next(reached, "")


def _to_three_digits(number: float) -> float:
    return float(f"{number:.3g}")


def _rounded(exact: Decimal, decimals: int) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _endless(value: float) -> str:
    return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
