"""A class that explores: many visitors who open the first page and press Next token, each at a pace of its own.

The app is started as a user starts it, on this machine's loopback alone. Each visitor (raw_visitor.py) has a prompt and a seed of its
own, so that no two share a trace, and presses at times fixed beforehand; whatever comes late counts from the time at which it was due.
Nothing is drawn: a browser's own time comes on top. Visitors and time are bounded: this is no tool to point at somebody's server.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import numpy as np
from google.protobuf.message import DecodeError
from websockets.exceptions import WebSocketException

from benchmarks.flood import STEP
from benchmarks.raw_visitor import RawVisitor
from benchmarks.table import HEADER, Row, line
from tests.browser.server import Server, running_app

MOST_VISITORS, MOST_SECONDS = 200, 120.0
ARRIVE_WITHIN = 10.0  # seconds: a class opens its link
ON_LOOPBACK = {"STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}
PATIENCE = 60.0  # seconds for one answer, after which it counts as an error
BUDGETS = {60: 0.5, 100: 1.0}  # visitors -> seconds at the 95th percentile
WORDS = "king cat forest river winter road garden ship window morning sister stone letter bird lamp".split()


@dataclass
class Seen:
    """What all visitors of one turn have met: seconds to the first picture and of each step, bytes of all steps, and errors."""

    first: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    step_bytes: int = 0
    errors: list[str] = field(default_factory=list)


def _visit(url: str, number: int, arrives: float, presses: list[float], seen: Seen) -> None:
    """One visitor from its arrival to its last press. arrives, presses: when, by time.monotonic."""
    words = ["Once upon a time there was a", WORDS[number % len(WORDS)], *["and"] * (number // len(WORDS)), "a"]
    _wait_until(arrives)
    try:
        with RawVisitor(url, {"prompt": " ".join(words), "seed": str(number + 1)}) as visitor:
            visitor.open(PATIENCE)
            seen.first.append(time.monotonic() - arrives)
            for due in presses:
                _wait_until(due)
                step(visitor, seen, due)
    except (OSError, TimeoutError, WebSocketException, KeyError, DecodeError) as error:
        seen.errors.append(f"{type(error).__name__}: {error}")


def step(visitor: RawVisitor, seen: Seen, due: float) -> None:
    """Press the button; an error that is shown, and a step after which the text is as long as before, are errors."""
    shown, before, received = len(visitor.errors), visitor.query, visitor.n_bytes
    visitor.press(STEP, PATIENCE)
    seen.errors += visitor.errors[shown:]
    if visitor.query == before:
        seen.errors.append("a step left the address as it was")
    seen.steps.append(time.monotonic() - due)
    seen.step_bytes += visitor.n_bytes - received


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def turn(server: Server, visitors: int, seconds: float, every: float) -> tuple[Seen, float]:
    """What so many visitors meet who press every so many seconds for so long, and the server's seconds of processor time for it."""
    seen, luck, start = Seen(), random.Random(1), time.monotonic() + 0.5
    arrive_within = ARRIVE_WITHIN * min(1.0, visitors / 60)
    begin = start + arrive_within + 2
    threads = []
    for number in range(visitors):
        own = begin + luck.random() * every
        presses = [own + every * i for i in range(max(1, int(seconds / every)))]
        arrives = start + arrive_within * number / visitors
        threads.append(Thread(target=_visit, args=(server.url, number, arrives, presses, seen), daemon=True))
    for thread in threads:
        thread.start()
    _wait_until(begin)
    before = processor_seconds(server)
    for thread in threads:
        thread.join()
    return seen, processor_seconds(server) - before


def processor_seconds(server: Server) -> float:
    """Of the server's process so far; not a number where the system does not tell."""
    stat = Path(f"/proc/{server.process.pid}/stat")
    if not stat.exists():
        return float("nan")
    fields = stat.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rows(visitors: int, seen: Seen, processor: float) -> list[Row]:
    """The table's rows of one turn."""
    if not seen.steps:
        return [Row(f"{visitors} visitors", seen.errors[0] if seen.errors else "", len(seen.errors), " errors", 0)]
    who = f"{visitors} visitor" + "s" * (visitors != 1)
    first, steps = np.array(seen.first), np.array(seen.steps)
    median, late, worst = np.percentile(steps, [50, 95, 100])
    said = f"median {median:.3f} s, longest {worst:.2f} s, {len(steps)} steps"
    return [
        Row(f"{who}: first picture, 95 of 100", f"median {np.median(first):.2f} s", float(np.percentile(first, 95)), " s", None),
        Row(f"{who}: a step, 95 of 100", said, float(late), " s", BUDGETS.get(visitors)),
        Row(f"{who}: errors", "; ".join(sorted(set(seen.errors)))[:120], len(seen.errors), "", 0),
        Row(f"{who}: processor time of a step", "model included", 1000 * processor / len(steps), " ms", None),
        Row(f"{who}: bytes of a step", "uncompressed", seen.step_bytes / len(steps) / 1000, " KB", 40),
    ]


def main() -> None:
    """A server of its own for each turn; every row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--visitors", type=int, nargs="+", default=[1, 20, 60, 100], help=f"in turns, each at most {MOST_VISITORS}"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help=f"of pressing in each turn, at most {MOST_SECONDS:.0f}")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between a visitor's presses")
    chosen = parser.parse_args()
    if not all(1 <= n <= MOST_VISITORS for n in chosen.visitors) or not 0 < chosen.every <= chosen.seconds <= MOST_SECONDS:
        parser.error(
            f"1 to {MOST_VISITORS} visitors, and a pause no longer than the seconds, which are at most {MOST_SECONDS:.0f}."
        )
    print(f"One server process, {os.cpu_count()} cores, visitors on the same machine; a step every {chosen.every:g} s\n")
    print(HEADER)
    for visitors in chosen.visitors:
        with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "log.txt", **ON_LOOPBACK) as server:
            warmed, _ = turn(server, 1, 1.0, 1.0)  # torch and the model are loaded
            if warmed.errors:
                raise SystemExit(f"The app does not work: {warmed.errors[0]}\n{server.log()}")
            began = time.process_time()
            seen, processor = turn(server, visitors, chosen.seconds, chosen.every)
            own = time.process_time() - began
        for row in rows(visitors, seen, processor):
            print(line(row), flush=True)
        print(f"| | the visitors themselves took {own:.1f} s of processor time | | | |", flush=True)


if __name__ == "__main__":
    main()
