"""Every page and part: the model is touched in the queue's thread alone, and whatever is kept of a run is kept by that run.

The models of these tests are on a device that only pretends to be another (see `pretend_device`) and has no float64: a page that takes
the processor for granted fails here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread, current_thread
from typing import Any

import pytest
import torch

from app import runtime
from app.engine import local
from app.recent import Recent
from app.visitors import visitor
from gptcore import devices
from gptcore.run import Ablation, Run
from gptcore.store import TraceStore
from gptcore.tokenizer import Tokenizer
from tests.gptcore.pretend_device import DEVICE, NAME, Elsewhere, pretending
from tests.pages.test_all_pages import ASKED, PARTS
from tests.pages.visit_page import open_page

PROMPT = "the cat had a hat and the hat had a cat"
EVERYTHING = [*((page, part, {}) for page, part in PARTS), *ASKED, ("sampling", "greedy", {"written": ""})]


class Watch:
    """Which threads loaded a model, and which touched its weights or asked for a trace."""

    def __init__(self) -> None:
        self.loaders: set[Thread] = set()
        self.touches: list[tuple[Thread, str]] = []
        self.pretence = pretending(float64=False)

    @property
    def strays(self) -> list[str]:
        """What was done by another thread than the one that loads."""
        return [what for thread, what in self.touches if thread not in self.loaders]


@pytest.fixture(scope="module")
def watch() -> Iterator[Watch]:
    """An engine of this module's own, whose models have weights that lie elsewhere and say by whom they are touched."""
    seen = Watch()

    class Watched(Elsewhere):
        @classmethod
        def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.touches.append((current_thread(), getattr(function, "__name__", str(function))))
            with torch._C.DisableTorchFunctionSubclass():
                return function(*args, **(kwargs or {}))

    def start(threads: int) -> None:
        plain_start(threads)
        seen.pretence.__enter__()  # as long as the queue's thread lives

    def load(name: str, **asked: Any) -> Any:
        loaded = replace(plain_load(name, **asked), name="watched")
        seen.loaders.add(current_thread())
        _ = loaded.identity
        for module in loaded.model.modules():
            for key, weight in module._parameters.items():
                if weight is not None:
                    module._parameters[key] = watched = Watched(weight.detach())  # type: ignore[assignment]
                    watched._is_param = True  # what torch knows a parameter by
        assert loaded.device == DEVICE
        return loaded

    def trace(store: TraceStore, run: Run) -> Any:
        seen.touches.append((current_thread(), "trace"))
        return plain_trace(store, run)

    plain_load, plain_trace, plain_start = local.gptcore.load, TraceStore.trace, local._share_cores
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local.gptcore, "load", load)
        patch.setattr(TraceStore, "trace", trace)
        patch.setattr(local, "_share_cores", start)
        patch.setattr(devices, "_WITHOUT_FLOAT64", {NAME})
        patch.setattr(runtime, "ENGINE", local.Local(visitor))
        yield seen


def test_a_weight_that_is_touched_elsewhere_is_noticed(watch: Watch, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_page(monkeypatch, tiny_folder, "map", prompt=PROMPT)
    assert not watch.strays
    loaded, _ = runtime.ENGINE._loaded[str(tiny_folder)]
    for breach in (lambda: loaded.model.output_head.weight[0], lambda: loaded.trace((1, 2))):
        with pretending(float64=False):
            breach()
        assert watch.strays
        watch.touches.clear()


@pytest.mark.parametrize(("page", "part", "asked"), EVERYTHING)
def test_the_model_runs_in_the_queue_alone(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, part: str, asked: dict[str, str]
) -> None:
    watch.touches.clear()
    open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, position="3", **({page: part} if part else {}), **asked)
    assert watch.loaders and not watch.strays


@pytest.fixture(scope="module")
def kept(watch: Watch, tiny_folder: Path) -> list[tuple[Recent[Any], Hashable]]:
    """All that is kept when every page and part has been looked at, each with its cache."""
    found: list[tuple[Recent[Any], Hashable]] = []

    def keep(cache: Recent[Any], key: Hashable, made: Any) -> Any:
        found.append((cache, key))
        return plain(cache, key, made)

    plain = Recent.keep
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recent, "keep", keep)
        for page, part, asked in EVERYTHING:
            open_page(patch, tiny_folder, page, prompt=PROMPT[:-2], position="3", **({page: part} if part else {}), **asked)
    return found


def runs_in(key: Any) -> list[Run]:
    """The runs that a key names."""
    if isinstance(key, Run):
        return [key]
    return [run for part in key for run in runs_in(part)] if isinstance(key, tuple) else []


def changed(key: Any, change: Callable[[Run], Run]) -> Any:
    """The same key of a run that differs."""
    if isinstance(key, Run):
        return change(key)
    return tuple(changed(part, change) for part in key) if isinstance(key, tuple) else key


def test_runs_that_differ_in_one_field_share_nothing_that_is_kept(kept: list[tuple[Recent[Any], Hashable]]) -> None:
    of_runs = [(cache, key) for cache, key in kept if runs_in(key)]
    assert len({id(cache) for cache, _ in of_runs}) >= 9
    for cache, key in of_runs:
        assert cache.find(key) is not None
        for difference in (
            {"model": "another@0"}, {"ids": (7, *runs_in(key)[0].ids[1:])}, {"intervention": Ablation(attention=frozenset({0}))},
        ):  # fmt: skip
            assert cache.find(changed(key, lambda run, fields=difference: replace(run, **fields))) is None


def test_no_key_spells_a_run_by_hand(kept: list[tuple[Recent[Any], Hashable]], tiny_folder: Path) -> None:
    ids = max((run.ids for _, key in kept for run in runs_in(key)), key=len)

    def faults(key: Any) -> bool:
        by_hand = key == str(tiny_folder) or (isinstance(key, tuple) and len(key) > 3 and key == ids[: len(key)])
        return by_hand or (isinstance(key, tuple) and any(faults(part) for part in key))

    assert faults(((str(tiny_folder), ids), ())) and faults((ids[:5],))
    assert not [key for _, key in kept if faults(key)]


def test_a_prompt_is_cut_into_tokens_once(watch: Watch, monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    prompt, cut = "a hat had the cat", []

    def encode(tokenizer: Tokenizer, text: str, *args: Any, **named: Any) -> Any:
        cut.append(text)
        return plain(tokenizer, text, *args, **named)

    plain = Tokenizer.encode
    monkeypatch.setattr(Tokenizer, "encode", encode)
    at = open_page(monkeypatch, tiny_folder, "write", prompt=prompt)
    at.run()
    assert cut == [prompt]
