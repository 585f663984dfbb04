"""The engine of this process: loaded models, and the queue in whose thread alone they run."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from functools import partial
from threading import Lock
from typing import Any

import torch

import gptcore
from app.engine.protocol import EngineError, Method
from app.engine.queue import Queue, Visitor
from app.engine.subjects import EngineModel
from gptcore.devices import finish
from gptcore.errors import CheckpointError
from gptcore.language_model import LanguageModel
from gptcore.run import Run
from gptcore.trace import Trace

MODELS_IN_MEMORY = 2
_VIEW = 0.005  # seconds of work, roughly, of a call whose trace is there
_PIECE = 0.06  # seconds of a piece of a long trace: others get their turn after it
_SMALLEST_PIECE = 64  # tokens: of fewer, most of the time would go into reading the weights
_LARGEST_PIECE = 256
_SHORTEST = 1e-6  # seconds: a coarse clock may say that no time has passed


class Local:
    """Models by name, the last MODELS_IN_MEMORY that were asked for; their traces are kept by their own stores.

    visitor: who is calling, for the turns in the queue; when_busy: as `Queue` takes it; threads: of torch, 0 for all cores but one;
    device: where the models compute, as `gptcore.load` takes it. The rows of their traces stay there: whatever a page asks for is
    worked out beside them, and only what it draws comes to the processor.
    """

    def __init__(
        self,
        visitor: Callable[[], Visitor],
        when_busy: Callable[[bool], object] = lambda busy: None,
        threads: int = 0,
        device: str = "cpu",
    ) -> None:
        self._visitor, self._device = visitor, device
        self._queue = Queue(partial(_share_cores, threads), when_busy)
        self._lock = Lock()  # for the fields below
        self._loaded: OrderedDict[str, tuple[LanguageModel, EngineModel]] = OrderedDict()  # by name
        self._names: dict[str, str] = {}  # identity -> name, of all that were ever loaded
        self._token_seconds: dict[str, float] = {}  # identity -> how long a token takes in a long trace

    def model(self, name: str) -> EngineModel:
        """Raises CheckpointError if it cannot be loaded, DeviceError if the device is not there."""
        found = self._find(name) or self._queue.run(self._loading(name), self._visitor(), _VIEW)
        return found[1]

    def named(self, identity: str) -> EngineModel:
        """Raises CheckpointError for a model that was never loaded, or is another one by now."""
        model = self.model(self._name(identity))
        _check_same(model, identity)
        return model

    def call(self, run: Run, method: Method, *arguments: Any, **named: Any) -> Any:
        return self._queue.run(self._answer(run, method, arguments, named), self._visitor(), self._work(run))

    def alone(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._queue.run(self._working(function, arguments), self._visitor(), _VIEW)

    def add(self, name: str, loaded: LanguageModel) -> EngineModel:
        """From here on this model goes by this name; of more than MODELS_IN_MEMORY the one asked for least recently is let go."""
        model = EngineModel(self, loaded.identity, loaded.name, loaded.config, loaded.tokenizer, loaded.model.tied)
        with self._lock:
            self._loaded[name] = loaded, model
            self._names[loaded.identity] = name
            while len(self._loaded) > MODELS_IN_MEMORY:
                self._loaded.popitem(last=False)
        return model

    def _work(self, run: Run) -> float:
        """Seconds that a call will take, roughly: those of what is missing of its trace."""
        found = self._find(self._name(run.model))
        if found is None or not run.ids:
            return _VIEW
        return _VIEW + found[0].store.missing(run) * self._token_seconds.get(run.model, _PIECE / _SMALLEST_PIECE)

    def _answer(self, run: Run, method: Method, arguments: tuple[Any, ...], named: dict[str, Any]) -> Generator[None, None, Any]:
        language_model, model = self._load(self._name(run.model))
        _check_same(model, run.model)
        try:
            return (yield from self._asked(language_model, run, method, arguments, named))
        except torch.OutOfMemoryError as error:  # of a graphics card; what it holds for others stays
            raise EngineError(
                f"The memory of the graphics card ({language_model.device}) does not hold this. A shorter text needs less; whoever "
                "runs the server can offer a smaller model, or start it with --device cpu."
            ) from error

    def _asked(
        self, language_model: LanguageModel, run: Run, method: Method, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> Generator[None, None, Any]:
        subject: Trace | LanguageModel = language_model
        if run.ids:
            yield from self._extending(language_model, run)
            subject = language_model.store.trace(run)
        if not isinstance(method, str):
            return method(subject, *arguments, **named)
        found = getattr(subject, method)
        return found(*arguments, **named) if callable(found) else found

    def _extending(self, language_model: LanguageModel, run: Run) -> Generator[None, None, None]:
        """What is missing of a trace, in pieces that take about _PIECE each. Between them it is the store's alone, and counts as such."""
        store, device = language_model.store, language_model.device
        clock = time.thread_time if device.type == "cpu" else time.perf_counter  # a card's work is not this thread's time
        missing = store.missing(run)
        while missing:
            seconds = self._token_seconds.get(run.model, _PIECE / _SMALLEST_PIECE)
            piece = max(_SMALLEST_PIECE, min(int(_PIECE / seconds), _LARGEST_PIECE))
            began = clock()
            left = store.extend(run, piece)
            if missing >= _SMALLEST_PIECE:
                finish(device)
                self._token_seconds[run.model] = max(_SHORTEST, clock() - began) / min(piece, missing)
            if not left or left >= missing:  # it is there, or too large to be kept
                return
            missing = left
            yield

    def _loading(self, name: str) -> Generator[None, None, tuple[LanguageModel, EngineModel]]:
        """A job of one piece."""
        return self._load(name)
        yield

    def _working(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Generator[None, None, Any]:
        """A job of one piece."""
        return function(*arguments)
        yield

    def _find(self, name: str) -> tuple[LanguageModel, EngineModel] | None:
        with self._lock:
            if (found := self._loaded.get(name)) is not None:
                self._loaded.move_to_end(name)
            return found

    def _load(self, name: str) -> tuple[LanguageModel, EngineModel]:
        """In the queue: nobody else touches weights, and two who ask for one model load it once."""
        if (found := self._find(name)) is not None:
            return found
        loaded = gptcore.load(name, may_download=False, device=self._device)  # a download would hold up everybody
        return loaded, self.add(name, loaded)

    def _name(self, identity: str) -> str:
        with self._lock:
            if (name := self._names.get(identity)) is None:
                raise CheckpointError(f"The model {identity[:80]!r} was never loaded here; choose one by its name first.")
            return name


def _check_same(model: EngineModel, identity: str) -> None:
    """A model that was let go is loaded again from its files, which may hold another one by then."""
    if model.identity != identity:
        raise CheckpointError(f"The files of the model {identity[:80]!r} have changed since it was loaded; choose it again.")


def _share_cores(threads: int) -> None:
    """Once, before the first pass. One core stays free for the server: two threads that wait for each other on a busy machine are
    many times slower than one."""
    torch.set_num_threads(threads or max(1, (os.cpu_count() or 1) - 1))
