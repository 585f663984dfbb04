"""How many connections the server holds, and what it does with more: it refuses them, says so once a minute, and goes on.

A visitor takes four open files (a socket, and the event loop of the own script thread), and departed visitors whose session is kept
for a while leave three each. The system hands out the lowest free number for each new one, so the number of a socket says how many
are in use.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_TCP, TCP_NODELAY
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.log import Seldom

FILES_A_VISITOR = 4
DEPARTED = 3 * 128  # open files of the sessions that Streamlit keeps for those who may come back
AT_WORK = 100  # model files, logs, downloads, answers that are on their way
ENOUGH = 300  # visitors; a machine that holds fewer is told so at the start
MOST_FILES = 65536
SECONDS_FOR_A_REQUEST = 20.0

_LOG = logging.getLogger("glass")


def raise_open_files() -> int:
    """Raise this process's limit of open files as far as it may itself, and return it. 0: this system has none that could be read."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return MOST_FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def visitors(files: int) -> int:
    """How many visitors a limit of open files holds at once."""
    return max(0, (files - DEPARTED - AT_WORK) // FILES_A_VISITOR)


def tell(files: int) -> None:
    """Say in the log what the machine holds, where that is less than a large class."""
    if files and visitors(files) < ENOUGH:
        _LOG.warning(
            "This machine lets the server open %d files, which is enough for about %d visitors at once. "
            "For more, raise the limit before the start: ulimit -n 4096",
            files,
            visitors(files),
        )


class Full:
    """ASGI middleware: no new visitor where the open files of those inside would not be enough; they wait and try again."""

    def __init__(self, app: ASGIApp, files: int) -> None:
        self._app = app
        self._files = files
        self._refused = Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self._files and _lowest_free() > self._files - AT_WORK - FILES_A_VISITOR:
            self._refused.warn("The server is full, at %d open files: a visitor has to wait.", self._files)
            await receive()
            await send({"type": "websocket.close", "code": 1013})  # try again later
            return
        await self._app(scope, receive, send)


def _lowest_free() -> int:
    try:
        number = os.open(os.devnull, os.O_RDONLY)
    except OSError:  # none left
        return MOST_FILES
    os.close(number)
    return number


def guard_connections(files: int) -> None:
    """From now on a connection that is one too many is cut at once, and one that sends no whole request in time is closed. What is
    written to the others goes out at once: otherwise all but the first message of a step wait 40 ms for the browser's receipt.

    uvicorn has no such settings, so its protocol is wrapped; a second call changes nothing.
    """
    if getattr(H11Protocol, "glass_guarded", False):
        return
    H11Protocol.glass_guarded = True  # type: ignore[attr-defined]
    refused = Seldom()

    def waits(protocol: H11Protocol) -> None:
        """Between requests uvicorn's own clock runs, until the first byte of the next; from there on this one."""
        if idle(protocol) and not hasattr(protocol, "glass_clock"):
            protocol.glass_clock = protocol.loop.call_later(SECONDS_FOR_A_REQUEST, close, protocol)  # type: ignore[attr-defined]
        elif not idle(protocol):
            stop(protocol)

    def idle(protocol: H11Protocol) -> bool:
        here = protocol.transport.get_protocol() is protocol  # else it is a websocket by now
        return here and (protocol.cycle is None or protocol.cycle.response_complete)

    def close(protocol: H11Protocol) -> None:
        stop(protocol)
        if idle(protocol):
            protocol.transport.close()

    def stop(protocol: H11Protocol) -> None:
        clock = protocol.__dict__.pop("glass_clock", None)
        if clock is not None:
            clock.cancel()

    def made(inner: Callable[..., None]) -> Callable[..., None]:
        def connection_made(protocol: H11Protocol, transport: asyncio.Transport) -> None:
            inner(protocol, transport)
            socket = transport.get_extra_info("socket")
            if socket is not None and socket.family in (AF_INET, AF_INET6):  # where asyncio sees no TCP, it leaves this out
                socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            if files and socket is not None and socket.fileno() > files - AT_WORK // 2:
                refused.warn("Too many connections: at %d open files a new one was cut.", files)
                transport.abort()
            else:
                waits(protocol)

        return connection_made

    def then(inner: Callable[..., None], after: Callable[[H11Protocol], None]) -> Callable[..., None]:
        def method(protocol: H11Protocol, *arguments: Any) -> None:
            inner(protocol, *arguments)
            after(protocol)

        return method

    H11Protocol.connection_made = made(H11Protocol.connection_made)  # type: ignore[method-assign]
    H11Protocol.data_received = then(H11Protocol.data_received, waits)  # type: ignore[method-assign]
    H11Protocol.connection_lost = then(H11Protocol.connection_lost, stop)  # type: ignore[method-assign]


def quiet_when_full(loop: asyncio.AbstractEventLoop) -> None:
    """asyncio logs each connection that it cannot accept, two thousand at a time; here they are one line a minute."""
    seldom = Seldom()

    def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if str(context.get("message", "")).startswith("socket.accept()"):
            seldom.warn("The server cannot take another connection: %s. It tries again every second.", context.get("exception"))
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handler)
