"""The server's log: one line an event, never what a visitor wrote, and the same event not again and again."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from streamlit.logger import get_logger

from gptcore.errors import GPTCoreError

EVERY = 600.0  # seconds until the same event is logged again
MOST_EVENTS = 1000  # different ones that are told apart; what is beyond is logged as if it were new
LONGEST = 400  # characters of a line

_ROOT = Path(__file__).resolve().parents[1]
_logger = get_logger("glass")
_lock = Lock()


@dataclass
class _Event:
    logged: float
    times: int = 0  # since then


_events: OrderedDict[str, _Event] = OrderedDict()


def say(event: str, line: str, every: float = EVERY) -> None:
    """Log a line, unless this event was logged within the last `every` seconds; then it is counted, and the next line says how often."""
    now = time.monotonic()
    with _lock:
        known = _events.setdefault(event, _Event(-every))
        _events.move_to_end(event)
        while len(_events) > MOST_EVENTS:
            _events.popitem(last=False)
        known.times += 1
        if now - known.logged < every:
            return
        times, known.times, known.logged = known.times, 0, now
    line = " ".join(line.split())[:LONGEST]
    _logger.error(line if times == 1 else f"{line} ({times:,} times since it was last logged)")


def forget() -> None:
    """Begin anew, as after a start."""
    with _lock:
        _events.clear()


def message(error: Exception) -> str:
    """What a visitor is told. A fault of the program is logged too."""
    if isinstance(error, GPTCoreError):
        return str(error)
    return (
        f"Something went wrong in the app itself. Whoever runs this server finds it in the log under the reference {reference(error)}. "
        "You can go on: another page, or another text or setting, is not affected."
    )


def reference(error: BaseException) -> str:
    """Log a fault of the program, and return the reference under which it stands there: the same for the same place in the source."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)] or frames[-1:]
    place = " < ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(own[-3:]))
    deepest = frames[-1] if frames else None
    within = f" in {_short(deepest.filename)}:{deepest.lineno}" if deepest and deepest not in own else ""
    kind = type(error).__name__
    found = hashlib.blake2b(f"{kind} {place}{within}".encode(), digest_size=3).hexdigest().upper()
    say(found, f"Fault {found}: {kind}{within}, from {place}")
    return found


def _is_own(file: str) -> bool:
    path = Path(file)  # a package that others brought may lie inside the project's folder, and the project inside site-packages
    return path.is_relative_to(_ROOT) and "site-packages" not in path.relative_to(_ROOT).parts


def _short(file: str) -> str:
    path = Path(file)
    return path.relative_to(_ROOT).as_posix() if _is_own(file) else "/".join(path.parts[-2:])
