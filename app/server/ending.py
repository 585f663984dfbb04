"""The end: within three seconds of a signal, whatever is under way."""

from __future__ import annotations

import os
import signal
from threading import Timer
from types import FrameType

SECONDS_TO_END = 2.5


def end_in_time() -> None:
    """From now on a signal to end gives what is under way a little time and then ends the process; nothing is kept that could be lost.

    uvicorn closes the connections as it does, and waits for answers that are on their way without a limit of its own. For the main
    thread, when uvicorn's handlers are in place.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        _limit(number)


def _limit(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def handler(received: int, frame: FrameType | None) -> None:
        clock = Timer(SECONDS_TO_END, os._exit, [128 + received])
        clock.daemon = True
        clock.start()
        if callable(before):
            before(received, frame)

    signal.signal(number, handler)
