"""Numbers for formulas that hold as printed: who types the printed numbers into a calculator gets the printed result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

FEWEST, MOST = 3, 7  # significant digits; a float32 has some seven

BREAK = r" \\[0.4em] &\quad"  # before what does not fit behind its "=" on a phone


class Worked(NamedTuple):
    """The LaTeX of one step. inputs: what is put in, all with so many digits; relation: "=" or "\\approx"; result."""

    inputs: tuple[str, ...]
    relation: str
    result: str
    digits: int

    @property
    def out(self) -> str:
        """Relation and result."""
        return f"{self.relation} {self.result}"


def as_printed(value: float, digits: int = FEWEST) -> float:
    """The number that a reader sees, to be reckoned with."""
    return float(f"{float(value):.{digits}g}")


def latex_number(value: float, digits: int = FEWEST) -> str:
    """A number for a formula."""
    text = f"{value + 0.0:.{digits}g}"  # + 0.0: there is no minus zero
    if "e" in text:
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"
    return text


def in_tex(number: int) -> str:
    """124_439_808 with its thousands apart, for a formula."""
    return f"{number:,}".replace(",", "{,}")


def braced(number: int, thing: str) -> str:
    """A number for a formula, with what it counts under it: "12 layers", "1 layer"."""
    return rf"\underbrace{{{in_tex(number)}}}_{{\text{{{thing if number == 1 else thing + 's'}}}}}"


def worked(
    function: Callable[..., float],
    inputs: Sequence[float],
    result: float,
    *,
    digits: int = FEWEST,
    written: Callable[[float], str] | None = None,
) -> Worked:
    """The inputs with the fewest digits, FEWEST to MOST, with which the function of the printed inputs is the printed result.

    The relation is "=" where that holds, else "\\approx", with all digits. result: the model's own number. digits: of the result;
    written: how it is written, where that is not latex_number.
    """
    write = written or (lambda value: latex_number(value, digits))
    wanted = write(float(result))
    for many in range(FEWEST, MOST + 1):
        if _of_printed(function, inputs, many, write) == wanted:
            return Worked(_printed(inputs, many), "=", wanted, many)
    return Worked(_printed(inputs, MOST), r"\approx", wanted, MOST)


def begun(inputs: Sequence[float], result: float) -> Worked:
    """For a sum of which only the beginning is printed, and then dots: nobody can add it up, so FEWEST digits will do."""
    return Worked(_printed(inputs, FEWEST), "=", latex_number(result), FEWEST)


def entropy_terms(probs: Sequence[float], entropy: float, digits: int = FEWEST) -> tuple[str, str]:
    """-(p log p + ...) with the first two of all probabilities, a line each, dots for the others; its relation to the entropy."""
    first = list(probs[:2])
    found = begun(first, entropy)
    if len(probs) <= 2:
        found = worked(lambda *some: -math.fsum(p * math.log2(p) for p in some), first, entropy, digits=digits)
    dots = r" + \cdots" if len(probs) > 2 else ""
    terms = [rf"{p} \log_2 {as_one(p)}" for p in found.inputs]
    return f"-({(BREAK + ' + ').join(terms)}{dots})", found.relation


def bracketed(text: str) -> str:
    """A number behind an operator: in brackets if it is negative."""
    return f"({text})" if text.startswith("-") else text


def as_one(text: str) -> str:
    """A number of which a power or a logarithm is taken: in brackets if it is negative or has a power of ten."""
    return f"({text})" if text.startswith("-") or r"\cdot" in text else text


def added(text: str) -> str:
    """A number behind a sum: "+ 2", "- 2"."""
    return f"- {text[1:]}" if text.startswith("-") else f"+ {text}"


def latex_percent(value: float) -> str:
    """A share for a formula, with as many digits as any number."""
    return rf"{latex_number(100 * value)}\,\%"


def _printed(inputs: Sequence[float], digits: int) -> tuple[str, ...]:
    return tuple(latex_number(float(value), digits) for value in inputs)


def _of_printed(function: Callable[..., float], inputs: Sequence[float], digits: int, write: Callable[[float], str]) -> str:
    """ "" where the function has no value for the rounded inputs."""
    try:
        value = function(*(as_printed(value, digits) for value in inputs))
    except (ArithmeticError, ValueError):
        return ""
    return write(value) if math.isfinite(value) else ""
