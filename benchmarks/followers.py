"""Followers of a class without a browser: their sockets in one event loop, in a thread of its own, and when each heard of what."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.room.room import EXPLORE, FOLLOW, PRESENT
from tests.app.room.frames import read

T = TypeVar("T")
WHOLE = "whole"  # what stands in `heard` where everything came at once


@dataclass
class Follower:
    """One connection that comes back by itself. heard: (seconds by time.monotonic, the teacher's place, WHOLE or a value that moved);
    refused: why, each time."""

    url: str
    code: str
    role: str = FOLLOW
    token: str = ""
    heard: list[tuple[float, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    n_bytes: int = 0
    epoch: str = ""
    rev: int = 0
    socket: ClientConnection | None = None

    async def run(self, luck: random.Random) -> None:
        parts = urlsplit(self.url)
        address = f"ws://{parts.netloc}{parts.path}/glass/room/{self.code}"
        while True:
            try:
                async with connect(address, origin=f"http://{parts.netloc}", max_size=2**26, open_timeout=30) as socket:  # type: ignore[arg-type]
                    self.socket = socket
                    await self.say("hello", role=self.role, tab=str(id(self)), token=self.token, epoch=self.epoch, rev=self.rev)
                    async for frame in socket:
                        self._take(frame)
            except (OSError, TimeoutError, WebSocketException) as error:
                self.errors.append(type(error).__name__)
            self.socket = None
            await asyncio.sleep(0.5 + luck.random() * 2)  # as components/room/state.js

    def _take(self, frame: str | bytes) -> None:
        now = time.monotonic()
        self.n_bytes += len(frame)
        if isinstance(frame, str):
            if (message := json.loads(frame))["kind"] == "refused":
                self.refused.append(message["why"])
            return
        said = read(frame)
        self.epoch, self.rev = said["epoch"], said["rev"]
        if said["whole"]:
            self.heard.append((now, WHOLE))
        if "where" in said["fields"]:
            self.heard.append((now, said["fields"]["where"]["link"]))
        self.heard += [(now, json.dumps(value)) for name, value in said["fields"].items() if name.startswith("hand:")]

    async def say(self, word: str, **more: Any) -> None:
        if self.socket is not None:
            await self.socket.send(json.dumps({"say": word, **more}))


class Class:
    """Some followers of one class, and what a teacher's own socket can do to them; `with Class(url, code) as pupils: ...`."""

    def __init__(self, url: str, code: str, token: str, followers: int, explorers: int = 0) -> None:
        self.followers = [Follower(url, code) for _ in range(followers)]
        self.explorers = [Follower(url, code, EXPLORE) for _ in range(explorers)]
        self.teacher = Follower(url, code, PRESENT, token)
        self._loop = asyncio.new_event_loop()
        self._luck = random.Random(1)
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Class:
        self._thread.start()
        for member in (self.teacher, *self.followers, *self.explorers):
            asyncio.run_coroutine_threadsafe(member.run(self._luck), self._loop)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None) -> None:
        async def end() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Run this in the loop of the followers."""
        waiting: Future[T] = asyncio.run_coroutine_threadsafe(what, self._loop)
        return waiting.result(60)

    def move(self, value: dict[str, Any]) -> None:
        """The teacher's hand moves something."""
        self.do(self.teacher.say("hand", name="next_token:said", value=value))

    def cut(self) -> None:
        """The access point fails: every follower's connection ends at once."""

        async def close() -> None:
            await asyncio.gather(*[each.socket.close() for each in self.followers if each.socket])

        self.do(close())

    def wait(self, said: str, since: float, timeout: float = 30) -> list[float]:
        """Until every follower has heard this after `since`; when each did. Raises TimeoutError with how many have not."""
        deadline = time.monotonic() + timeout
        while True:
            times = [self._first(each, said, since) for each in self.followers]
            found = [moment for moment in times if moment is not None]
            if len(found) == len(times):
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(times) - len(found)} of {len(times)} followers have not heard of it in {timeout:g} s.")
            time.sleep(0.01)

    @staticmethod
    def _first(follower: Follower, said: str, since: float) -> float | None:
        return next((moment for moment, what in follower.heard if moment >= since and what == said), None)
