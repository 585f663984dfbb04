"""All classes of this server, in memory and nowhere else."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from threading import RLock

from app.room import codes
from app.room.room import Room, RoomRefused

MOST_ROOMS = 50
IDLE = 4 * 3600.0  # seconds without a word or a change, after which a room ends


class Rooms:
    """now: a clock in seconds; begins: with one of these signs the code of a new room begins. on_change(room, delay): what every room's
    `on_change` calls."""

    def __init__(self, now: Callable[[], float] = time.monotonic, begins: str = codes.ALPHABET) -> None:
        self.now = now
        self._begins = begins
        self.on_change: Callable[[Room, float], object] = lambda room, delay: None
        self._rooms: dict[str, Room] = {}
        self._lock = RLock()

    def open(self) -> tuple[Room, str]:
        """A new room, and its teacher's token. Raises RoomRefused where there are enough."""
        while True:
            token = codes.new_token()
            code = codes.code_of(token)
            with self._lock:
                if code not in self._rooms and code[0] in self._begins:
                    return self._add(code, token), token

    def teach(self, code: str, token: str) -> Room:
        """The room of this code for whoever has its token; opened again if it is not there. Raises RoomRefused without the right."""
        with self._lock:
            if room := self._rooms.get(code):
                if hmac.compare_digest(room.digest, codes.digest(token)):
                    return room
                raise RoomRefused("rights", "This link does not belong to the teacher of this class.")
        if codes.code_of(token) != code:
            raise RoomRefused("rights", "This link does not belong to the teacher of this class.")
        with self._lock:
            return self._rooms.get(code) or self._add(code, token)

    def find(self, code: str) -> Room | None:
        """The room of this code."""
        with self._lock:
            return self._rooms.get(code)

    def end(self, room: Room) -> None:
        """The class is over."""
        with self._lock:
            if self._rooms.get(room.code) is room:
                del self._rooms[room.code]
        room.end()

    def touch(self, room: Room) -> None:
        """Something was said or shown in it."""
        room.touched = self.now()

    def sweep(self) -> None:
        """End what nobody has used for long."""
        now = self.now()
        with self._lock:
            idle = [room for room in self._rooms.values() if now - room.touched > IDLE]
        for room in idle:
            self.end(room)

    def __len__(self) -> int:
        return len(self._rooms)

    def _add(self, code: str, token: str) -> Room:
        """With the lock held."""
        self.sweep()
        if len(self._rooms) >= MOST_ROOMS:
            raise RoomRefused(
                "rooms",
                f"{MOST_ROOMS} classes are open on this server, which is the limit. One ends by its teacher's End class, or after "
                f"{int(IDLE) // 3600} hours without a change.",
            )
        room = Room(code, codes.digest(token), codes.new_epoch(), self.now())
        room.on_change = lambda delay: self.on_change(room, delay)
        self._rooms[code] = room
        return room


ROOMS = Rooms(begins=codes.own_signs(os.environ.get(codes.LETTERS_VARIABLE, "")))
