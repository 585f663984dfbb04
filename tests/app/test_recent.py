"""What is kept of late, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.recent import Recent, keeping, size_of


@dataclass(frozen=True)
class Holder:
    table: pd.DataFrame
    said: tuple[str, ...]


@pytest.mark.parametrize(
    ("thing", "size"),
    [
        (np.zeros(1000), 8_000),
        (np.zeros((1000, 1000))[:1], 8_000_000),  # a view keeps all of what it looks at
        ("x" * 5000, 5_000),
        (["x" * 5000] * 3, 5_000),  # one text, three times
        (["x" * 5000, "y" * 5000], 10_000),
        ({"a": b"x" * 3000, "b" * 4000: 1}, 7_000),
        (pd.DataFrame({"n": np.arange(1000), "text": ["x" * 100] * 1000}), 108_000),
        (pd.DataFrame({"parts": [("x" * 1000, str(i)) for i in range(100)]}), 13_000),
        (Holder(pd.DataFrame({"n": np.arange(1000)}), ("x" * 5000,)), 13_000),
        ((np.array([("x" * 9000,)], dtype=object),), 9_000),
    ],
)
def test_the_size_of_a_value_is_that_of_all_it_holds(thing: Any, size: int) -> None:
    assert size <= size_of(thing) <= 1.2 * size + 12_000 * isinstance(thing, pd.DataFrame) + 1_000


def test_what_is_kept_is_bounded_in_bytes_and_the_least_recently_used_goes_first() -> None:
    kept: Recent[bytes] = Recent(11_000)
    for key in ("a", "b", "c"):
        kept.keep(key, key.encode() * 3000)
    assert kept.find("a") and kept.n_bytes <= 11_000
    kept.keep("d", b"d" * 3000)
    assert [key for key in "abcd" if kept.find(key)] == ["a", "c", "d"] and kept.n_bytes <= 11_000


def test_a_long_key_counts_too() -> None:
    kept: Recent[int] = Recent(10_000)
    for text in ("a" * 4000, "b" * 4000, "c" * 4000):
        kept.keep(text, 1)
    assert kept.find("a" * 4000) is None and kept.find("c" * 4000) == 1


def test_what_alone_is_too_large_is_returned_and_not_kept_and_drives_nothing_out() -> None:
    kept: Recent[bytes] = Recent(10_000)
    kept.keep("small", b"1")
    assert kept.get("large", lambda: b"x" * 20_000) == b"x" * 20_000
    assert kept.find("large") is None and kept.find("small") == b"1"


def test_a_result_that_grows_is_counted_at_its_largest() -> None:
    kept: Recent[list[int]] = Recent(10_000, size=lambda _: 6_000)
    first = kept.keep("a", [])
    kept.keep("b", [])
    assert kept.find("a") is None and first == []


def test_all_that_ask_for_a_key_get_the_same_object() -> None:
    kept: Recent[list[int]] = Recent(10_000)
    first = kept.keep("a", [1])
    assert kept.keep("a", [2]) is first and kept.get("a", lambda: [3]) is first


def test_a_function_that_keeps_is_called_once_for_the_same_arguments_and_forgets_within_its_bytes() -> None:
    calls = []

    @keeping(20_000)
    def squares(n: int, *, shift: int = 0) -> np.ndarray:
        """The first n."""
        calls.append(n)
        return np.arange(n) ** 2 + shift

    assert squares(3) is squares(3) and squares(3, shift=1)[0] == 1 and calls == [3, 3]
    assert squares.__name__ == "squares" and squares.__doc__ == "The first n."
    for n in range(1000, 1010):
        squares(n)
    assert squares.n_bytes <= 20_000
    squares(3)
    assert calls[-1] == 3
    squares.clear()
    squares(3)
    assert calls[-2:] == [3, 3]
