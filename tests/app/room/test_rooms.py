"""Rooms: the newest state for whoever comes, a code that only its token opens, limits with words."""

from __future__ import annotations

import pytest

from app.room import codes
from app.room.room import EXPLORE, FOLLOW, PRESENT, REMOTE, Member, Room, RoomRefused
from app.room.rooms import IDLE, MOST_ROOMS, Rooms
from tests.app.room.frames import read


@pytest.fixture
def room() -> Room:
    return Room("ABC234", b"", "e1", 0.0)


def test_a_code_comes_from_its_token_alone_and_has_no_signs_that_look_alike() -> None:
    tokens = {codes.new_token() for _ in range(20)}
    assert len(tokens) == 20 and all(map(codes.is_token, tokens))
    for token in tokens:
        assert codes.code_of(token) == codes.code_of(token) == codes.read_code(codes.code_of(token))
    assert not set("01OIL") & set(codes.ALPHABET)


def test_of_several_processes_each_opens_rooms_under_its_own_letters_and_any_opens_one_again() -> None:
    rooms = Rooms(begins=codes.own_signs("jkM"))
    opened = [rooms.open() for _ in range(8)]
    assert {room.code[0] for room, _ in opened} <= set("JKM")
    code, token = opened[0][0].code, opened[0][1]
    assert Rooms(begins="2").teach(code, token).code == code  # the class moves to a process that the proxy chose anew
    assert codes.own_signs(" ") == codes.ALPHABET
    with pytest.raises(ValueError, match=r"holds '1'"):
        codes.own_signs("AB1")


@pytest.mark.parametrize(
    ("typed", "code"), [("abc 234", "ABC234"), ("ABC-234", "ABC234"), ("ABC23", ""), ("ABC10O", ""), (7, "")]
)
def test_a_code_is_read_as_people_type_it(typed: object, code: str) -> None:
    assert codes.read_code(typed) == code


def test_who_comes_late_gets_everything_and_who_was_there_what_is_new(room: Room) -> None:
    room.change({"page": {"title": "a"}, "part:x": b"12"})
    room.change({"part:y": b"34"}, drop=["part:x"])
    rev, frame = room.news(FOLLOW, 0)
    late = read(frame)
    assert late["whole"] and late["fields"] == {"page": {"title": "a"}, "part:y": b"34"}
    there = read(room.news(FOLLOW, 1)[1])
    assert not there["whole"] and there["fields"] == {"part:y": b"34"} and there["gone"] == ["part:x"]
    assert room.news(FOLLOW, rev) == (rev, None)


def test_a_slow_one_is_sent_the_newest_and_nothing_of_what_was_between(room: Room) -> None:
    room.change({"hand:a": {"t": 0}})
    since, _ = room.news(FOLLOW, 0)
    for t in range(1, 50):
        room.change({"hand:a": {"t": t}})
    assert read(room.news(FOLLOW, since)[1])["fields"] == {"hand:a": {"t": 49}}


def test_what_changes_nothing_is_no_change_and_all_who_know_the_same_share_one_frame(room: Room) -> None:
    assert room.change({"page": 1}) and not room.change({"page": 1}) and not room.change(drop=["none"])
    assert room.news(FOLLOW, 0)[1] is room.news(FOLLOW, 0)[1]


def test_each_role_is_sent_what_concerns_it(room: Room) -> None:
    room.change({"page": 1, "part:a": b"", "where": 2, "call": 1, "count": {"follow": 0}})
    fields = {role: set(read(room.news(role, 0)[1])["fields"]) for role in (FOLLOW, EXPLORE, PRESENT, REMOTE)}
    assert fields[FOLLOW] == {"page", "part:a", "where", "call"} and fields[EXPLORE] == {"where", "call"}
    assert fields[PRESENT] == fields[REMOTE] == {"where", "call", "count"}
    room.change({"count": {"follow": 9}})
    assert room.news(FOLLOW, room.rev - 1)[1] is None


def test_who_knows_a_state_of_the_future_or_missed_too_many_endings_gets_everything(room: Room) -> None:
    room.change({"where": 0})
    assert read(room.news(FOLLOW, 99)[1])["whole"]
    for number in range(600):
        room.change({f"part:{number}": b""})
        room.change(drop=[f"part:{number}"])
    assert read(room.news(FOLLOW, 1)[1])["whole"] and len(room._dropped) <= 500


def test_a_long_frame_is_compressed_once_for_all(room: Room) -> None:
    room.change({"part:a": b"figure " * 10_000})
    frame = room.news(FOLLOW, 0)[1]
    assert frame and frame[0] == 1 and len(frame) < 1000 and read(frame)["fields"]["part:a"] == b"figure " * 10_000


def test_the_teacher_hears_how_many_are_here_within_a_quarter_of_a_second(room: Room) -> None:
    delays: list[float] = []
    room.on_change = delays.append
    pupils = [Member(FOLLOW, str(i)) for i in range(3)]
    for pupil in pupils:
        room.join(pupil)
    pupils[0].is_alone = True
    room.recount()
    room.leave(pupils[2])
    assert room.value("count") == {"explore": 1, "follow": 1, "present": 0, "remote": 0}
    assert delays and all(0 < delay <= 0.3 for delay in delays)


def test_a_full_room_says_so_but_its_teacher_comes_in(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.room.room.MOST_MEMBERS", 3)
    for i in range(3):
        room.join(Member(FOLLOW, str(i)))
    with pytest.raises(RoomRefused, match="full: 3 browsers") as refused:
        room.join(Member(EXPLORE, "late"))
    assert refused.value.why == "full"
    room.join(Member(PRESENT, "teacher"))


def test_only_the_token_teaches_and_after_a_restart_it_opens_the_same_code_again() -> None:
    rooms = Rooms()
    room, token = rooms.open()
    assert rooms.find(room.code) is room is rooms.teach(room.code, token)
    with pytest.raises(RoomRefused):
        rooms.teach(room.code, codes.new_token())
    restarted = Rooms()
    with pytest.raises(RoomRefused):  # a pupil who is quicker than the teacher
        restarted.teach(room.code, codes.new_token())
    again = restarted.teach(room.code, token)
    assert again.code == room.code and again.epoch != room.epoch
    assert token.encode() not in room.digest and token not in repr(vars(room))


def test_rooms_are_limited_and_idle_ones_make_room() -> None:
    now = 0.0
    rooms = Rooms(lambda: now)
    opened = [rooms.open()[0] for _ in range(MOST_ROOMS)]
    with pytest.raises(RoomRefused, match=f"{MOST_ROOMS} classes"):
        rooms.open()
    now = IDLE
    rooms.touch(opened[0])
    now = IDLE + 1
    rooms.open()
    assert len(rooms) == 2 and not opened[0].has_ended and all(room.has_ended for room in opened[1:])
    assert rooms.find(opened[1].code) is None


def test_two_rooms_never_mix() -> None:
    rooms = Rooms()
    (first, _), (second, _) = rooms.open(), rooms.open()
    first.change({"page": "first", "part:a": b"1"})
    second.change({"page": "second"})
    assert read(second.news(FOLLOW, 0)[1])["fields"] == {"page": "second"}
