"""Who is woken when: changes come from any thread, what is sent goes from the event loop."""

from __future__ import annotations

import asyncio

from app.room.room import Room
from app.room.rooms import ROOMS, Rooms

LOOKED_EVERY = 60.0  # seconds between two looks for rooms that nobody uses


class Hub:
    """Between the rooms and the event loop that serves their members."""

    def __init__(self, rooms: Rooms = ROOMS) -> None:
        self.rooms = rooms
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: dict[Room, asyncio.TimerHandle] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """The server has started; call it from the loop's own thread."""
        self._loop = loop
        self.rooms.on_change = self._changed
        self._sweep()

    def close(self) -> None:
        """The server ends."""
        self._loop = None
        for timer in [*self._due.values(), *([self._sweeping] if self._sweeping else [])]:
            timer.cancel()
        self._due.clear()

    def _changed(self, room: Room, delay: float) -> None:
        """From any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if delay or not _runs_here(loop):
            loop.call_soon_threadsafe(self._wake, room, delay)
        else:
            self._wake(room, 0.0)

    def _wake(self, room: Room, delay: float) -> None:
        if self._loop is None:
            return
        if delay:
            if room not in self._due:
                self._due[room] = self._loop.call_later(delay, self._wake, room, 0.0)
            return
        if timer := self._due.pop(room, None):
            timer.cancel()
        with room.lock:
            members = list(room.members)
        for member in members:
            member.wake()

    def _sweep(self) -> None:
        if self._loop is not None:
            self.rooms.sweep()
            self._sweeping = self._loop.call_later(LOOKED_EVERY, self._sweep)


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


HUB = Hub()
