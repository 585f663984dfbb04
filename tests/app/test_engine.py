"""The engine of this process under a flood: whose turn it is, in pieces of work, and what is kept in memory."""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from threading import Event, Thread, get_ident
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from app.engine import EngineModel, local, queue
from app.engine.protocol import EngineError
from app.visitors import Thread as Asker
from gptcore.buffers import Buffer
from gptcore.errors import DeviceError
from gptcore.language_model import LanguageModel
from gptcore.run import Run
from gptcore.store import TraceStore

MOST_BYTES = 200_000  # three or four long prompts
FLOOD = 12  # visitors at once, each with one long prompt after the other


@pytest.fixture
def model(tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> EngineModel:
    """A model with a store of its own, of which a long prompt takes many pieces."""
    engine = local.Local(lambda: Asker(get_ident()))
    made = engine.add("flooded", replace(tiny_model, store=TraceStore(MOST_BYTES)))
    made_of = engine._loaded["flooded"][0].store
    monkeypatch.setattr(engine, "_work", lambda run: 0.005 + 0.02 * made_of.missing(run))  # as if it were a large model
    return made


class Flood:
    """Long prompts, no two alike, from many visitors, for as long as the block lasts; `pieces` counts what was computed of them."""

    def __init__(self, model: EngineModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pieces = 0
        self._model, self._stop = model, Event()
        self._threads = [Thread(target=self._ask, args=(i,)) for i in range(FLOOD)]

        def extend(store: TraceStore, run: Run, at_most: int) -> int:
            if len(run.ids) > 40:
                self.pieces += 1
                time.sleep(0.002)
            return plain(store, run, min(at_most, 4))

        plain = TraceStore.extend
        monkeypatch.setattr(TraceStore, "extend", extend)

    def _ask(self, visitor: int) -> None:
        turn = 0
        while not self._stop.is_set():
            run = self._model.run([visitor, turn % 290, *range(58)])
            for _ in range(3):  # what a page asks of it
                _ = self._model.trace(run).logits
            turn += 1

    def __enter__(self) -> Flood:
        for thread in self._threads:
            thread.start()
        while self.pieces < 3 * FLOOD:
            time.sleep(0.001)
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def test_a_step_waits_for_a_few_pieces_of_a_flood_and_not_for_its_prompts(
    model: EngineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, joined, begun = [5, 6, 7], [], []
    with Flood(model, monkeypatch) as flood:

        def job(line: Any, pieces: Any, who: Asker, *rest: Any) -> Any:
            if who.key == get_ident() == me:
                joined.append(flood.pieces)
            return plain_job(line, pieces, who, *rest)

        def trace(store: TraceStore, run: Run) -> Any:
            if len(run.ids) < 40:
                begun.append(flood.pieces)
            return plain_trace(store, run)

        me, plain_job, plain_trace = get_ident(), queue._Line.job, TraceStore.trace
        monkeypatch.setattr(queue._Line, "job", job)
        monkeypatch.setattr(TraceStore, "trace", trace)
        for _ in range(20):
            ids.append(int(model.trace(model.run(ids)).logits.argmax()))
    waited = [after - before for before, after in zip(joined, begun, strict=True)]
    assert max(waited) <= 3, waited  # a prompt is 15 pieces, and twelve wait


def buffers() -> list[int]:
    """Bytes of each buffer of a trace that anybody holds, but one that is being made in another thread."""
    gc.collect()
    made = [each for each in gc.get_objects() if type(each) is Buffer]
    return [each.n_bytes for each in made if hasattr(each, "v")]


def alive() -> int:
    return sum(buffers())


def test_a_flood_takes_no_more_memory_than_the_store_may_and_the_one_prompt_that_is_computed(
    model: EngineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, seen = alive(), []
    with Flood(model, monkeypatch):
        for _ in range(10):
            time.sleep(0.02)
            seen.append(alive() - before)
    one = max(buffers())
    assert MOST_BYTES / 2 < max(seen) <= MOST_BYTES + one


@pytest.mark.parametrize(("seconds", "sizes"), [(0.0001, range(256, 257)), (0.0005, range(64, 256)), (0.04, range(64, 65))])
def test_pieces_are_as_long_as_others_may_wait_and_never_so_short_that_the_weights_are_read_for_little(
    tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch, seconds: float, sizes: range
) -> None:
    asked: list[int] = []
    clock = [0.0]

    def extend(store: TraceStore, run: Run, at_most: int) -> int:
        """As if each token took so long, in a text of 1,000."""
        asked.append(at_most)
        clock[0] += seconds * at_most
        return max(0, 1000 - sum(asked))

    monkeypatch.setattr(local.time, "thread_time", lambda: clock[0])
    monkeypatch.setattr(TraceStore, "extend", extend)
    monkeypatch.setattr(TraceStore, "missing", lambda store, run: 1000)
    engine = local.Local(lambda: Asker(get_ident()))
    made = engine.add("long", replace(tiny_model, store=TraceStore()))
    list(engine._extending(engine._loaded["long"][0], made.run((1, 2))))
    assert all(size in sizes for size in asked[1:]), asked


def test_what_needs_no_visitors_model_has_its_turn_in_the_same_thread() -> None:
    heard: list[bool] = []
    engine = local.Local(lambda: Asker(get_ident()), heard.append)
    first, second = engine.alone(get_ident), engine.alone(get_ident)
    assert first == second != get_ident() and heard == [True, False, True, False]
    with pytest.raises(ZeroDivisionError):
        engine.alone(divmod, 1, 0)


def test_a_device_that_is_not_there_is_said_when_a_model_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    engine = local.Local(lambda: Asker(get_ident()), device="cuda")
    with pytest.raises(DeviceError, match="asked for is cuda; this machine has: "):
        engine.model("storyteller")


def test_a_card_whose_memory_is_full_is_said_in_words_and_the_next_call_is_answered(
    model: EngineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    trace = model.trace(model.run([5, 6, 7]))
    with monkeypatch.context() as patch:
        patch.setattr(TraceStore, "extend", full)
        with pytest.raises(EngineError, match=r"shorter text .* --device cpu"):
            _ = trace.logits
    assert len(trace.logits) == model.config.vocab_size


def test_the_time_of_a_card_is_taken_when_it_is_done_by_the_clock(model: EngineModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a card's work this thread's own time says nothing, and a coarse clock may say nothing at all."""
    engine, run = model.engine, model.run(range(60))
    waited: list[torch.device] = []
    monkeypatch.setattr(local, "_SMALLEST_PIECE", 4)
    monkeypatch.setattr(local, "finish", waited.append)
    monkeypatch.setattr(LanguageModel, "device", torch.device("cuda"))
    monkeypatch.setattr(local, "time", SimpleNamespace(perf_counter=lambda: 1.0))
    _ = model.trace(run).logits
    assert waited and set(waited) == {torch.device("cuda")}
    assert engine._token_seconds[run.model] > 0  # type: ignore[attr-defined]
