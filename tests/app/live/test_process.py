"""The process of a training: it has the lowest priority, stands still when it is held, and is gone when nobody is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from app.live.process import ROOT, LiveProcess

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and priorities of a POSIX system")

TEXT = "the cat sat on the mat and the dog ran after the cat again and again. " * 30
WANTED = {"text": TEXT[:1500], "held_out": TEXT[1500:], "prompt": "the ", "seconds": 60.0}


def status(pid: int) -> str:
    """The letter of the system for what a process does: T stopped, Z ended, "" gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_for(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "It never came to that."
        time.sleep(0.02)


@pytest.fixture
def started():
    heard: Queue[dict[str, Any] | None] = Queue()
    process = LiveProcess(WANTED, heard.put, niceness=0)  # at the lowest priority a busy machine would let the tests wait
    yield process, heard
    process.end()


def test_it_has_the_lowest_priority_that_there_is():
    process = LiveProcess(WANTED, lambda message: None)
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
    process.end()


def test_it_trains_stands_still_when_held_and_goes_on(started):
    process, heard = started
    assert heard.get(timeout=60)["kind"] == "begun"
    first = heard.get(timeout=60)
    assert first["kind"] == "checkpoint" and first["step"] == 0
    process.hold(True)
    wait_for(lambda: status(process.pid) == "T")
    while not heard.empty():
        heard.get()
    assert status(process.pid) == "T" and heard.empty()
    process.hold(False)
    wait_for(lambda: status(process.pid) in "RSD")
    assert heard.get(timeout=60) is not None
    process.say("pause")
    process.end()
    assert status(process.pid) == "" and not process.is_running


def test_a_held_process_ends_at_once_too(started):
    process, heard = started
    heard.get(timeout=60)
    process.hold(True)
    process.end()
    assert status(process.pid) == ""


@pytest.mark.parametrize("held", [False, True])
def test_it_ends_when_the_server_is_killed(tmp_path, held):
    script = tmp_path / "server.py"
    script.write_text(
        "import time\nfrom app.live.process import LiveProcess\n"
        f"process = LiveProcess({WANTED!r}, lambda message: print(process.pid, flush=True), 0)\n"
        f"time.sleep(0.5)\nprocess.hold({held})\ntime.sleep(600)\n"
    )
    # In a session of its own, as a server that was started by a terminal or a service has one.
    server = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if held:
        wait_for(lambda: any(status(pid) == "T" for pid in children(server.pid)))
        pid = next(pid for pid in children(server.pid) if status(pid) == "T")
    else:
        pid = int(server.stdout.readline())
    server.send_signal(signal.SIGKILL)
    server.wait()
    wait_for(lambda: status(pid) in ("", "Z"), 20)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def test_what_is_no_training_is_refused_in_words(started):
    heard: Queue[dict[str, Any] | None] = Queue()
    process = LiveProcess({**WANTED, "text": "café" * 100}, heard.put, niceness=0)
    assert "é" in heard.get(timeout=60)["why"]
    assert heard.get(timeout=60) is None
    process.end()
