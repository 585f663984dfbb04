"""The last few results of a computation, by what they were computed from. For results of a text: Streamlit's own cache hashes a key
token by token, which takes longer than many a result, where a tuple's own hash takes microseconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Recent(Generic[Result]):
    """At most `most` results (never None), the least recently used go first. Safe for threads; two that ask at once may both compute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._results: OrderedDict[Hashable, Result] = OrderedDict()

    def find(self, key: Hashable) -> Result | None:
        """The result that is kept for this key, if there is one."""
        with self._lock:
            if (found := self._results.get(key)) is not None:
                self._results.move_to_end(key)
            return found

    def keep(self, key: Hashable, made: Result) -> Result:
        """Keep a result, and return it; one that was kept for this key before stays, and is returned instead."""
        with self._lock:
            kept = self._results.setdefault(key, made)
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)
        return kept

    def get(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """The result for this key: the kept one, or the one that `make` gives now. All that ask for a key get the same object."""
        found = self.find(key)
        return self.keep(key, make()) if found is None else found
