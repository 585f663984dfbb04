"""Twenty followers of one class: what the teacher shows is with all of them at once, also after everything broke."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from app.room.room import EXPLORE
from benchmarks.classroom import ON_LOOPBACK, Teacher, open_class
from benchmarks.followers import WHOLE, Class
from benchmarks.raw_visitor import RawVisitor
from tests.browser.server import free_port, running_app

FOLLOWERS = 20


@pytest.mark.slow
def test_twenty_follow_are_cut_off_and_come_back_and_so_does_a_server_that_was_killed(tmp_path: Path) -> None:
    port = free_port()
    with running_app(tmp_path / "first.txt", port=port, **ON_LOOPBACK) as server:
        with RawVisitor(server.url, {"prompt": "Once upon a time"}) as visitor:
            teacher = open_class(visitor)
            with Class(server.url, teacher.code, teacher.token, FOLLOWERS, explorers=2) as pupils:
                pupils.wait(WHOLE, 0.0)
                began, place = teacher.change()
                pupils.wait(place, began)
                for number in range(5):  # the hand, in between
                    value = {"settings": {"temperature": number}}
                    pupils.move(value)
                pupils.wait(json.dumps(value), began)
                assert all(place not in [said for _, said in each.heard if said == WHOLE] for each in pupils.explorers)
                cut = time.monotonic()
                pupils.cut()
                _, place = teacher.change()
                pupils.wait(place, cut)
                assert not any(each.refused for each in pupils.followers)
                # Another pupil cannot speak for the teacher.
                pupils.do(pupils.followers[0].say("hand", name="next_token:said", value={"settings": {}}))
                deadline = time.monotonic() + 20
                while pupils.followers[0].refused != ["junk"]:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
                killed = time.monotonic()
                with running_app(tmp_path / "second.txt", port=port, **ON_LOOPBACK) as again:
                    with RawVisitor(again.url, {"prompt": "Once upon a time"}) as other:
                        other.open()
                        second = Teacher(other, teacher.code, teacher.token)
                        second.claim()
                        _, place = second.change()
                        pupils.wait(place, killed)
                        assert all(each.role == EXPLORE and each.rev for each in pupils.explorers)
                    began = time.monotonic()
                    again.process.terminate()
                    again.process.wait()
                    assert time.monotonic() - began < 4  # open sockets do not hold it
                    assert teacher.token not in again.log() and teacher.code not in again.log()
