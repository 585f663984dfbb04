"""Who is let in to the running app: its own pages, at once; nobody else, and without asking anybody."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.server.gate import Gate
from app.server.names import OwnNames
from tests.app.server.sockets import ask, ask_for_websocket, run_alone
from tests.browser.server import Server, running_app

STREAM = "/_stcore/stream"
CLASS = "/glass/room/ABC234"


class Outside:
    """Stands where the internet begins: whoever wants to reach it by http has to come through here, and gets no answer."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def callers(self) -> int:
        count = 0
        while True:
            try:
                self._socket.accept()
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


@pytest.fixture(scope="module", params=["", "/glass"], ids=["root", "base path, secrets"])
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Server]:
    """One is told its name by the environment, the other by a file of secrets, as some hosts give settings."""
    log = tmp_path_factory.mktemp("server") / "log.txt"
    proxy = {"http_proxy": outside.address, "https_proxy": outside.address, "no_proxy": ""}
    secrets = log.with_name("secrets.toml")
    secrets.write_text('GLASS_HOSTS = "glass.school.example"\n')
    told = {"STREAMLIT_SECRETS_FILES": str(secrets)} if request.param else {"GLASS_HOSTS": "glass.school.example"}
    with running_app(log, base=request.param, **told, **proxy) as server:
        yield server


@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: https://evil.example"],
        ["Origin: null"],
        ["Origin: http://localhost:1"],
        ["Host: evil.example", "Origin: http://evil.example"],
        ["Host: evil.example"],
    ],
)
def test_a_websocket_of_a_foreign_page_or_name_is_refused_at_once_and_without_asking_anybody(
    app: Server, outside: Outside, headers: list[str]
) -> None:
    start = time.monotonic()
    for path in (STREAM, CLASS):
        assert [ask_for_websocket(app.url + path, *headers).status for _ in range(10)] == [403] * 10
    assert time.monotonic() - start < 2
    assert outside.callers() == 0


def test_the_apps_own_pages_are_let_in_by_every_name_that_a_class_uses(app: Server, outside: Outside) -> None:
    port = urlsplit(app.url).port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"192.168.1.5:{port}", f"teacher-pc:{port}", "glass.school.example"):
        answers = [
            ask_for_websocket(app.url + STREAM, f"Host: {host}", f"Origin: {scheme}://{host}") for scheme in ("http", "https")
        ]
        assert [answer.status for answer in answers] == [101, 101], host
    assert ask_for_websocket(app.url + STREAM).status == 101  # no browser at all
    assert ask_for_websocket(app.url + CLASS, f"Host: teacher-pc:{port}", f"Origin: http://teacher-pc:{port}").status == 101
    # A proxy that passes its own address as the host, before a name that is listed: Streamlit would ask for its own address.
    assert ask_for_websocket(app.url + STREAM, "Origin: https://glass.school.example").status == 101
    assert outside.callers() == 0


def test_a_page_is_not_served_under_a_foreign_name_and_the_answer_says_what_to_do(app: Server) -> None:
    refused = ask(app.url, "Host: evil.example")
    assert refused.status == 421
    assert b"GLASS_HOSTS" in refused.body and b"evil" not in refused.body
    assert ask(app.url, "Origin: https://evil.example").status == 403
    assert ask(app.url + "/", "Host: glass.school.example").status == 200
    assert ask(app.url + "/_stcore/health", version="1.0").status == 200  # a health check of the old kind names no host


@pytest.mark.parametrize("path", ["metrics", "upload_file/a/b", "agent/openapi.json", "script-health-check"])
def test_what_is_for_the_operator_is_not_for_visitors(app: Server, path: str) -> None:
    assert ask(f"{app.url}/_stcore/{path}").status == 404
    assert ask(f"{app.url}/attention/_stcore/{path}").status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_sent_but_over_the_websocket(app: Server, method: str) -> None:
    assert ask(app.url + "/", method=method).status == 405
    assert ask(app.url + "/_stcore/health", method=method).status == 405


def test_a_flood_of_refusals_is_two_lines_in_the_log(app: Server) -> None:
    for _ in range(30):
        ask_for_websocket(app.url + STREAM, "Origin: https://evil.example")
        ask(app.url, "Host: evil.example")
    said = [line for line in app.log().splitlines() if "Refused" in line]
    assert len(said) == 2


def hear(*frames: Message) -> tuple[list[Message], list[Message]]:
    """What the application behind the gate hears of these frames, and what the visitor is sent."""
    waiting = [*frames, {"type": "websocket.disconnect", "code": 1000}]
    heard: list[Message] = []
    sent: list[Message] = []

    async def application(_: Scope, receive: Receive, __: Send) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            heard.append(message)

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": STREAM, "headers": [(b"host", b"localhost")]}
    run_alone(Gate(application, OwnNames())(scope, receive, send))
    return heard, sent


def frame(message: BackMsg) -> Message:
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


def test_a_visitor_cannot_clear_the_caches_stop_the_server_or_install_something_on_it() -> None:
    wanted = [frame(BackMsg(rerun_script={})), frame(BackMsg(backend_operation_request={"deferred_file": {}}))]
    unwanted = [BackMsg(clear_cache=True), BackMsg(set_run_on_save=True), BackMsg(debug_shutdown_runtime=True)]
    unwanted += [
        BackMsg(backend_operation_request={"install_skills": {}}),
        BackMsg(backend_operation_request={"request_id": "1"}),
    ]
    assert hear(*map(frame, unwanted), *wanted)[0] == wanted


def test_a_frame_that_is_no_message_ends_the_connection() -> None:
    rerun = frame(BackMsg(rerun_script={}))
    for broken in (
        frame(BackMsg()),
        {"type": "websocket.receive", "bytes": b"\xff\xff"},
        {"type": "websocket.receive", "text": "hello"},
    ):
        heard, sent = hear(rerun, broken, rerun)
        assert heard == [rerun]
        assert [message["type"] for message in sent] == ["websocket.close"]
