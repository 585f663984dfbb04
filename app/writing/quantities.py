"""Large numbers in words: parameters, bytes, operations; and as formulas write them."""

from __future__ import annotations


def in_words(number: float) -> str:
    """124_439_808 -> "124 million"; below a million with all its digits."""
    for name, size in (("trillion", 10**12), ("billion", 10**9), ("million", 10**6)):
        if number >= size:
            return f"{short(number / size)} {name}"
    return f"{number:,.0f}"


def in_bytes(number: float) -> str:
    """497_759_232 -> "498 MB". Decimal units: 1 MB is 10^6 bytes."""
    for name, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{short(number / size)} {name}"
    return f"{number:,.0f} bytes"


def work_unit(flops: float) -> tuple[str, float]:
    """A unit in which a number of FLOPs is easily read, and its size: ("GFLOP", 1e9)."""
    return next(
        unit for unit in (("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3)) if flops >= unit[1] or unit[1] == 1e3
    )


def in_flops(number: float) -> str:
    """248_000_000 -> "248 MFLOP"."""
    unit, size = work_unit(number)
    return f"{short(number / size)} {unit}"


def in_tex(number: int) -> str:
    """124_439_808 with its thousands apart, for a formula."""
    return f"{number:,}".replace(",", "{,}")


def braced(number: int, thing: str) -> str:
    """A number for a formula, with what it counts under it: "12 layers", "1 layer"."""
    return rf"\underbrace{{{in_tex(number)}}}_{{\text{{{thing if number == 1 else thing + 's'}}}}}"


def short(number: float) -> str:
    """1.56, 12.0, 124, 1,234: three significant digits, and all of a whole part; what is exactly whole without a point."""
    return f"{number:,.0f}" if number >= 999.5 or number == int(number) else f"{number:#.3g}".rstrip(".")
