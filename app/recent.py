"""What was computed of late, kept within so many bytes: by what it was computed from, the least recently used goes first.

Every cache of the application is one of these. A cache that counts its entries is bounded by nothing, since a visitor decides how
large one is. For results of a text Streamlit's own cache would also hash a key token by token, which takes longer than many a result.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import wraps
from threading import Lock
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar

import numpy as np

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

MB = 1_000_000
_PER_ENTRY = 200  # bytes of the books about one result


class _Kept(NamedTuple):
    result: Any
    size: int


class Recent(Generic[Result]):
    """Results (never None) of at most `most_bytes` bytes together, their keys included. What alone is larger is not kept at all.

    size: bytes of a result, for one that still grows; measured where it is not given. Safe for threads; two that ask at once may
    both compute.
    """

    def __init__(self, most_bytes: int, size: Callable[[Result], int] | None = None) -> None:
        self._most = most_bytes
        self._size = size
        self._lock = Lock()
        self._results: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._total = 0

    @property
    def n_bytes(self) -> int:
        """What is kept now, in bytes."""
        return self._total

    def find(self, key: Hashable) -> Result | None:
        """The result that is kept for this key, if there is one."""
        with self._lock:
            if (found := self._results.get(key)) is None:
                return None
            self._results.move_to_end(key)
            kept: Result = found.result
            return kept

    def keep(self, key: Hashable, made: Result) -> Result:
        """Keep a result, and return it; one that was kept for this key before stays, and is returned instead."""
        size = _PER_ENTRY + (size_of((key, made)) if self._size is None else size_of(key) + self._size(made))
        with self._lock:
            if (found := self._results.get(key)) is not None:
                self._results.move_to_end(key)
                kept: Result = found.result
                return kept
            if size > self._most:
                return made
            self._results[key] = _Kept(made, size)
            self._total += size
            while self._total > self._most:
                self._total -= self._results.popitem(last=False)[1].size
        return made

    def get(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """The result for this key: the kept one, or the one that `make` gives now. All that ask for a key get the same object."""
        found = self.find(key)
        return self.keep(key, make()) if found is None else found

    def some(self, wanted: Iterable[tuple[Hashable, Callable[[], Result]]], most: int | None) -> list[Result | None]:
        """The results for these keys, in their order: all that are kept, and at most `most` new ones (None: all); None for what is left
        for later."""
        found: list[Result | None] = []
        for key, make in wanted:
            result = self.find(key)
            if result is None and (most is None or most > 0):
                result, most = self.keep(key, make()), None if most is None else most - 1
            found.append(result)
        return found

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._results.clear()
            self._total = 0


class KeptFunction(Recent[Result], Generic[Arguments, Result]):
    """A function whose recent results are kept; what `keeping` makes."""

    def __init__(self, function: Callable[Arguments, Result], most_bytes: int) -> None:
        super().__init__(most_bytes)
        self._function = function
        wraps(function)(self)

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        key = (args, tuple(sorted(kwargs.items())))
        return self.get(key, lambda: self._function(*args, **kwargs))


def keeping(most_bytes: int) -> Callable[[Callable[Arguments, Result]], KeptFunction[Arguments, Result]]:
    """Keep the recent results of a function, by its arguments: at most so many bytes of them. They are shared: not to be changed."""
    return lambda function: KeptFunction(function, most_bytes)


def size_of(thing: Any) -> int:
    """Bytes that a value takes in memory, with all that it holds; what it holds twice counts once."""
    seen: set[int] = set()
    waiting, total = [thing], 0
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        total += sys.getsizeof(item)
        if isinstance(item, np.ndarray):
            if item.base is not None:  # a view: it keeps all of what it looks at
                waiting.append(item.base)
            if item.dtype.hasobject:
                waiting.extend(item.ravel().tolist())
        elif isinstance(item, str | bytes | int | float | type) or callable(item):
            continue
        elif isinstance(item, Mapping):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list | tuple | set | frozenset):
            waiting.extend(item)
        elif hasattr(item, "memory_usage"):  # a table, or one column of it
            waiting.extend(_objects(item))
        elif hasattr(item, "__dict__"):
            waiting.append(vars(item))
    return total


def _objects(table: Any) -> list[Any]:
    """What the cells of a table refer to; its own memory is part of its size already."""
    columns = [table[name] for name in table] if hasattr(table, "columns") else [table]
    return [column.to_numpy() for column in columns if column.dtype == object]
