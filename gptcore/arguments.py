"""What callers may pass for a number and for token ids: Python's own types, numpy's and torch's; and what is none of them.

Needs neither torch nor numpy: their numbers are known by what they can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any, TypeAlias

from gptcore.errors import GPTCoreError, TokenError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Whole: TypeAlias = int
    Number: TypeAlias = float
    Ids: TypeAlias = Sequence[int] | Sequence[Sequence[int]] | np.ndarray | Tensor
else:  # at run time anything: the functions below decide, with a message that names the value
    Whole = Number = Ids = object


def whole(value: Any) -> int | None:
    """The int that a value is, None if it is no whole number. True and 3.0 are none."""
    if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        return None
    try:
        return index(value)
    except (TypeError, ValueError):
        return None


def real(value: Any) -> float | None:
    """The float that a value is, None if it is no number; infinity and NaN are numbers."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # of a torch or numpy scalar
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:  # an int beyond every float
        return None


def at_least_one(name: str, value: Any, error: type[GPTCoreError], advice: str) -> int:
    """The int that a value is. Raises the error, which names the value and ends in the advice, unless it is 1 or more."""
    number = whole(value)
    if number is None or number < 1:
        raise error(f"{name} is {value!r:.80}; {advice}.")
    return number


def token_ids(ids: Ids) -> tuple[int, ...]:
    """Token ids as plain ints, from a sequence or an array or tensor of shape [n] or [1, n].

    Raises TokenError that names what is no whole number, or the shape.
    """
    if type(ids) is tuple and all(type(i) is int for i in ids):
        return ids
    given: Any = ids
    shape = getattr(given, "shape", None)
    if shape is not None and hasattr(given, "tolist"):
        given = given.tolist()
    if isinstance(given, (str, bytes, dict)) or not hasattr(given, "__iter__"):
        raise TokenError(f"The token ids are {ids!r:.80}; give whole numbers, as a sequence of shape [n] or [1, n].")
    given = list(given)
    if (
        len(given) == 1
        and whole(given[0]) is None
        and hasattr(given[0], "__iter__")
        and not isinstance(given[0], (str, bytes, dict))
    ):
        return token_ids(given[0])
    found = [whole(value) for value in given]
    if None in found:
        wrong, place = given[found.index(None)], f" (they have the shape {tuple(shape)})" if shape is not None else ""
        raise TokenError(f"Token id {wrong!r:.80} is no whole number{place}, in {ids!r:.80}; give ids of shape [n] or [1, n].")
    return tuple(value for value in found if value is not None)


def check_ids(ids: Ids, vocab_size: int) -> tuple[int, ...]:
    """The ids as plain ints. Raises TokenError, naming the first id that is no whole number or not in 0 ... vocab_size - 1."""
    found = token_ids(ids)
    for token_id in found:
        if not 0 <= token_id < vocab_size:
            raise TokenError(f"Token id {token_id} is not in this model's vocabulary of {vocab_size:,} (0 to {vocab_size - 1}).")
    return found


def check_id(token_id: Whole, vocab_size: int) -> int:
    """One id as a plain int. Raises TokenError as `check_ids` does."""
    if type(token_id) is int and 0 <= token_id < vocab_size:  # by far the most: a whole vocabulary is asked for one by one
        return token_id
    return check_ids((token_id,), vocab_size)[0]
