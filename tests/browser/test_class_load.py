"""Twenty followers of one class: what the teacher shows is with all of them at once, also after everything broke."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from benchmarks.classroom import ON_LOOPBACK, Teacher, open_class
from benchmarks.followers import WHOLE, Class
from benchmarks.raw_visitor import RawVisitor
from tests.browser.server import Server, free_port, running_app

FOLLOWERS = 20
VIEW = {"prompt": "Once upon a time"}


def changes_reach_all(teacher: Teacher, pupils: Class) -> None:
    """A step, and the hand in between; those who explore are not sent what they do not show."""
    began, place = teacher.change()
    pupils.wait(place, began)
    for number in range(5):
        value = {"settings": {"temperature": number}}
        pupils.move(value)
    pupils.wait(json.dumps(value), began)
    assert max(each.n_bytes for each in pupils.explorers) < min(each.n_bytes for each in pupils.followers) / 3


def all_come_back_when_cut_off(teacher: Teacher, pupils: Class) -> None:
    cut = time.monotonic()
    pupils.cut()
    _, place = teacher.change()
    pupils.wait(place, cut)
    assert not any(each.refused for each in pupils.followers)


def a_pupil_cannot_speak_for_the_teacher(pupils: Class) -> None:
    forger, deadline = pupils.followers[0], time.monotonic() + 20
    pupils.do(forger.say("hand", name="next_token:said", value={"settings": {"temperature": 99}}))
    while forger.refused != ["junk"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not any("99" in said for each in pupils.followers for _, said in each.heard)


def the_teacher_opens_it_again(server: Server, teacher: Teacher, pupils: Class, killed: float) -> None:
    with RawVisitor(server.url, VIEW) as visitor:
        visitor.open()
        again = Teacher(visitor, teacher.code, teacher.token)
        again.claim()
        _, place = again.change()
        pupils.wait(place, killed)


@pytest.mark.slow
def test_twenty_follow_are_cut_off_and_come_back_and_so_does_a_server_that_was_killed(tmp_path: Path) -> None:
    port = free_port()
    with running_app(tmp_path / "first.txt", port=port, **ON_LOOPBACK) as server, RawVisitor(server.url, VIEW) as visitor:
        teacher = open_class(visitor)
        with Class(server.url, teacher.code, teacher.token, FOLLOWERS, explorers=2) as pupils:
            pupils.wait(WHOLE, 0.0)
            changes_reach_all(teacher, pupils)
            all_come_back_when_cut_off(teacher, pupils)
            a_pupil_cannot_speak_for_the_teacher(pupils)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            killed = time.monotonic()
            with running_app(tmp_path / "second.txt", port=port, **ON_LOOPBACK) as again:
                the_teacher_opens_it_again(again, teacher, pupils, killed)
                ending = time.monotonic()
                again.process.terminate()
                again.process.wait()
                assert time.monotonic() - ending < 4  # open sockets do not hold it
                assert teacher.token not in again.log() and teacher.code not in again.log()
