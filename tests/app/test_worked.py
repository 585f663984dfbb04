"""The digits of a worked formula: as few as make it hold, and no "=" where it does not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from app.writing.worked import (
    FEWEST,
    MOST,
    Worked,
    added,
    as_one,
    begun,
    bracketed,
    entropy_terms,
    latex_number,
    latex_percent,
    worked,
)
from tests.pages.printed_formula import relations, value_of

FUNCTIONS: dict[str, tuple[int, Callable[..., float]]] = {
    "sum": (2, lambda a, b: a + b),
    "difference of what is nearly the same": (2, lambda a, b: a - (a + 1e-4 * b)),
    "quotient": (2, lambda a, b: a / b),
    "product": (3, lambda a, b, c: a * b * c),
    "power": (1, lambda a: abs(a) ** 0.01),
    "high power": (1, lambda a: (1 + math.tanh(a) / 9) ** 63),
    "exponential": (2, lambda a, b: math.exp(math.tanh(a) - 100 * math.tanh(b))),
    "root": (1, lambda a: math.sqrt(abs(a))),
    "normalised": (3, lambda a, b, c: (a - b) / math.sqrt(c * c + 1e-5)),
}


def put_in(function: Callable[..., float], inputs: tuple[str, ...]) -> float:
    """The function of what is printed."""
    values = [value_of(text) for text in inputs]
    assert None not in values, inputs
    return function(*values)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_printed_inputs_give_the_printed_result(name: str) -> None:
    count, function = FUNCTIONS[name]
    draw = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        exact = [float(v) for v in draw.normal(size=count) * 10.0 ** draw.integers(-9, 10, size=count)]
        if abs(function(*exact)) > 3e38:  # as large as no number of a model
            continue
        result = float(np.float32(function(*exact)))
        found = worked(function, exact, result)
        assert found.result == latex_number(result)
        assert found.inputs == tuple(latex_number(value, found.digits) for value in exact)
        reached = [
            latex_number(put_in(function, tuple(latex_number(v, digits) for v in exact))) == found.result
            for digits in range(FEWEST, MOST + 1)
        ]
        assert (found.relation == "=") == any(reached)
        assert found.digits == (FEWEST + reached.index(True) if any(reached) else MOST)  # the fewest
        held += found.relation == "="
    assert held > (0 if "nearly" in name else 200)


def test_digits_are_added_until_it_holds() -> None:
    assert worked(lambda a, b: a + b, [0.5634, 0.000366], 0.563766) == Worked(("0.5634", "0.000366"), "=", "0.564", 4)
    assert worked(lambda a, b: a + b, [0.25, 0.5], 0.75).out == "= 0.75"
    power = worked(lambda base: base**63, [0.9713], 0.9713**63)
    assert len(power.inputs[0]) > len("0.971") and power.relation == "="


def test_where_no_digits_are_enough_the_relation_is_about() -> None:
    assert worked(lambda a, b: a - b, [1.000000011, 1.0], 1.1e-8).out == r"\approx 1.1 \cdot 10^{-8}"
    assert worked(lambda a: math.sqrt(a), [-0.5], 1.0).relation == r"\approx"  # no value at all
    assert worked(lambda a: 1 / a, [0.0], 5.0).relation == r"\approx"
    assert worked(math.exp, [1e9], 5.0).relation == r"\approx"


def test_the_result_may_be_written_another_way() -> None:
    found = worked(lambda a, b: a / b, [1.0, 3.0], 1 / 3, written=latex_percent)
    assert found.out == r"= 33.3\,\%"
    assert worked(lambda a, b: a / b, [1.0, 3.0], 1 / 3, digits=5).result == "0.33333"


def test_a_sum_that_is_only_begun_has_few_digits() -> None:
    assert begun([0.123456, 0.5], 9.87654) == Worked(("0.123", "0.5"), "=", "9.88", FEWEST)


@pytest.mark.parametrize("first", [0.5, 0.73, 0.9, 1 - 1e-5])
def test_an_entropy_of_two_is_that_of_the_printed_probabilities(first: float) -> None:
    probs = [first, 1 - first]
    entropy = -math.fsum(p * math.log2(p) for p in probs)
    terms, relation = entropy_terms(probs, entropy, digits=4)
    assert [found.holds for found in relations(rf"H &= {terms} \\ &= {latex_number(entropy, 4)}\text{{ bits}}")] == [True]
    assert relation == "="
    assert entropy_terms([1.0], 0.0) == (r"-(1 \log_2 1)", "=")
    assert entropy_terms([1 - 1e-12, 1e-12], 4.13e-11)[1] == r"\approx"
    assert entropy_terms([0.4, 0.3, 0.3], 1.571) == (r"-(0.4 \log_2 0.4 \\[0.4em] &\quad + 0.3 \log_2 0.3 + \cdots)", "=")


def test_numbers_behind_operators_keep_their_sign() -> None:
    assert (bracketed("-2"), bracketed("2"), added("-2"), added("2")) == ("(-2)", "2", "- 2", "+ 2")
    assert (as_one("-2"), as_one("2"), as_one(latex_number(2e-9))) == ("(-2)", "2", r"(2 \cdot 10^{-9})")
    assert (latex_number(-0.0), latex_number(1.2e-7)) == ("0", r"1.2 \cdot 10^{-7}")
