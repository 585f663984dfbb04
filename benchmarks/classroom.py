"""A class that follows: 200 browsers that show what their teacher shows, and 20 that explore, on one server.

Followers (followers.py) have a socket each and draw nothing; the teacher (raw_visitor.py) is a session of the app that opens a class and
presses Next token, and moves a slider in between. A change counts from the press to the moment at which each follower has it. Explorers are
visitors as in load.py, each with a class's socket besides. The server is started anew, on this machine's loopback alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import numpy as np

from benchmarks.flood import STEP
from benchmarks.followers import WHOLE, Class
from benchmarks.load import ON_LOOPBACK, Seen, processor_seconds, step
from benchmarks.raw_visitor import RawVisitor
from benchmarks.table import HEADER, Row, line
from tests.browser.server import Server, free_port, running_app

FOLLOWERS, EXPLORERS = 200, 20
EVERY = 0.5  # seconds between two changes of the teacher
EXPLORES_EVERY = 2.0
ARRIVE_WITHIN = 6.0  # seconds: explorers come one after the other
MOVES = 4  # of a slider between two changes
LATE, EXPLORERS_LATE, BROADCAST, BACK, RESTARTED = 0.3, 0.5, 15.0, 3.0, 15.0


@dataclass
class Teacher:
    """A session that opened a class."""

    visitor: RawVisitor
    code: str
    token: str

    def change(self) -> tuple[float, str]:
        """Press Next token; (when, by time.monotonic, the place that followers will hear of)."""
        began = time.monotonic()
        self.visitor.press(STEP)
        return began, "?" + self.visitor.query

    def claim(self) -> None:
        """The session is the teacher's, as the teacher's browser says when it has lost the one before."""
        self.visitor.tell("glass_frame", "room", ["claim", self.code, self.token])


def open_class(visitor: RawVisitor) -> Teacher:
    """The teacher's session, drawn, with a class opened in it."""
    visitor.open()
    visitor.tell("glass_frame", "room", ["start"])
    told = visitor.handed["glass_frame"]["room"]
    teacher = Teacher(visitor, told["code"], told["token"])
    teacher.claim()
    return teacher


def teach(teacher: Teacher, pupils: Class, seconds: float) -> tuple[list[float], list[float]]:
    """So long a lesson: seconds until each follower had each step, and each move of the slider."""
    steps: list[float] = []
    moves: list[float] = []
    moved = 0
    for i in range(max(1, int(seconds / EVERY))):
        due = time.monotonic() + EVERY
        began, place = teacher.change()
        steps += [moment - began for moment in pupils.wait(place, began)]
        for _ in range(MOVES):
            moved += 1
            value = {"settings": {"temperature": moved / 1000}}
            began = time.monotonic()
            pupils.move(value)
            moves += [moment - began for moment in pupils.wait(json.dumps(value), began)]
        if i % 30 == 29:  # the text does not grow beyond what the model takes: the cursor goes back, and on again
            teacher.visitor.tell("glass_timeline", "pick", 0)
        time.sleep(max(0.0, due - time.monotonic()))
    return steps, moves


def explore(server: Server, code: str, number: int, begins: float, until: float, seen: Seen) -> None:
    """One explorer: arrives like the others within the time before the lesson begins, and then presses until it ends."""
    luck = random.Random(number)
    view = {"prompt": "Once upon a time there was a " + "and a " * (number % 7) + "king", "seed": str(number + 1), "room": code}
    time.sleep(ARRIVE_WITHIN * luck.random())
    with RawVisitor(server.url, view) as visitor:
        visitor.open()
        due = begins + luck.random() * EXPLORES_EVERY
        while due < until:
            time.sleep(max(0.0, due - time.monotonic()))
            step(visitor, seen, due)
            due += EXPLORES_EVERY


def memory(server: Server) -> float:
    """MB that the server holds."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def lesson(server: Server, followers: int, explorers: int, seconds: float) -> list[Row]:
    """A whole class: alone with its teacher, with its followers, with explorers beside them, cut off and back."""
    who = f"{followers} followers"
    rows: list[Row] = []
    with RawVisitor(server.url, {"prompt": "Once upon a time there was a king"}) as visitor:
        teacher = open_class(visitor)
        before, began = processor_seconds(server), time.monotonic()
        with Class(server.url, teacher.code, teacher.token, 0) as nobody:
            teach(teacher, nobody, seconds / 2)
        alone = (processor_seconds(server) - before) / (time.monotonic() - began)
        held = memory(server)
        with Class(server.url, teacher.code, teacher.token, followers, explorers) as pupils:
            joining = time.monotonic()
            joined = max(pupils.wait(WHOLE, 0.0)) - joining
            before, began = processor_seconds(server), time.monotonic()
            received = sum(each.n_bytes for each in pupils.followers)
            steps, moves = teach(teacher, pupils, seconds)
            passed = time.monotonic() - began
            share = 100 * ((processor_seconds(server) - before) / passed - alone)
            received = sum(each.n_bytes for each in pupils.followers) - received
            rows += [
                _late(f"{who}: a step of the teacher, 95 of 100", steps, LATE),
                _late(f"{who}: a slider in mid-drag, 95 of 100", moves, LATE),
                Row(
                    f"{who}: a core's share for the broadcast",
                    f"{1 / EVERY:g} steps and {MOVES / EVERY:g} moves a second",
                    share,
                    " %",
                    BROADCAST,
                ),
                Row(
                    f"{who}: bytes a follower is sent for a step",
                    "moves included",
                    received / followers / (passed / EVERY) / 1000,
                    " KB",
                    None,
                ),
                Row(f"{who}: all have joined", "each gets everything", joined, " s", BACK),
            ]
            if explorers:
                begins = time.monotonic() + ARRIVE_WITHIN + 2
                seen, until = Seen(), begins + seconds
                threads = [
                    Thread(target=explore, args=(server, teacher.code, number, begins, until, seen), daemon=True)
                    for number in range(explorers)
                ]
                for thread in threads:
                    thread.start()
                time.sleep(begins - time.monotonic())
                steps, moves = teach(teacher, pupils, seconds)
                for thread in threads:
                    thread.join()
                beside = f"{who}, {explorers} explorers"
                rows += [
                    _late(f"{beside}: a step of the teacher, 95 of 100", steps, LATE),
                    _late(f"{beside}: a slider in mid-drag, 95 of 100", moves, LATE),
                    _late(f"{beside}: an explorer's step, 95 of 100", seen.steps, EXPLORERS_LATE),
                    Row(f"{beside}: errors", "; ".join(sorted(set(seen.errors)))[:120], len(seen.errors), "", 0),
                ]
            cut = time.monotonic()
            pupils.cut()
            _, place = teacher.change()
            back = max(pupils.wait(place, cut)) - cut
            rows.append(Row(f"{who}: all back after their connections were cut", "pauses at random included", back, " s", BACK))
            rows.append(Row(f"{who}: memory that the class took", "MB more than before it", memory(server) - held, " MB", None))
    return rows


def restart(folder: Path, followers: int) -> Row:
    """A server that is killed in mid-class and started again: until every follower shows what the teacher shows."""
    port = free_port()
    with (
        running_app(folder / "first.txt", port=port, **ON_LOOPBACK) as server,
        RawVisitor(server.url, {"prompt": "Once"}) as visitor,
    ):
        teacher = open_class(visitor)
        with Class(server.url, teacher.code, teacher.token, followers) as pupils:
            pupils.wait(WHOLE, 0.0)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            killed = time.monotonic()
            with (
                running_app(folder / "second.txt", port=port, **ON_LOOPBACK) as again,
                RawVisitor(again.url, {"prompt": "Once"}) as other,
            ):
                up = time.monotonic() - killed
                other.open()
                second = Teacher(other, teacher.code, teacher.token)
                second.claim()
                _, place = second.change()
                back = max(pupils.wait(place, killed)) - killed
    return Row(
        f"{followers} followers: all back after the server was killed", f"it was up after {up:.1f} s", back, " s", RESTARTED
    )


def _late(what: str, seconds: list[float], budget: float) -> Row:
    found = np.array(seconds)
    said = f"median {np.median(found):.3f} s, longest {found.max():.2f} s, {len(found)} deliveries"
    return Row(what, said, float(np.percentile(found, 95)), " s", budget)


def main() -> None:
    """Every row as soon as its turn is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--followers", type=int, default=FOLLOWERS)
    parser.add_argument("--explorers", type=int, default=EXPLORERS)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    chosen = parser.parse_args()
    print(f"One server process, {os.cpu_count()} cores, the class on the same machine\n")
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        with running_app(Path(folder) / "log.txt", **ON_LOOPBACK) as server:
            for row in lesson(server, chosen.followers, chosen.explorers, chosen.seconds):
                print(line(row), flush=True)
        print(line(restart(Path(folder), chosen.followers)), flush=True)


if __name__ == "__main__":
    main()
