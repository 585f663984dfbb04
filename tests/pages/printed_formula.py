"""Reading a printed formula as a calculator would: what stands on either side of "=" must be the same number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

FEWEST = 3  # digits that a printed number has even where trailing zeros were left out
NUMBER = r"\d+(?:\.\d+)?"
PLAIN = re.compile(rf"-? ?({NUMBER})(?: ?\\cdot ?10\^\{{(-?\d+)\}})?( ?\\%)?")
TOKEN = re.compile(rf"{NUMBER}|\\[a-zA-Z]+|\\%|[-+/^_(){{}},e]|\S")
_SPACE = r"\\rule\{[^{}]*\}\{[^{}]*\}|\\(?:begin|end)\{[a-z]+\}|\\(?:textstyle|left|right)\b|(?<!\\)\\[,;! ]|\$"


class Side(NamedTuple):
    """What stands between two relations: its text, its value (None: it has letters or dots), and whether it is a bare number."""

    text: str
    value: float | None
    plain: bool


class Relation(NamedTuple):
    """A printed number and what it is said to equal."""

    expression: str
    value: float
    number: str

    @property
    def holds(self) -> bool:
        """Rounded to the number's last digit, the expression is the number."""
        mantissa, exponent, percent = PLAIN.fullmatch(self.number).groups()
        said = (-1 if self.number.startswith("-") else 1) * float(mantissa) * 10.0 ** int(exponent or 0)
        value = 100 * self.value if percent else self.value
        if said == 0:
            return abs(value) < 1e-12
        shown = max(FEWEST, len(mantissa.replace(".", "").lstrip("0")))
        unit = 10.0 ** (math.floor(math.log10(abs(said))) - shown + 1)
        return abs(value - said) <= unit * (0.5 + 1e-6)


def relations(latex: str) -> list[Relation]:
    """Every "=" with a bare number on one side and, on the other, numbers alone; those with letters, dots or "\\approx" are left."""
    found = []
    for chain in _chains(latex):
        run: list[Side] = []
        for side in [*chain, Side("", None, False)]:
            if side.value is not None:
                run.append(side)
                continue
            found += _within(run)
            run = []
    return found


def _within(run: list[Side]) -> Iterator[Relation]:
    """Each expression against the next bare number to the right, or the last one to the left; of two that are 1 less something, the
    something, of which 1 would hide the digits."""
    if run and all(side.text.startswith("1 - ") for side in run):
        run = [_side(side.text[4:]) for side in run]
    for i, side in enumerate(run):
        if side.plain or side.value is None:
            continue
        near = next((other for other in run[i + 1 :] if other.plain), None) or next((o for o in run[i::-1] if o.plain), None)
        if near is not None:
            yield Relation(side.text, side.value, near.text)


def _chains(latex: str) -> Iterator[list[Side]]:
    text = re.sub(_SPACE, " ", latex).replace("{,}", "").replace(r"\tfrac", r"\frac").replace(r"\operatorname*", "")
    chain: list[str] = []
    for line in re.split(r"\\\\(?:\[[^\]]*\])?|\\qquad|, *\\quad|\\to|\\Rightarrow", text):
        rest = re.sub(r"^[&\s]*(?:\\quad)?\s*", "", line).replace("&", "").replace(r"\quad", " ").strip()
        if chain and re.match(r"=|\\approx|\+|\\cdot", rest):
            chain.append(rest)
        else:
            yield _sides(" ".join(chain))
            chain = [rest]
    yield _sides(" ".join(chain))


def _sides(chain: str) -> list[Side]:
    """At the relations outside all braces; behind an approximation begins a new run."""
    parts, depth = [""], 0
    for token in re.split(r"(\\approx|=|[{}])", chain):
        depth += (token == "{") - (token == "}")
        if not depth and token in ("=", r"\approx"):
            parts += [""] if token == "=" else [r"\approx", ""]
        else:
            parts[-1] += token
    return [_side(part) for part in parts]


def _side(text: str) -> Side:
    text = re.sub(r"\\text\{ [^{}]*\}", "", text)  # units
    text = re.sub(r"\s+", " ", text).strip()
    return Side(text, value_of(text), bool(PLAIN.fullmatch(text)))


def value_of(text: str) -> float | None:
    """The number that an expression stands for; None if it is not made of numbers alone."""
    try:
        return _Reader(TOKEN.findall(text)).whole()
    except (KeyError, ValueError, IndexError):
        return None


class _Reader:
    """Sums of products of powers, by recursive descent; raises KeyError, ValueError or IndexError at whatever else it meets."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [*tokens, ""]
        self.at = 0

    def whole(self) -> float:
        value = self.sum()
        if self.tokens[self.at]:
            raise ValueError(self.tokens[self.at])
        return value

    def take(self, *wanted: str) -> str:
        """The next token if it is one of these, else ""; without wanted: whatever is next."""
        token = self.tokens[self.at]
        if wanted and token not in wanted:
            return ""
        self.at += 1
        return token

    def group(self, closing: str = "}") -> float:
        value = self.sum()
        if not self.take(closing):
            raise ValueError(closing)
        return value

    def braces(self) -> float:
        if not self.take("{"):
            raise ValueError("{")
        return self.group()

    def sum(self) -> float:
        value = self.product()
        while sign := self.take("+", "-"):
            value += self.product() if sign == "+" else -self.product()
        return value

    def product(self) -> float:
        sign = -1.0 if self.take("-") else 1.0
        value = self.power()
        while (operator := self.take(r"\cdot", "/")) or self.tokens[self.at] == r"\log":  # a logarithm needs no dot before it
            factor = self.power()
            value = value / factor if operator == "/" else value * factor
        if self.take(r"\%"):
            value /= 100
        return sign * value

    def power(self) -> float:
        base = self.atom()
        if not self.take("^"):
            return base
        return float(base ** (self.braces() if self.tokens[self.at] == "{" else self.atom()))

    def atom(self) -> float:
        token = self.take()
        if re.fullmatch(NUMBER, token):
            return float(token)
        return self.named(token)

    def named(self, token: str) -> float:
        if token == r"\frac":
            above = self.braces()
            return above / self.braces()
        if token == r"\underbrace":
            value = self.braces()
            self.take("_")
            self.skip()
            return value
        if token == r"\log":
            self.take("_")
            self.take("2")
            return math.log2(self.power())
        if token == r"\max":
            return self.largest()
        return {"e": lambda: math.e, "(": lambda: self.group(")"), r"\sqrt": lambda: math.sqrt(self.braces())}[token]()

    def largest(self) -> float:
        self.take("(")
        values = [self.sum()]
        while self.take(","):
            values.append(self.sum())
        if not self.take(")"):
            raise ValueError(")")
        return max(values)

    def skip(self) -> None:
        """A group in braces, whatever it holds."""
        depth = 0
        while token := self.take():
            depth += (token == "{") - (token == "}")
            if not depth:
                return
