"""More connections than the server holds: the rest is refused in few words, and when they are gone there is room again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
import websockets
from starlette.responses import PlainTextResponse
from streamlit import file_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server import limits
from tests.app.server.sockets import ask, ask_for_websocket, run_alone
from tests.browser.server import Server, running_app

STREAM = "/_stcore/stream"


def connections(app: Server, count: int) -> list[socket.socket]:
    """So many connections that say nothing."""
    parts = urlsplit(app.url)
    return [socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) for _ in range(count)]


def eventually(app: Server, path: str, status: int, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if ask(app.url + path, timeout=5).status == status:
                return
        except (OSError, IndexError, ValueError):  # no answer at all
            pass
        assert time.monotonic() < deadline, f"{path} did not answer {status} within {seconds} s"
        time.sleep(0.1)


def test_a_flood_of_idle_connections_is_a_few_lines_in_the_log_and_passes(tmp_path: Path) -> None:
    with running_app(tmp_path / "log.txt", shell="ulimit -n 600") as app:
        idle = connections(app, 900)
        time.sleep(0.5)
        for connection in idle:
            connection.close()
        eventually(app, "/_stcore/health", 200)
        assert ask_for_websocket(app.url + STREAM).status == 101
        said = [line for line in app.log().splitlines() if line.strip()]
        assert any("600 files" in line for line in said)  # what the machine holds, at the start
        assert len(said) < 8 and "Traceback" not in app.log(), said


async def _visit(url: str, page: str, stay: asyncio.Event, arrived: list[int]) -> None:
    """A visitor who opens a page, waits for its first run, and stays."""
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None) as connection:
        await connection.send(BackMsg(rerun_script={"query_string": page}).SerializeToString())
        while True:
            message = await connection.recv()
            assert isinstance(message, bytes)
            if ForwardMsg.FromString(message).WhichOneof("type") == "script_finished":
                break
        arrived.append(1)
        await stay.wait()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_three_hundred_visitors_find_room_under_the_usual_soft_limit(tmp_path: Path) -> None:
    async def crowd(app: Server) -> int:
        stay, arrived = asyncio.Event(), list[int]()
        url = app.url.replace("http", "ws") + STREAM
        visits = [asyncio.create_task(_visit(url, "", stay, arrived)) for _ in range(300)]
        deadline = time.monotonic() + 240
        while len(arrived) < 300 and time.monotonic() < deadline and not any(visit.done() for visit in visits):
            await asyncio.sleep(0.1)
        stay.set()
        await asyncio.gather(*visits)
        return len(arrived)

    with running_app(tmp_path / "log.txt", shell="ulimit -Sn 1024") as app:
        assert run_alone(crowd(app)) == 300
        assert "open files" not in app.log() and "Traceback" not in app.log()
        eventually(app, "/_stcore/health", 200)


def test_what_a_machine_holds_is_said_where_it_is_less_than_a_large_class(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "glass"):
        limits.tell(65536)
        limits.tell(0)
        assert not caplog.records
        limits.tell(1024)
    assert limits.visitors(1024) == 135 and "135 visitors" in caplog.text
    assert limits.visitors(100) == 0


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server of one answer behind the guard, whose clock is fast."""
    monkeypatch.setattr(limits, "SECONDS_FOR_A_REQUEST", 0.3)
    for name in ("connection_made", "data_received", "connection_lost"):
        monkeypatch.setattr(H11Protocol, name, getattr(H11Protocol, name))  # taken back at the end
    monkeypatch.setattr(H11Protocol, "glass_guarded", False, raising=False)
    limits.guard_connections(0)
    server = uvicorn.Server(uvicorn.Config(PlainTextResponse("here"), port=0, http="h11", log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join(10)


def test_what_is_sent_does_not_wait_for_the_receipt_of_what_was_sent_before(
    guarded: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    made = H11Protocol.connection_made

    def seen(protocol: H11Protocol, transport: asyncio.Transport) -> None:
        made(protocol, transport)
        at_once.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(H11Protocol, "connection_made", seen)
    with socket.create_connection(guarded, timeout=10) as connection:
        connection.sendall(WHOLE)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert at_once and all(at_once)


WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "said", [[b""], [WHOLE[:20]], [WHOLE, b"GET / HT"]], ids=["nothing", "half a request", "half of the second"]
)
def test_a_connection_that_sends_no_whole_request_is_closed(guarded: tuple[str, int], said: list[bytes]) -> None:
    with socket.create_connection(guarded, timeout=10) as connection:
        *before, last = said
        for request in before:
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(last)
        start = time.monotonic()
        while connection.recv(4096):
            pass
        assert time.monotonic() - start < 3  # uvicorn's own clock, between requests, takes 5


def test_the_end_comes_in_three_seconds_whatever_is_under_way(tmp_path: Path) -> None:
    async def busy(app: Server) -> float:
        stay, arrived = asyncio.Event(), list[int]()
        url = app.url.replace("http", "ws") + STREAM
        prompt = "prompt=" + "+".join(["once"] * 200)
        visits = [asyncio.create_task(_visit(url, prompt, stay, arrived)) for _ in range(12)]
        while not arrived:
            await asyncio.sleep(0.02)
        slow = socket.create_connection((urlsplit(app.url).hostname or "", urlsplit(app.url).port or 0), timeout=10)
        large = max((Path(file_util.get_static_dir()) / "static" / "js").iterdir(), key=lambda path: path.stat().st_size)
        slow.sendall(f"GET /static/js/{large.name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        slow.recv(1000)  # and no more is ever read
        start = time.monotonic()
        app.process.send_signal(signal.SIGTERM)
        await asyncio.get_running_loop().run_in_executor(None, app.process.wait, 20)
        took = time.monotonic() - start
        slow.close()
        stay.set()
        with contextlib.suppress(websockets.ConnectionClosed):
            await asyncio.gather(*visits, return_exceptions=True)
        return took

    with running_app(tmp_path / "log.txt") as app:
        assert run_alone(busy(app)) < 3.5
        assert "Traceback" not in app.log(), app.log()
