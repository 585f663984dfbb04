"""The engine of this process: loaded models, and the queue in whose thread alone they run."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from threading import Lock, get_ident
from typing import Any, TypeVar

import torch

import gptcore
from app.engine.protocol import Method
from app.engine.queue import Queue
from app.engine.subjects import EngineModel
from gptcore.errors import CheckpointError
from gptcore.language_model import LanguageModel
from gptcore.run import Run

Result = TypeVar("Result")

MODELS_IN_MEMORY = 2
_LITTLE = 0.005  # seconds of work of a call whose trace is there


class Local:
    """Models by name, the last MODELS_IN_MEMORY that were asked for; their traces are kept by their own stores.

    visitor: who is calling, for the turns in the queue.
    """

    def __init__(self, visitor: Callable[[], Hashable] = get_ident) -> None:
        self._visitor = visitor
        self._queue = Queue(_share_cores)
        self._lock = Lock()  # for the fields below
        self._loaded: OrderedDict[str, tuple[LanguageModel, EngineModel]] = OrderedDict()  # by name
        self._names: dict[str, str] = {}  # identity -> name, of all that were ever loaded

    def model(self, name: str) -> EngineModel:
        """Raises CheckpointError if it cannot be loaded."""
        found = self._find(name) or self._queue.run(self._in_turn(self._load, name), self._visitor(), _LITTLE)
        return found[1]

    def named(self, identity: str) -> EngineModel:
        """Raises CheckpointError for a model that was never loaded, or is another one by now."""
        model = self.model(self._name(identity))
        _check_same(model, identity)
        return model

    def call(self, run: Run, method: Method, *arguments: Any, **named: Any) -> Any:
        return self._queue.run(self._in_turn(self._answer, run, method, arguments, named), self._visitor(), _LITTLE)

    def add(self, name: str, loaded: LanguageModel) -> EngineModel:
        """From here on this model goes by this name; of more than MODELS_IN_MEMORY the one asked for least recently is let go."""
        model = EngineModel(self, loaded.identity, loaded.name, loaded.config, loaded.tokenizer, loaded.model.tied)
        with self._lock:
            self._loaded[name] = loaded, model
            self._names[loaded.identity] = name
            while len(self._loaded) > MODELS_IN_MEMORY:
                self._loaded.popitem(last=False)
        return model

    @staticmethod
    def _in_turn(function: Callable[..., Result], *arguments: Any) -> Generator[None, None, Result]:
        """A job of one piece."""
        return function(*arguments)
        yield

    def _answer(self, run: Run, method: Method, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        language_model, model = self._load(self._name(run.model))
        _check_same(model, run.model)
        subject = language_model.store.trace(run) if run.ids else language_model
        if not isinstance(method, str):
            return method(subject, *arguments, **named)
        found = getattr(subject, method)
        return found(*arguments, **named) if callable(found) else found

    def _find(self, name: str) -> tuple[LanguageModel, EngineModel] | None:
        with self._lock:
            if (found := self._loaded.get(name)) is not None:
                self._loaded.move_to_end(name)
            return found

    def _load(self, name: str) -> tuple[LanguageModel, EngineModel]:
        """In the queue: nobody else touches weights, and two who ask for one model load it once."""
        if (found := self._find(name)) is not None:
            return found
        loaded = gptcore.load(name, may_download=False)  # a download would hold up everybody
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


def _share_cores() -> None:
    """Once, before the first pass. One core stays free for the server: two threads that wait for each other on a busy machine are
    many times slower than one."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
