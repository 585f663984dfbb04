"""A class's socket and page, beside Streamlit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketTestSession

from app.room import codes, routes
from app.room.hub import Hub
from app.room.room import EXPLORE, FOLLOW, PRESENT, REMOTE
from app.room.rooms import Rooms
from tests.app.room.frames import read


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


def app(rooms: Rooms, base: str = "") -> Starlette:
    hub = Hub(rooms)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        hub.open(asyncio.get_running_loop())
        yield
        hub.close()

    return Starlette(routes=routes.routes(base, hub), lifespan=lifespan)


@pytest.fixture
def client(rooms: Rooms) -> Iterator[TestClient]:
    with TestClient(app(rooms)) as client:
        yield client


def hello(socket: WebSocketTestSession, role: str = FOLLOW, **more: Any) -> None:
    socket.send_text(json.dumps({"say": "hello", "role": role, "tab": "t", **more}))


def next_state(socket: WebSocketTestSession) -> dict[str, Any]:
    return read(socket.receive_bytes())


def refusal(socket: WebSocketTestSession) -> str:
    message = json.loads(socket.receive_text())
    assert message["kind"] == "refused" and message["said"].endswith(".")
    assert socket.receive()["type"] == "websocket.close"
    return str(message["why"])


def test_a_change_from_any_thread_reaches_all_who_follow_and_late_ones_get_all(client: TestClient, rooms: Rooms) -> None:
    room, _ = rooms.open()
    room.change({"page": "first", "part:a": b"\x00\xff"})
    with client.websocket_connect(f"/glass/room/{room.code}") as one:
        hello(one)
        assert next_state(one)["fields"] == {"page": "first", "part:a": b"\x00\xff"}
        room.change({"page": "second"})
        assert next_state(one)["fields"] == {"page": "second"}
        with client.websocket_connect(f"/glass/room/{room.code}") as late:
            hello(late)
            assert next_state(late)["fields"] == {"page": "second", "part:a": b"\x00\xff"}


def test_who_comes_back_gets_what_it_missed_and_all_of_it_after_a_restart(client: TestClient, rooms: Rooms) -> None:
    room, token = rooms.open()
    room.change({"page": 1, "where": 1})
    known = room.rev
    room.change({"where": 2})
    with client.websocket_connect(f"/glass/room/{room.code}") as socket:
        hello(socket, epoch=room.epoch, rev=known)
        assert next_state(socket)["fields"] == {"where": 2}
    rooms.end(room)
    rooms.teach(room.code, token).change({"page": 3})
    with client.websocket_connect(f"/glass/room/{room.code}") as socket:
        hello(socket, epoch=room.epoch, rev=99)
        state = next_state(socket)
        assert state["whole"] and state["fields"] == {"page": 3} and state["epoch"] != room.epoch


def test_a_room_that_is_gone_is_opened_by_its_teacher_alone(client: TestClient, rooms: Rooms) -> None:
    token = codes.new_token()
    code = codes.code_of(token)
    with client.websocket_connect(f"/glass/room/{code}") as pupil:
        hello(pupil)
        assert refusal(pupil) == "unknown"
    with client.websocket_connect(f"/glass/room/{code}") as stranger:
        hello(stranger, REMOTE, token=codes.new_token())
        assert refusal(stranger) == "rights"
    with client.websocket_connect(f"/glass/room/{code}") as teacher:
        hello(teacher, PRESENT, token=token)
        assert next_state(teacher)["fields"]["count"][PRESENT] == 1
    assert rooms.find(code) is not None


def test_the_teacher_hears_who_is_here_and_the_remote_turns_the_screens_page(client: TestClient, rooms: Rooms) -> None:
    room, token = rooms.open()
    with (
        client.websocket_connect(f"/glass/room/{room.code}") as screen,
        client.websocket_connect(f"/glass/room/{room.code}") as phone,
        client.websocket_connect(f"/glass/room/{room.code}") as pupil,
    ):
        hello(screen, PRESENT, token=token)
        hello(phone, REMOTE, token=token)
        hello(pupil, EXPLORE)
        counts: dict[str, int] = {}
        while counts != {FOLLOW: 0, EXPLORE: 1, PRESENT: 1, REMOTE: 1}:
            counts = next_state(screen)["fields"].get("count", counts)
        phone.send_text(json.dumps({"say": "press", "key": "next"}))
        assert json.loads(screen.receive_text()) == {"kind": "press", "key": "next"}


def test_a_class_that_is_over_says_so_to_everybody(client: TestClient, rooms: Rooms) -> None:
    room, _ = rooms.open()
    room.change({"page": 1})
    with client.websocket_connect(f"/glass/room/{room.code}") as socket:
        hello(socket)
        next_state(socket)
        rooms.end(room)
        assert refusal(socket) == "ended"
    assert not room.members


@pytest.mark.parametrize(
    "junk", ["nonsense", '{"say": "hand", "name": "a", "value": {}}', '{"say": "press", "key": "next"}', "x" * 2000]
)
def test_junk_and_what_is_the_teachers_closes_a_pupils_connection(client: TestClient, rooms: Rooms, junk: str) -> None:
    room, _ = rooms.open()
    with client.websocket_connect(f"/glass/room/{room.code}") as socket:
        hello(socket)
        next_state(socket)
        socket.send_text(junk)
        assert refusal(socket) == "junk"
    assert not room.members and not room.names("hand")


def test_bytes_and_a_flood_close_it_too(client: TestClient, rooms: Rooms) -> None:
    room, _ = rooms.open()
    with client.websocket_connect(f"/glass/room/{room.code}") as socket:
        hello(socket)
        socket.send_bytes(b"\x00")
        next_state(socket)
        assert refusal(socket) == "junk"
    with client.websocket_connect(f"/glass/room/{room.code}") as socket:
        hello(socket)
        next_state(socket)
        for _ in range(60):
            socket.send_text(json.dumps({"say": "a word of tomorrow"}))
        assert refusal(socket) == "often"


@pytest.mark.parametrize("base", ["", "glass", "/a/b/"])
def test_the_page_is_the_same_for_every_code_below_the_base_path_too(rooms: Rooms, base: str) -> None:
    below = f"/{base.strip('/')}" if base else ""
    with TestClient(app(rooms, base)) as client:
        page = client.get(f"{below}/r/ABC234")
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
        assert "../glass/assets/" in page.text and "ABC234" not in page.text
        assert client.get(f"{below}/r/XYZ789").text == page.text
        assert client.get(f"{below}/r/abc%20234", follow_redirects=False).headers["location"] == "ABC234"
        assert '"./glass/assets/' in client.get(f"{below}/r").text
        with client.websocket_connect(f"{below}/glass/room/ABC234") as socket:
            hello(socket)
            assert refusal(socket) == "unknown"


def test_the_page_has_every_font_and_every_colour_that_components_ask_for(client: TestClient) -> None:
    text = client.get("/r/ABC234").text
    assert text.count("@font-face") == 3
    for name in ("background-color", "text-color", "primary-color", "chart-diverging-colors", "code-font"):
        assert text.count(f"--st-{name}:") == 2  # light and dark
