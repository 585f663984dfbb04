"""The socket of a class, and the page that its followers open. Beside Streamlit: nobody has a session for it, and no script runs.

Who may come at all, by Host and Origin, app.server.gate has looked at before.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.room import codes, protocol, stage
from app.room import questions as questions  # its kinds of messages
from app.room.hub import HUB, Hub
from app.room.room import Member, Room, RoomRefused
from app.server.log import Seldom

SOCKET = "glass/room"
PAGE = "r"
SECONDS_TO_SAY_HELLO = 10.0
SECONDS_TO_SEND = 20.0  # a browser that takes nothing for so long has gone
_CLOSED = 1000
_POLICY_VIOLATION = 1008
_junk, _unknown = Seldom(), Seldom()


def routes(base: str, hub: Hub = HUB) -> list[BaseRoute]:
    """base: `server.baseUrlPath`, which Streamlit gives to its own routes only."""
    below = f"/{base.strip('/')}" if base.strip("/") else ""

    async def socket(connection: WebSocket) -> None:
        await _serve(connection, hub)

    return [
        Route(f"{below}/{PAGE}", _page, methods=["GET", "HEAD"]),
        Route(f"{below}/{PAGE}/{{code}}", _page, methods=["GET", "HEAD"]),
        WebSocketRoute(f"{below}/{SOCKET}/{{code}}", socket),
    ]


async def _page(request: Request) -> Response:
    """The same page for every code: whether there is such a class, its socket says, and goes on asking."""
    typed = request.path_params.get("code", "")
    code = codes.read_code(typed)
    if code and typed != code:
        return RedirectResponse(code, 307, {"Cache-Control": "no-store"})
    return stage.answer(depth=1 if typed else 0)


class _Allowance:
    """How many messages a connection may send: so many a second, and two seconds' worth at once."""

    def __init__(self, often: float) -> None:
        self._often = often
        self._left, self._at = 2 * often, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(2 * self._often, self._left + (now - self._at) * self._often) - 1
        self._at = now
        return self._left >= 0


async def _serve(connection: WebSocket, hub: Hub) -> None:
    await connection.accept()
    try:
        hello = await _hello(connection)
        room = await _room(connection.path_params["code"], hello, hub)
        await _attend(connection, hello, room, hub)
    except RoomRefused as refused:
        await _refuse(connection, refused.why, str(refused), _CLOSED)
    except ValueError:
        _junk.warn("Closed a class's connection: it sent what no page of this app sends.")
        await _refuse(connection, "junk", "The server did not understand this page. Open it again.", _POLICY_VIOLATION)
    except (WebSocketDisconnect, TimeoutError):
        with suppress(RuntimeError):  # closed already
            await connection.close(_CLOSED)


async def _hello(connection: WebSocket) -> protocol.Hello:
    async with asyncio.timeout(SECONDS_TO_SAY_HELLO):
        return protocol.read_hello(await _text(connection))


async def _room(typed: str, hello: protocol.Hello, hub: Hub) -> Room:
    code = codes.read_code(typed)
    if hello.token and hello.role not in protocol.PUPILS:
        return await asyncio.to_thread(hub.rooms.teach, code, hello.token)
    if (room := hub.rooms.find(code)) is None:
        raise RoomRefused("unknown", "There is no such class now. If its teacher opens it, this page joins by itself.")
    return room


async def _text(connection: WebSocket) -> str:
    """The next message, which is text. Raises WebSocketDisconnect at the end, ValueError for bytes."""
    message = await connection.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", _CLOSED))
    text = message.get("text")
    if text is None:
        raise ValueError("bytes")
    return str(text)


async def _attend(connection: WebSocket, hello: protocol.Hello, room: Room, hub: Hub) -> None:
    """From the hello to the end of the connection."""
    news = asyncio.Event()
    news.set()
    member = Member(hello.role, hello.tab, news.set)
    room.join(member)
    hub.rooms.touch(room)
    since = hello.rev if hello.epoch == room.epoch else 0
    sending = asyncio.create_task(_send(connection, room, member, news, since))
    try:
        allowance = _Allowance(protocol.OFTEN.get(hello.role, protocol.OFTEN_OTHERS))
        while True:
            text = await _text(connection)
            if not allowance.take():
                raise RoomRefused("often", "This page sent too many messages in a short time. It connects again in a moment.")
            if protocol.heard(room, member, text):
                hub.rooms.touch(room)
            else:
                _unknown.warn("Dropped a message to a class that this version of the app does not know.")
    finally:
        sending.cancel()
        room.leave(member)


async def _send(connection: WebSocket, room: Room, member: Member, news: asyncio.Event, since: int) -> None:
    """Whatever is newest, each time that there is something new."""
    try:
        while not room.has_ended:
            await news.wait()
            news.clear()
            async with asyncio.timeout(SECONDS_TO_SEND):
                while member.outbox:
                    await connection.send_text(json.dumps(member.outbox.popleft()))
                since, frame = room.news(member.role, since)
                if frame is not None and not room.has_ended:
                    await connection.send_bytes(frame)
        await _refuse(connection, "ended", "The class is over.", _CLOSED)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):  # it has gone; who reads notices
        with suppress(RuntimeError):
            await connection.close(_CLOSED)


async def _refuse(connection: WebSocket, why: str, said: str, code: int) -> None:
    if connection.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError, WebSocketDisconnect):
            await connection.send_text(json.dumps({"kind": "refused", "why": why, "said": said}))
            await connection.close(code)
