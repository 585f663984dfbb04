"""A step beside a flood: FLOOD connections that open one long prompt after the other, and one visitor who steps.

What a step costs with nobody else, what it costs in the flood, what one long prompt costs, and what the server's memory grows to; with
the embedded model and with GPT-2 small's shapes.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from websockets.exceptions import WebSocketException

from benchmarks.browser import gpt2_shapes
from benchmarks.raw_visitor import RawVisitor
from benchmarks.table import HEADER, Row, line
from gptcore.checkpoints import EMBEDDED
from gptcore.tokenizer import Tokenizer
from tests.browser.server import Server, running_app

FLOOD = 40
STEPS = 20
STEP = "Next token"
MB = 1_000_000


def long_prompt(tokenizer: Tokenizer, n_tokens: int, seed: int) -> str:
    """Words in an order of their own, of about n_tokens tokens and never more."""
    words = "the a little old king cat went into forest and said that he was not afraid of dark".split()
    text = " ".join(random.Random(seed).choices(words, k=n_tokens))
    ids = tokenizer.encode(text)[:n_tokens]
    return tokenizer.decode(ids)


@contextmanager
def flood(server: Server, model: str, tokenizer: Tokenizer, n_tokens: int) -> Iterator[list[float]]:
    """For as long as the block lasts; gives how long each of the prompts took to be drawn, so far."""
    took: list[float] = []
    stop = Event()

    def ask(number: int) -> None:
        turn = 0
        while not stop.is_set():
            prompt = long_prompt(tokenizer, n_tokens, 100_000 * number + turn)
            began, turn = time.perf_counter(), turn + 1
            try:
                with RawVisitor(server.url, {"model": model, "prompt": prompt}) as visitor:
                    visitor.open(300)
            except (OSError, TimeoutError, WebSocketException):  # the server is gone: the flood is over
                return
            took.append(time.perf_counter() - began)

    threads = [Thread(target=ask, args=(number,), daemon=True) for number in range(FLOOD)]
    for thread in threads:
        thread.start()
    time.sleep(5)  # all are in
    yield took
    stop.set()


def steps(visitor: RawVisitor) -> list[float]:
    """Seconds of each of STEPS steps, a second apart."""
    took = []
    for _ in range(STEPS):
        began = time.perf_counter()
        visitor.press(STEP)
        took.append(time.perf_counter() - began)
        time.sleep(1)
    return took


def resident(server: Server) -> float:
    """Bytes of memory that the server has now."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * 4096.0


def _rows(server: Server, model: str, label: str, tokenizer: Tokenizer, n_tokens: int) -> Iterator[Row]:
    view = {"model": model, "prompt": "Once upon a time"}
    with RawVisitor(server.url, view) as visitor:
        visitor.open()
        alone = statistics.median(steps(visitor))
        began = time.perf_counter()
        with RawVisitor(server.url, {"model": model, "prompt": long_prompt(tokenizer, n_tokens, 1)}) as other:
            other.open()
        long = time.perf_counter() - began
        with flood(server, model, tokenizer, n_tokens) as took:
            beside, most = steps(visitor), resident(server)
        budget = 1.0 if model == EMBEDDED.name else 2 * long
        said = f"median {statistics.median(beside):.2f} s, longest {max(beside):.2f} s; alone {alone:.2f} s, {len(took)} prompts"
        yield Row(f"a step beside a flood of {FLOOD}, {n_tokens} tokens each, {label}", said, max(beside), " s", round(budget, 2))
        yield Row(f"the server's memory then, {label}", f"{most / MB:,.0f} MB", most / MB, " MB", None)
        if visitor.errors:
            raise RuntimeError(f"A visitor was shown: {visitor.errors[:3]}")


def rows() -> Iterator[Row]:
    """Both models, each with a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        log_path, big = Path(folder) / "log.txt", gpt2_shapes(Path(folder) / "gpt2-shapes")
        for name, label, n_tokens in ((EMBEDDED.name, "embedded model", 250), (str(big), "GPT-2 small's shapes", 1000)):
            tokenizer = Tokenizer.from_folder(EMBEDDED if name == EMBEDDED.name else big)
            with running_app(log_path, GLASS_MODELS=str(big)) as server:
                yield from _rows(server, name, label, tokenizer, n_tokens)


def main() -> None:
    """Print the table."""
    print(HEADER)
    for row in rows():
        print(line(row), flush=True)
