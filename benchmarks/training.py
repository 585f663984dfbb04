"""A training that runs on the server: how far it comes in a minute, and what ten visitors who press Next token meet beside it.

Turns without and with it follow each other on one server, so that whatever else the machine does meets both; the steps of all turns of a
kind are judged together. The budget: at the 95th percentile a step takes at most half as long again.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.request import urlopen

import numpy as np

from app.live.slot import GONE, LOOKED_EVERY
from app.server.answers import ADDRESS
from benchmarks.load import ON_LOOPBACK, turn
from benchmarks.raw_visitor import RawVisitor
from benchmarks.table import HEADER, Row, line
from tests.browser.server import Server, running_app

VISITORS, SECONDS, EVERY, TURNS = 10, 20.0, 2.0, 3
MINUTE, LESSON = "Train for 60 s", "Train for 30 s"
LOSS_AFTER_A_MINUTE = 1.9  # nats per character
ASKED_EVERY = 0.7  # seconds, as a page does


def news(owner: RawVisitor) -> dict[str, Any]:
    """All that is known of the training, as its owner's page asks for it."""
    number = owner.handed["glass_live_run"]["visitor"]
    with urlopen(f"{owner.url}/{ADDRESS}?visitor={number}&training=0&rows=0", timeout=60) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


@contextmanager
def training(server: Server, part: str, button: str) -> Iterator[RawVisitor]:
    """Somebody's, who stays for as long as it is looked at."""
    done = Event()
    with RawVisitor(server.url, {"learning": part}, page="learning") as owner:
        owner.open()
        owner.press(button)
        present = Thread(target=lambda: [news(owner) for _ in iter(lambda: done.wait(ASKED_EVERY), True)], daemon=True)
        present.start()
        while not news(owner).get("rows"):
            time.sleep(0.2)
        yield owner
        done.set()
        present.join()


def learned(server: Server, part: str, button: str) -> list[dict[str, Any]]:
    """The checkpoints of one training from its beginning to its end."""
    with training(server, part, button) as owner:
        while (seen := news(owner))["state"] != "ended":
            time.sleep(ASKED_EVERY)
    if seen["why"] != "time":
        raise RuntimeError(f"The training did not last as long as it should: {seen['why']}")
    rows: list[dict[str, Any]] = seen["rows"]
    return rows


def learning_rows(server: Server) -> Iterator[Row]:
    """What it learns by itself."""
    began = time.monotonic()
    minute = learned(server, "live", MINUTE)[-1]
    said = f"step {minute['step']:,}, {minute['training']:.2f} on its own text, {time.monotonic() - began:.0f} s by the clock"
    yield Row("held-out loss after a live training of 60 s", said, minute["held_out"], " nats", LOSS_AFTER_A_MINUTE)
    lesson = learned(server, "overfit", LESSON)
    lowest = min(lesson, key=lambda row: row["held_out"])
    said = f"lowest {lowest['held_out']:.2f} at step {lowest['step']}, {lesson[-1]['held_out']:.2f} at the end"
    turned = lesson[-1]["held_out"] > lowest["held_out"] + 0.05
    yield Row("overfitting: the held-out loss turns after", said, lowest["seconds"] if turned else float("nan"), " s", 30)


def visitor_rows(server: Server) -> Iterator[Row]:
    """What others meet beside it."""
    took: dict[str, list[float]] = {"alone": [], "beside": []}
    steps_made = 0
    for _ in range(TURNS):
        took["alone"] += turn(server, VISITORS, SECONDS, EVERY)[0].steps
        with training(server, "live", MINUTE) as owner:
            before = news(owner)["progress"]["step"]
            took["beside"] += turn(server, VISITORS, SECONDS, EVERY)[0].steps
            now = news(owner)
            steps_made += now["progress"]["step"] - before
            if now["state"] != "running":
                raise RuntimeError(f"The training was over before the visitors were: {now['why']}")
        time.sleep(GONE + 2 * LOOKED_EVERY)  # its owner has left, and so it ends
    alone, beside = (np.percentile(seconds, [50, 95]) for seconds in took.values())
    said = (
        f"median {alone[0]:.3f} and {beside[0]:.3f} s, 95 of 100 {alone[1]:.3f} and {beside[1]:.3f} s, {len(took['beside'])} steps each; "
        f"the trainings made {steps_made} steps meanwhile"
    )
    yield Row(f"{VISITORS} visitors: a step beside a training, to one without", said, float(beside[1] / alone[1]), "", 1.5)


def main() -> None:
    """Print the table."""
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder, running_app(Path(folder) / "log.txt", **ON_LOOPBACK) as server:
        turn(server, 1, 1.0, 1.0)  # torch and the model are loaded
        for rows in (visitor_rows, learning_rows):
            for row in rows(server):
                print(line(row), flush=True)


if __name__ == "__main__":
    main()
