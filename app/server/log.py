"""One line in the log for what a hostile visitor could cause a thousand times a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock

SECONDS_BETWEEN_LINES = 60.0

_LOG = logging.getLogger("glass")


class Seldom:
    """A line of the log that is written at most once a minute, and then says how often it was due since.

    clock: seconds that only grow, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._left_out = 0
        self._next = float("-inf")

    def warn(self, message: str, *values: object) -> None:
        """message, values: as for logging's warning."""
        with self._lock:
            now = self._clock()
            if now < self._next:
                self._left_out += 1
                return
            left_out, self._left_out, self._next = self._left_out, 0, now + SECONDS_BETWEEN_LINES
        if left_out:
            message += " (and %d more since the last such line)"
            values += (left_out,)
        _LOG.warning(message, *values)
