"""The gate in front of Streamlit: foreign names and pages are refused at once, and so is what no visitor needs.

Streamlit itself compares a foreign Origin with this machine's public address, and asks a service in the internet for it, in the
event loop: everybody waits. What comes through here never makes it ask.
"""

from __future__ import annotations

import math
import re
from collections.abc import MutableMapping
from typing import Any

from google.protobuf.message import DecodeError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from app.server.log import Seldom
from app.server.names import HOSTS_VARIABLE, OwnNames

# Of Streamlit's own addresses those that a visitor's browser needs. Others tell or change what is for whoever runs the server.
_FOR_VISITORS = {"health", "host-config", "stream"}
_METHODS = {"GET", "HEAD", "OPTIONS"}  # nothing is ever sent to the server but over the websocket
# Of the messages over the websocket likewise: one that clears the caches would take every visitor's models away.
_MESSAGES = {"rerun_script", "stop_script", "app_heartbeat", "deferred_file", "dataframe_chunk"}

# A class's own socket, whose messages are read where it is served (app/room/routes.py).
_CLASS = re.compile(r"/glass/room/[^/]+$")

_POLICY_VIOLATION = 1008
_PROTOCOL_ERROR = 1002


class Gate:
    """ASGI middleware: answers 421, 403, 404 or 405 itself, and lets through what is left."""

    def __init__(self, app: ASGIApp, own: OwnNames) -> None:
        self._app = app
        self._own = own
        self._foreign_host, self._foreign_origin, self._no_message = Seldom(), Seldom(), Seldom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope):
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket" and not _CLASS.search(scope["path"]):
            await self._app(_with_plain_origin(scope), self._heard(receive, send), send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """(status, what is said) if this request stops here."""
        hosts, origins = _headers(scope, b"host"), _headers(scope, b"origin")
        host = hosts[0] if len(hosts) == 1 else ""
        # Browsers always name a host. What names none, and no origin, is a health check of the old kind.
        if (hosts or origins or scope["type"] == "websocket") and not self._own.is_own_host(host):
            self._foreign_host.warn(
                "Refused a request for the host %r. If visitors reach this server by that name, allow it in %s.",
                host[:100],
                HOSTS_VARIABLE,
            )
            return 421, (
                "This server does not go by the name in this address. Whoever runs it can allow the name by starting it "
                f"with {HOSTS_VARIABLE}=that-name. Until then the machine's address in figures works."
            )
        if origins and not (len(origins) == 1 and self._own.is_own_origin(origins[0], host)):
            self._foreign_origin.warn(
                "Refused a request that a page of %r made to the host %r. If that is a proxy in front of this server, "
                "let it pass on the visitor's Host, or allow its name in %s.",
                origins[0][:100],
                host[:100],
                HOSTS_VARIABLE,
            )
            return 403, "This server answers its own pages only."
        _, found, own_path = scope["path"].rpartition("/_stcore/")
        if found and own_path not in _FOR_VISITORS:
            return 404, "Not Found"
        if scope["type"] == "http" and scope["method"] not in _METHODS:
            return 405, "Method Not Allowed"
        return None

    def _heard(self, receive: Receive, send: Send) -> Receive:
        """What Streamlit hears of a websocket: the messages that its own pages send. A frame that is none closes the connection."""

        async def filtered() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                kind = _kind(message)
                if kind in _MESSAGES:
                    return message
                self._no_message.warn("Dropped a message that no page of this app sends: %s.", kind or "not one of Streamlit's")
                if kind is None:
                    await send({"type": "websocket.close", "code": _PROTOCOL_ERROR})
                    return {"type": "websocket.disconnect", "code": _PROTOCOL_ERROR}

        return filtered


def _kind(message: Message) -> str | None:
    """Which of Streamlit's messages this frame is; None if it is none."""
    data = message.get("bytes")
    if data is None:
        return None
    try:
        said = BackMsg.FromString(data)
        kind = said.WhichOneof("type")
        if kind == "rerun_script" and not all(map(_is_finite, said.rerun_script.widget_states.widgets)):
            return "a number that is not finite"  # Streamlit's widgets stumble over it before any code of ours
        return (kind == "backend_operation_request" and said.backend_operation_request.WhichOneof("payload")) or kind
    except DecodeError:
        return None


def _is_finite(widget: WidgetState) -> bool:
    numbers = (*widget.double_array_value.data, widget.double_value)
    return all(map(math.isfinite, numbers))


def _headers(scope: MutableMapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _with_plain_origin(scope: Scope) -> Scope:
    """The scope of a websocket whose Origin is own, with one that Streamlit sees is own too: the very host of the request."""
    host, origins = _headers(scope, b"host")[0], _headers(scope, b"origin")
    if not origins:
        return scope
    plain = f"{origins[0].partition('://')[0]}://{host}".encode("latin-1")
    return {**scope, "headers": [(key, plain if key == b"origin" else value) for key, value in scope["headers"]]}


async def _refuse(refusal: tuple[int, str], scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()  # the wish to connect, which is answered with 403
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
    else:
        status, text = refusal
        await PlainTextResponse(text + "\n", status, {"Cache-Control": "no-store"})(scope, receive, send)
