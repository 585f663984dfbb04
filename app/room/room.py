"""One class: the newest state of what its teacher shows, and who is in it. Never a queue of what happened."""

from __future__ import annotations

import json
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from types import MappingProxyType
from typing import Any, NamedTuple

FOLLOW, EXPLORE, PRESENT, REMOTE = "follow", "explore", "present", "remote"
ROLES = frozenset({FOLLOW, EXPLORE, PRESENT, REMOTE})
TEACHERS = frozenset({PRESENT, REMOTE})
MOST_MEMBERS = 1000
MOST_TEACHERS = 8  # of them: a screen or two, a phone
SOON = 0.25  # seconds within which changes of a count are sent together
_PACKED_FROM = 1500  # bytes; what is shorter fits one packet anyway
_MOST_DROPPED = 500  # names whose end is remembered; who has missed more gets everything
_NOTHING: Mapping[str, Any] = MappingProxyType({})

# Who is sent a field, by its name up to a colon; any other goes to all.
READERS: dict[str, frozenset[str]] = {
    "page": frozenset({FOLLOW}),
    "part": frozenset({FOLLOW}),
    "hand": frozenset({FOLLOW}),
    "pointer": frozenset({FOLLOW}),
    "blank": frozenset({FOLLOW}),
    "count": TEACHERS,
    "lesson": TEACHERS,
    "again": frozenset({PRESENT}),
}


class RoomRefused(Exception):
    """Somebody cannot be let in, or on. why: in a word, for the browser; the text is for whoever sits before it."""

    def __init__(self, why: str, said: str) -> None:
        super().__init__(said)
        self.why = why


@dataclass(eq=False)
class Member:
    """One connection. role: one of ROLES; tab: a random name that the browser's tab gave itself; wake: called in the event loop when
    there is something to send; is_alone: a follower who tries something by itself at this moment; outbox: what goes to this connection
    alone."""

    role: str
    tab: str
    wake: Callable[[], object] = lambda: None
    is_alone: bool = False
    outbox: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=8))

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send this to the one connection, from the event loop. A message has a "kind"."""
        self.outbox.append(message)
        self.wake()


class _Field(NamedTuple):
    value: Any
    rev: int


class Room:
    """code: as it is typed; digest: of the teacher's token; epoch: of this life of the room; now: seconds.

    Any thread may change and read it. on_change(delay) is called after a change that has to be sent within `delay` seconds.
    memory: for those who add kinds of messages to the protocol; it is never sent.
    """

    def __init__(self, code: str, digest: bytes, epoch: str, now: float) -> None:
        self.code, self.digest, self.epoch = code, digest, epoch
        self.touched = now
        self.has_ended = False
        self.rev = 0
        self.memory: dict[str, Any] = {}
        self.on_change: Callable[[float], object] = lambda delay: None
        self.on_count: Callable[[], object] = lambda: None  # after somebody came, went, or took another role
        self.members: set[Member] = set()
        self._fields: dict[str, _Field] = {}
        self._dropped: dict[str, int] = {}
        self._known_from = 0  # who knows an older state than this one gets everything
        self._frames: dict[tuple[str, int], bytes | None] = {}
        self.lock = RLock()

    def change(self, put: Mapping[str, Any] = _NOTHING, drop: Iterable[str] = (), delay: float = 0.0) -> bool:
        """Set fields (JSON or bytes) and drop others, as one change; False if all of it was so already."""
        with self.lock:
            gone = [name for name in drop if name in self._fields and name not in put]
            new = {name: value for name, value in put.items() if name not in self._fields or self._fields[name].value != value}
            if not gone and not new:
                return False
            self.rev += 1
            for name in gone:
                del self._fields[name]
                self._dropped[name] = self.rev
            for name, value in new.items():
                self._fields[name] = _Field(value, self.rev)
                self._dropped.pop(name, None)
            if len(self._dropped) > _MOST_DROPPED:
                self._dropped.clear()
                self._known_from = self.rev
            self._frames.clear()
        self.on_change(delay)
        return True

    def value(self, name: str, default: Any = None) -> Any:
        """The newest value of a field."""
        with self.lock:
            found = self._fields.get(name)
            return default if found is None else found.value

    def names(self, kind: str) -> list[str]:
        """The names of all fields of a kind: `kind:` and what comes after it."""
        with self.lock:
            return [name for name in self._fields if name.startswith(f"{kind}:")]

    def news(self, role: str, since: int) -> tuple[int, bytes | None]:
        """(the newest revision, the frame that brings this role there from `since`; None if nothing of it concerns the role).

        since: 0 for everything. The same frame serves all who were as far.
        """
        with self.lock:
            key = role, since
            if key not in self._frames:
                self._frames[key] = self._frame(role, since)
            return self.rev, self._frames[key]

    def _frame(self, role: str, since: int) -> bytes | None:
        whole = since < max(1, self._known_from) or since > self.rev
        known = 0 if whole else since
        fresh = {name: each.value for name, each in self._fields.items() if each.rev > known and reads(role, name)}
        gone = [] if whole else [name for name, rev in self._dropped.items() if rev > known and reads(role, name)]
        if not (whole or fresh or gone):
            return None
        return frame({"kind": "state", "epoch": self.epoch, "rev": self.rev, "whole": whole, "gone": gone}, fresh)

    def join(self, member: Member) -> None:
        """Raises RoomRefused where there is no place left, or the room has ended."""
        with self.lock:
            if self.has_ended:
                raise RoomRefused("ended", "This class is over.")
            alike = sum(1 for each in self.members if (each.role in TEACHERS) == (member.role in TEACHERS))
            most = MOST_TEACHERS if member.role in TEACHERS else MOST_MEMBERS
            if alike >= most:
                raise RoomRefused("full", f"This class is full: {most:,} browsers are connected to it. Try again in a minute.")
            self.members.add(member)
        self.recount()

    def leave(self, member: Member) -> None:
        """The connection is closed."""
        with self.lock:
            self.members.discard(member)
        self.recount()

    def recount(self) -> None:
        """Say to the teacher how many are here, by role."""
        with self.lock:
            found = Counter(EXPLORE if member.is_alone else member.role for member in self.members)
            self.change({"count": {role: found[role] for role in sorted(ROLES)}}, delay=SOON)
            self.on_count()

    def end(self) -> None:
        """Everybody goes home."""
        with self.lock:
            self.has_ended = True
            self._fields.clear()
            self._frames.clear()
            self.memory.clear()
        self.on_change(0.0)


def reads(role: str, name: str) -> bool:
    """Whether a field is sent to this role."""
    readers = READERS.get(name.partition(":")[0])
    return readers is None or role in readers


def frame(header: Mapping[str, Any], fields: Mapping[str, Any]) -> bytes:
    """A message as bytes: 0, or 1 where the rest is compressed by zlib; then 4 bytes length of the JSON (little endian), the JSON, and one
    after the other the values that are bytes.

    The JSON is the header with "fields": {name: value} and "parts": [[name, number of bytes]]. `read` in components/room/state.js is
    the other half.
    """
    parts = {name: value for name, value in fields.items() if isinstance(value, bytes)}
    rest = {name: value for name, value in fields.items() if name not in parts}
    said = {**header, "fields": rest, "parts": [[name, len(value)] for name, value in parts.items()]}
    text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
    body = b"".join((len(text).to_bytes(4, "little"), text, *parts.values()))
    if len(body) >= _PACKED_FROM:
        packed = zlib.compress(body, 3)
        if len(packed) < 0.9 * len(body):
            return b"\1" + packed
    return b"\0" + body
