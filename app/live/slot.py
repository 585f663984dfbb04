"""Whose training runs: one at a time, the others wait their turn and can watch.

Visitors are known by a number that their page was given. Their browsers ask for news again and again (`news`), which says that somebody
is there: who has not asked for a while has left, and what they had started or waited for goes with them.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from threading import Lock, Timer
from typing import Any, Protocol

from app.live.process import LiveProcess

GONE = 20.0  # seconds without a question for news, after which a visitor has left
PAUSED_AT_MOST = 120.0  # seconds, as long as somebody waits
WALL = 600.0  # seconds from start to end, pauses included
MOST_WAITING = 50
MOST_KNOWN = 10_000  # visitors whose number is kept
LOOKED_EVERY = 1.0  # seconds
WORDS = ("pause", "play", "step")
SPEEDS = (0, 1, 5, 20)  # steps per second; 0: as fast as it goes


class Process(Protocol):
    def say(self, word: str) -> None: ...
    def hold(self, held: bool) -> None: ...
    def end(self) -> None: ...


Start = Callable[[Mapping[str, Any], Callable[[dict[str, Any] | None], object]], Process]

MEASURED = ("step", "seconds", "training", "held_out", "sample")  # of a checkpoint, what a table can hold


@dataclass
class Training:
    """One that runs or ran. number: of the training; owner: the visitor's number; title: what it is; state: "starting", "running",
    "paused", "ended"; why: it ended, in a word; begun, progress: the newest of these messages; rows: all checkpoints."""

    number: int
    owner: int
    title: str
    process: Process | None = None
    state: str = "starting"
    why: str = ""
    speed: int = 0
    begun: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    started: float = 0.0
    paused_since: float | None = None


class Slot:
    """start: how a process is made; now: a clock in seconds."""

    def __init__(self, start: Start = LiveProcess, now: Callable[[], float] = time.monotonic) -> None:
        self._start, self._now = start, now
        self._lock = Lock()  # for the fields below
        self._numbers: OrderedDict[Hashable, int] = OrderedDict()
        self._visitors = 0
        self._seen: dict[int, float] = {}
        self._waiting: dict[int, tuple[str, Mapping[str, Any]]] = {}  # visitor -> title and what to train, in the order of asking
        self._training: Training | None = None
        self._trainings = 0
        self._holding = Lock()  # for the next field, and what follows from it
        self._busy = False
        self._clock: Timer | None = None

    def number_of(self, visitor: Hashable) -> int:
        """The number by which a visitor's page asks for news."""
        with self._lock:
            if visitor not in self._numbers:
                self._visitors += 1
                self._numbers[visitor] = self._visitors
                if len(self._numbers) > MOST_KNOWN:
                    self._numbers.popitem(last=False)
            return self._numbers[visitor]

    def ask(self, visitor: int, title: str, wanted: Mapping[str, Any]) -> bool:
        """Train this as soon as it is this visitor's turn; another wish of theirs is forgotten, and what they have running ends.
        False if too many wait already."""
        with self._lock:
            self._seen[visitor] = self._now()
            if self._is_running() and self._training and self._training.owner == visitor:
                self._end("stopped")
            if len(self._waiting) >= MOST_WAITING and visitor not in self._waiting:
                return False
            self._waiting.pop(visitor, None)
            self._waiting[visitor] = (title, dict(wanted))
            self._next()
            self._watch()
            return True

    def leave(self, visitor: int) -> None:
        """Stop what this visitor has running, and wait no longer."""
        with self._lock:
            self._waiting.pop(visitor, None)
            if self._training and self._training.owner == visitor and self._is_running():
                self._end("stopped")
            self._next()

    def say(self, visitor: int, word: str) -> None:
        """One of WORDS, to the visitor's own training."""
        with self._lock:
            training = self._training
            if training is None or training.owner != visitor or not self._is_running() or not training.process:
                return
            training.process.say(word)
            if training.state != "starting":
                training.state = "running" if word == "play" else "paused"
            training.paused_since = None if word == "play" else self._now()

    def speed(self, visitor: int, speed: int) -> None:
        """Steps per second, one of SPEEDS, of the visitor's own training."""
        with self._lock:
            training = self._training
            if training and training.owner == visitor and self._is_running() and training.process and speed in SPEEDS:
                training.process.say(f"speed {speed}")
                training.speed = speed

    def hold(self, busy: bool) -> None:
        """Others wait for the model, or do so no longer."""
        with self._holding:
            self._busy = busy  # and one that starts begins so
            training = self._training
            if training and training.process:
                training.process.hold(busy)

    def news(self, visitor: int, training: int, rows: int) -> bytes:
        """What a page does not know yet, as JSON: it has seen so many rows of that training. Says that this visitor is there."""
        with self._lock:
            if 0 < visitor <= self._visitors:
                self._seen[visitor] = self._now()
            now = self._training
            order = list(self._waiting)
            said: dict[str, Any] = {
                "place": order.index(visitor) + 1 if visitor in order else 0,
                "waiting": len(order),
                "number": now.number if now else 0,
            }
            if now:
                fresh = now.number != training
                said |= {
                    "mine": now.owner == visitor,
                    "title": now.title,
                    "state": now.state,
                    "why": now.why,
                    "speed": now.speed,
                    "progress": now.progress,
                    "held": self._busy,
                    "from": 0 if fresh else min(rows, len(now.rows)),
                    "rows": now.rows if fresh else now.rows[rows:],
                }
                if fresh or not rows:
                    said["begun"] = now.begun
            return json.dumps(said).encode("utf-8")

    def measured(self) -> list[dict[str, Any]]:
        """What was measured at each checkpoint of the training that runs, or ran last: step, seconds, both losses, and what it wrote."""
        with self._lock:
            rows = self._training.rows if self._training else ()
            return [{name: row[name] for name in MEASURED} for row in rows]

    def close(self) -> None:
        """The server ends."""
        with self._lock:
            self._waiting.clear()
            if self._is_running():
                self._end("stopped")

    # What follows is called with the lock held.

    def _is_running(self) -> bool:
        return self._training is not None and self._training.state != "ended"

    def _next(self) -> None:
        """The first who waits, if nothing runs."""
        if self._is_running() or not self._waiting:
            return
        visitor = next(iter(self._waiting))
        title, wanted = self._waiting.pop(visitor)
        self._trainings += 1
        training = Training(self._trainings, visitor, title, started=self._now())
        self._training = training
        try:
            training.process = self._start(wanted, lambda message: self._heard(training, message))
        except OSError:
            training.state, training.why = "ended", "failed"
            self._next()
            return
        with self._holding:
            training.process.hold(self._busy)

    def _end(self, why: str) -> None:
        if training := self._training:
            training.state, training.why = "ended", why
            process, training.process = training.process, None
            if process:
                process.end()

    def _watch(self) -> None:
        if self._clock is None and (self._is_running() or self._waiting):
            self._clock = Timer(LOOKED_EVERY, self._tick)
            self._clock.daemon = True
            self._clock.start()

    # Called without it.

    def _heard(self, training: Training, message: dict[str, Any] | None) -> None:
        """From the thread that listens to the process."""
        with self._lock:
            if training.state == "ended":
                return
            kind = "gone" if message is None else message["kind"]
            if kind == "begun" and message:
                training.begun = message
                training.state = "paused" if training.paused_since is not None else "running"
            elif kind == "progress" and message:
                training.progress = message
            elif kind == "checkpoint" and message:
                training.rows.append(message)
                training.progress = {name: message[name] for name in ("step", "seconds")}
            else:
                training.why = str(message["why"]) if message else "failed"
                self._end(training.why)
                self._next()

    def _tick(self) -> None:
        with self._lock:
            self._clock = None
            self._look()
            self._watch()

    def _look(self) -> None:
        """Who has left, and what has gone on for too long. With the lock held."""
        now = self._now()
        self._seen = {visitor: at for visitor, at in self._seen.items() if now - at < GONE}
        self._waiting = {visitor: asked for visitor, asked in self._waiting.items() if visitor in self._seen}
        if (training := self._training) and self._is_running():
            if training.owner not in self._seen:
                self._end("left")
            elif now - training.started > WALL:
                self._end("wall")
            elif training.paused_since is not None and self._waiting and now - training.paused_since > PAUSED_AT_MOST:
                self._end("paused")
        self._next()


SLOT = Slot()
