"""What may be said to a class, and by whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.room import codes, protocol
from app.room.room import EXPLORE, FOLLOW, PRESENT, REMOTE, Member, Room
from app.room.rooms import Rooms

TOKEN = "A" * 22


@pytest.fixture
def room() -> Room:
    return Room("ABC234", codes.digest(TOKEN), "e1", 0.0)


def say(room: Room, member: Member, word: str, **more: Any) -> bool:
    return protocol.heard(room, member, json.dumps({"say": word, **more}))


def test_a_hello_names_role_tab_and_state() -> None:
    hello = protocol.read_hello(json.dumps({"say": "hello", "role": FOLLOW, "tab": "t", "epoch": "e", "rev": 7}))
    assert (hello.role, hello.tab, hello.epoch, hello.rev, hello.token) == (FOLLOW, "t", "e", 7, "")


JUNK = [
    "", "7", "[]", "{}", '{"say": 1}', "nonsense", "[" * 900, '{"say": "hello", "role": "king", "tab": ""}',
    '{"say": "hello", "role": "follow"}', '{"say": "hello", "role": "follow", "tab": "x", "rev": -1}',
    '{"say": "hello", "role": "follow", "tab": "x", "rev": 1e3}', '{"say": "hello", "role": "follow", "tab": "x", "rev": true}',
    '{"say": "hello", "role": "present", "tab": "x"}', '{"say": "hello", "role": "present", "tab": "x", "token": "short"}',
    '{"say": "hello", "role": "follow", "tab": "' + "x" * 65 + '"}', '{"say": "hello", "role": "follow", "tab": "' + "é" * 900 + '"}',
]  # fmt: skip


@pytest.mark.parametrize("text", JUNK)
def test_junk_is_no_hello(text: str) -> None:
    with pytest.raises(ValueError):
        protocol.read_hello(text)


@pytest.mark.parametrize("word", sorted(protocol.KINDS))
@pytest.mark.parametrize("role", [FOLLOW, EXPLORE, REMOTE, PRESENT])
def test_no_role_says_what_is_not_its_to_say(room: Room, word: str, role: str) -> None:
    if role in protocol.KINDS[word].roles:
        return
    with pytest.raises(ValueError, match="role"):
        say(room, Member(role, "t"), word)
    assert room.rev == 0


def test_no_pupil_can_change_what_the_class_sees() -> None:
    for role in (FOLLOW, EXPLORE):
        assert {word for word, kind in protocol.KINDS.items() if role in kind.roles} & {"hand", "press", "call", "join"} == set()


def test_what_the_hand_moves_is_a_field_of_the_state_and_numbers_that_are_none_are_junk(room: Room) -> None:
    teacher = Member(PRESENT, "t")
    say(room, teacher, "hand", name="next_token:said", value={"settings": {"temperature": 0.5}})
    assert room.value("hand:next_token:said") == {"settings": {"temperature": 0.5}}
    for junk in ('{"say": "hand", "name": "a", "value": {"t": NaN}}', '{"say": "hand", "name": "a", "value": 7}'):
        with pytest.raises(ValueError):
            protocol.heard(room, teacher, junk)
    assert room.names("hand") == ["hand:next_token:said"]


def test_the_remotes_button_reaches_the_screens_that_are_there_and_no_pupil(room: Room) -> None:
    screen, pupil, phone = Member(PRESENT, "s"), Member(FOLLOW, "p"), Member(REMOTE, "r")
    for member in (screen, pupil, phone):
        room.join(member)
    say(room, phone, "press", key="next")
    assert list(screen.outbox) == [{"kind": "press", "key": "next"}] and not pupil.outbox and not phone.outbox
    with pytest.raises(ValueError):
        say(room, phone, "press", key="format the disk")


def test_a_follower_who_tries_something_counts_as_exploring_and_misses_nothing(room: Room) -> None:
    pupil = Member(FOLLOW, "p")
    room.join(pupil)
    say(room, pupil, "alone", **{"is": True})
    assert room.value("count")["explore"] == 1 and pupil.role == FOLLOW
    say(room, pupil, "alone", **{"is": False})
    assert room.value("count")["explore"] == 0
    with pytest.raises(ValueError):
        say(room, pupil, "alone", **{"is": "king"})


def test_everybody_is_called_back_as_often_as_the_teacher_wants(room: Room) -> None:
    for _ in range(2):
        say(room, Member(REMOTE, "r"), "call")
    assert room.value("call") == 2


def test_the_way_in_names_an_address_that_others_can_reach(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.room.joining.lan_address", lambda: "192.168.1.20")
    teacher = Member(PRESENT, "t")
    say(room, teacher, "join", base="http://localhost:8501/glass/", token=TOKEN)
    (message,) = teacher.outbox
    assert message["url"] == "http://192.168.1.20:8501/glass/r/ABC234" and not message["is_local"]
    assert message["qr"].startswith("data:image/svg+xml") and message["qr"] != message["remote_qr"]
    say(room, teacher, "join", base="https://glass.school.example/", token=TOKEN)
    assert teacher.outbox[-1]["url"] == "https://glass.school.example/r/ABC234"


@pytest.mark.parametrize(
    "base", ["", "javascript:alert(1)", "http://", "https://u@a.example/", "http://a.example/?q=1", 7, "http://" + "a" * 400]
)
def test_the_way_in_is_made_of_an_honest_address_only(room: Room, base: object) -> None:
    with pytest.raises(ValueError):
        say(room, Member(PRESENT, "t"), "join", base=base, token=TOKEN)


def test_the_way_in_as_teacher_is_told_to_who_has_the_token(room: Room) -> None:
    with pytest.raises(ValueError):
        say(room, Member(PRESENT, "t"), "join", base="http://a.example/", token="B" * 22)


def test_long_messages_and_unknown_words(room: Room) -> None:
    with pytest.raises(ValueError):
        say(room, Member(FOLLOW, "p"), "here", more="x" * 1024)
    assert not say(room, Member(FOLLOW, "p"), "a word of tomorrow")


def test_a_code_is_not_opened_by_any_token() -> None:
    rooms = Rooms()
    room, token = rooms.open()
    assert codes.code_of(token) == room.code != codes.code_of(codes.new_token())


def test_the_pointer_is_a_place_on_a_panel_and_goes_when_it_has_faded(room: Room) -> None:
    teacher = Member(PRESENT, "t")
    say(room, teacher, "point", at=[["arcs", 0.25, 1], ["main", 0, 0.5]])
    assert room.value("pointer") == [["arcs", 0.25, 1], ["main", 0, 0.5]]
    say(room, teacher, "point", at=[])
    assert room.value("pointer") is None
    nowhere: list[Any] = [None, "x", {}, [1], [["a", 0.5]], [["a", 0.5, 1.01]], [["a", -0.1, 0]], [["a", True, 0]], [[1, 0, 0]]]
    nowhere += [[["a", "0", 0]], [["x" * 81, 0, 0]], [["a", 0, 0]] * 5]
    for at in nowhere:
        with pytest.raises(ValueError):
            say(room, teacher, "point", at=at)
    assert room.value("pointer") is None


def test_the_followers_screens_are_blank_as_long_as_the_teacher_wants(room: Room) -> None:
    teacher = Member(PRESENT, "t")
    say(room, teacher, "blank", **{"is": True})
    _, frame = room.news(FOLLOW, 0)  # who comes late is told too
    assert room.value("blank") is True and frame and b'"blank":true' in frame
    say(room, teacher, "blank", **{"is": False})
    assert room.value("blank") is None
    with pytest.raises(ValueError):
        say(room, teacher, "blank", **{"is": 1})
