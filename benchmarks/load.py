"""A class that explores: many visitors who open the first page and press Next token, each at a pace of its own.

The app is started as a user starts it, on this machine's loopback alone. Visitors are websockets that speak Streamlit's messages (the
package `websockets` comes with Streamlit) and hand in what a browser would: the address, the messages it has kept, the button. Each
has a prompt and a seed of its own, so that no two share a trace. A visitor presses at times fixed beforehand; whatever comes late
counts from the time at which it was due. Nothing is drawn: a browser's own time comes on top. Visitors, and with them the time,
are bounded: this is no tool to point at somebody's server.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.table import HEADER, Row, line
from tests.browser.server import Server, running_app

MOST_VISITORS, MOST_SECONDS = 200, 120.0
ARRIVE_WITHIN = 10.0  # seconds: a class opens its link
ON_LOOPBACK = {"STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}
PATIENCE = 60.0  # seconds for one answer, after which it counts as an error
BUTTONS = ("Next token", "Step")  # what appends one token, by label
BUDGETS = {60: 0.5, 100: 1.0}  # visitors -> seconds at the 95th percentile
WORDS = "king cat forest river winter road garden ship window morning sister stone letter bird lamp".split()


class LoadError(Exception):
    """The app did not do what a visitor asked for."""


@dataclass
class Seen:
    """What all visitors of one turn have met: seconds to the first picture and of each step, bytes of all steps, and errors."""

    first: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    step_bytes: int = 0
    errors: list[str] = field(default_factory=list)


class Visitor:
    """One tab: what it knows of the page, and the messages that it keeps as a browser does."""

    def __init__(self, socket: ClientConnection, query: str) -> None:
        self._socket, self._query = socket, query
        self._page = self._button = self._fragment = ""
        self._kept: set[str] = set()
        self.received = 0

    async def open(self) -> None:
        """The first run of the script."""
        await self._run(BackMsg())

    async def step(self) -> None:
        """Press the button that appends a token, and wait until the page says so. Raises LoadError if no token was added."""
        if not self._button:
            raise LoadError("there is no button that appends a token")
        before, message = self._query, BackMsg()
        message.rerun_script.fragment_id = self._fragment
        message.rerun_script.widget_states.widgets.append(WidgetState(id=self._button, trigger_value=True))
        await self._run(message)
        if self._query == before:
            raise LoadError("a step left the address as it was")

    async def _run(self, message: BackMsg) -> None:
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self._query, self._page
        asked.cached_message_hashes.extend(self._kept)
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(PATIENCE):
            while not self._ends(await self._socket.recv()):
                pass

    def _ends(self, data: str | bytes) -> bool:
        """Take in one message; whether it is the end of a run that is not followed by another."""
        self.received += len(data)
        message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
        kind = message.WhichOneof("type")
        if message.metadata.cacheable and message.hash:
            self._kept.add(message.hash)
        if kind == "new_session":
            self._page = message.new_session.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "exception":
                raise LoadError(element.exception.message)
            if element.WhichOneof("type") == "button" and element.button.label in BUTTONS:
                self._button, self._fragment = element.button.id, message.delta.fragment_id
        return kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN


async def _visit(url: str, number: int, presses: list[float], arrives: float, seen: Seen) -> None:
    """One visitor from its arrival to its last press; arrives, presses: by the loop's clock."""
    clock = asyncio.get_running_loop().time
    prompt = f"Once upon a time there was a {WORDS[number % len(WORDS)]} " + "and " * (number // len(WORDS)) + "a"
    query = f"prompt={prompt.replace(' ', '+')}&seed={number + 1}"
    await asyncio.sleep(arrives - clock())
    try:
        async with connect(
            f"{url.replace('http', 'ws', 1)}/_stcore/stream", origin=url, subprotocols=["streamlit"], max_size=None,
            open_timeout=PATIENCE, proxy=None,
        ) as socket:  # fmt: skip
            visitor = Visitor(socket, query)
            await visitor.open()
            seen.first.append(clock() - arrives)
            for due in presses:
                await asyncio.sleep(due - clock())
                before = visitor.received
                await visitor.step()
                seen.steps.append(clock() - due)
                seen.step_bytes += visitor.received - before
    except Exception as error:  # noqa: BLE001 - whatever goes wrong for a visitor is what is counted
        seen.errors.append(f"{type(error).__name__}: {error}")


async def turn(server: Server, visitors: int, seconds: float, every: float) -> tuple[Seen, float]:
    """What so many visitors meet who press every so many seconds for so long, and the server's seconds of processor time for it."""
    url = server.url.replace("localhost", "127.0.0.1")
    clock, seen, luck = asyncio.get_running_loop().time, Seen(), random.Random(1)
    start = clock() + 0.5
    arrive_within = ARRIVE_WITHIN * min(1, visitors / 60)
    begin = start + arrive_within + 2
    tasks = []
    for number in range(visitors):
        own = begin + luck.random() * every
        presses = [own + every * i for i in range(max(1, int(seconds / every)))]
        tasks.append(asyncio.create_task(_visit(url, number, presses, start + arrive_within * number / visitors, seen)))
    await asyncio.sleep(begin - clock())
    before = processor_seconds(server)
    await asyncio.gather(*tasks)
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
            warmed, _ = asyncio.run(turn(server, 1, 1.0, 1.0))  # torch and the model are loaded
            if warmed.errors:
                raise SystemExit(f"The app does not work: {warmed.errors[0]}\n{server.log()}")
            began = time.process_time()
            seen, processor = asyncio.run(turn(server, visitors, chosen.seconds, chosen.every))
            own = time.process_time() - began
        for row in rows(visitors, seen, processor):
            print(line(row), flush=True)
        print(f"| | the visitors themselves took {own:.1f} s of processor time | | | |", flush=True)


if __name__ == "__main__":
    main()
