"""A visitor without a browser: the same messages over the same websocket, so that a hundred of them cost the machine little.

Like a browser it hands in the address as the app last set it, and which messages it has kept, so that they are not sent again.
The package `websockets` comes with Streamlit.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

_LONGEST_MESSAGE = 64 * 2**20
_OVER = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)


class _Counted(socket.socket):
    """A connection that counts what arrives, as it travels: compressed, with the frames around it."""

    n_bytes = 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        self.n_bytes += len(data)
        return data


@dataclass
class RawVisitor:
    """One session. url: of the server; view: what the address says at first; page: the page's own address, "" for the first;
    cookie: what a proxy in front set earlier.

    errors: the messages of errors that were shown to it; n_bytes: what has travelled to it; handed: the name of a component -> the header
    that it was handed last.
    """

    url: str
    view: dict[str, str]
    page: str = ""
    errors: list[str] = field(default_factory=list)
    handed: dict[str, dict[str, Any]] = field(default_factory=dict)
    cookie: str = ""
    _mounted: dict[str, str] = field(default_factory=dict)  # the name of a component -> its id

    def __enter__(self) -> RawVisitor:
        parts = urlsplit(self.url)
        self._wire = _Counted(fileno=socket.create_connection((parts.hostname, parts.port)).detach())
        self._connection = connect(
            f"ws://{parts.netloc}{parts.path}/_stcore/stream",
            sock=self._wire,
            origin=f"http://{parts.netloc}",  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": self.cookie} if self.cookie else None,
            max_size=_LONGEST_MESSAGE,
            open_timeout=60,
            ping_interval=None,
        )
        self._socket: ClientConnection = self._connection.__enter__()
        self.query, self._page = urlencode(self.view), ""
        self._kept: set[str] = set()
        self._buttons: dict[str, tuple[str, str]] = {}  # what stands on a button -> its id, its fragment's id
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None) -> None:
        self._connection.__exit__(kind, value, where)

    @property
    def n_bytes(self) -> int:
        return self._wire.n_bytes

    def open(self, timeout: float = 120) -> None:
        """Open the page, and wait until it is drawn."""
        self.ask()
        self.wait(timeout)

    def ask(self) -> None:
        """Open the page."""
        message = BackMsg()
        message.rerun_script.page_name = self.page
        self._send(message)

    def press(self, label: str, timeout: float = 120) -> None:
        """Click on a button, and wait until what it does is drawn."""
        message = BackMsg()
        button, fragment = self._buttons[label]
        message.rerun_script.widget_states.widgets.append(WidgetState(id=button, trigger_value=True))
        message.rerun_script.fragment_id = fragment
        self._send(message)
        self.wait(timeout)

    def tell(self, component: str, event: str, value: Any, timeout: float = 120) -> None:
        """Say something as a component does, and wait until what comes of it is drawn."""
        message = BackMsg()
        said = json.dumps([{"event": event, "value": value}])
        key = f"$$STREAMLIT_INTERNAL_KEY_{self._mounted[component]}__events"
        message.rerun_script.widget_states.widgets.append(WidgetState(id=key, json_trigger_value=said))
        self._send(message)
        self.wait(timeout)

    def wait(self, timeout: float = 120) -> None:
        """Read messages until a run is over. Raises TimeoutError where none comes for so many seconds."""
        while True:
            data = self._socket.recv(timeout)
            message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            kind = message.WhichOneof("type")
            if message.metadata.cacheable and message.hash:
                self._kept.add(message.hash)
            if kind == "new_session":
                self._page = message.new_session.page_script_hash
            elif kind == "navigation":  # which page that is
                self._page = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "button":
                    self._buttons[element.button.label] = element.button.id, message.delta.fragment_id
                if element.WhichOneof("type") == "bidi_component" and (data := element.bidi_component.bytes):
                    text = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])
                    self.handed[element.bidi_component.component_name] = text["header"]
                    self._mounted[element.bidi_component.component_name] = element.bidi_component.id
                if element.WhichOneof("type") == "exception" or (
                    element.WhichOneof("type") == "alert" and element.alert.format == 1
                ):
                    self.errors.append(element.alert.body or element.exception.message)
            elif kind == "script_finished" and message.script_finished in _OVER:
                return

    def _send(self, message: BackMsg) -> None:
        message.rerun_script.query_string, message.rerun_script.page_script_hash = self.query, self._page
        message.rerun_script.cached_message_hashes.extend(self._kept)
        self._socket.send(message.SerializeToString())
