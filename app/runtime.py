"""What the application runs on: loaded models, the queue in front of them, and errors of gptcore turned into messages.

Models and traces are shared by all visitors: both are immutable, and everything that changes a result is in their keys.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock, current_thread
from typing import TypeVar

import numpy as np
import streamlit as st
import torch

import gptcore
from app import state
from app.recent import MB, Recent
from app.state import View
from gptcore.checkpoints import CatalogueEntry, catalogue, download
from gptcore.config import GPTConfig
from gptcore.errors import CheckpointError, GPTCoreError
from gptcore.generation import prompt_ids
from gptcore.language_model import LanguageModel
from gptcore.model import check_length
from gptcore.trace import Trace

Result = TypeVar("Result")

# Comma-separated folders or hub repositories that visitors may choose beside the catalogue; set by whoever runs the server.
ALLOWED_MODELS_VARIABLE = "GLASS_MODELS"
MODELS_IN_MEMORY = 2
PROBABILITY_ROWS = 24 * MB  # of the token probabilities of sequences: 16 bytes a token, and their ids


@dataclass(frozen=True)
class SequenceInView:
    """The token ids in view and how they came about.

    prompt: ids of the prompt (with the start token, if the prompt was empty); ids: prompt and chosen tokens up to the step in
    view; ghost: the chosen tokens behind it; started_empty: whether the start token was put in.
    """

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    ghost: tuple[int, ...]
    started_empty: bool


class _Worker:
    """One thread that runs the model, first come first served; torch gives the interpreter free while it computes."""

    def __init__(self) -> None:
        # Once, before the first pass. One core stays free for the server: two threads that wait for each other on a busy machine
        # are many times slower than one.
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._thread = self._executor.submit(current_thread).result()

    def run(self, function: Callable[[], Result]) -> Result:
        if current_thread() is self._thread:  # already at the head of the queue: waiting for itself would never end
            return function()
        return self._executor.submit(function).result()


@st.cache_resource(show_spinner=False)
def _worker() -> _Worker:
    return _Worker()


def compute(function: Callable[[], Result]) -> Result:
    """Run something that needs the model in the queue, and wait for it. Errors come back as they were raised."""
    return _worker().run(function)


@st.cache_resource(show_spinner=False, max_entries=MODELS_IN_MEMORY)
def model(name: str) -> LanguageModel:
    """The model of this name, loaded once for everybody.

    Raises CheckpointError if the name is neither in the catalogue nor allowed by the server, or cannot be loaded.
    """
    if not is_offered(name):
        raise CheckpointError(
            f"The model {name[:80]!r} is not offered here. Choose one of: {', '.join(model_names())}. "
            f"Whoever runs this server can allow more in {ALLOWED_MODELS_VARIABLE}."
        )
    return compute(lambda: gptcore.load(name))


@cache
def _catalogue() -> tuple[CatalogueEntry, ...]:
    """Read once: the sidebar asks for it some thirty times a run."""
    return catalogue()


def model_names() -> tuple[str, ...]:
    """What a visitor may choose: the catalogue, then what the server allows."""
    allowed = [name.strip() for name in os.environ.get(ALLOWED_MODELS_VARIABLE, "").split(",") if name.strip()]
    return tuple(dict.fromkeys([entry.name for entry in _catalogue()] + allowed))


def entry(name: str) -> CatalogueEntry | None:
    """The catalogue's words on a model, None for one that the server allowed by itself."""
    return next((e for e in _catalogue() if e.name == name), None)


def is_offered(name: str) -> bool:
    """Whether visitors may choose this model. Only offered names are ever looked for on the disk or the hub."""
    return name in model_names()


def is_ready(name: str) -> bool:
    """Whether a model is offered and can be loaded without the network."""
    return is_offered(name) and gptcore.is_local(name)


def replace_missing_model() -> None:
    """A link may name a model that this server does not offer: the default takes its place, and a message says so."""
    name = state.current().model
    if not is_offered(name):
        state.notify(f"The model {name[:80]!r} is not offered here: {state.DEFAULT_MODEL} takes its place.")
        state.update(model=state.DEFAULT_MODEL)


class Downloads:
    """Downloads that are under way, one a model, shared by all visitors: two who ask for one model wait for the same bytes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._progress: dict[str, tuple[int, int]] = {}
        self._errors: dict[str, str] = {}
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="download")

    def start(self, name: str) -> None:
        """Begin, unless this model is on its way already."""
        with self._lock:
            if name in self._progress:
                return
            self._progress[name] = (0, 0)
            self._errors.pop(name, None)
        self._executor.submit(self._fetch, name)

    def _fetch(self, name: str) -> None:
        def on_progress(done: int, total: int) -> None:
            with self._lock:
                self._progress[name] = (done, total)

        try:
            download(name, on_progress)
        except GPTCoreError as error:
            with self._lock:
                self._errors[name] = str(error)
        finally:
            with self._lock:
                self._progress.pop(name, None)

    def progress(self, name: str) -> tuple[int, int] | None:
        """(bytes so far, bytes in all), None when nothing is under way."""
        with self._lock:
            return self._progress.get(name)

    def error(self, name: str) -> str | None:
        """Why the last download of this model failed, None if it did not."""
        with self._lock:
            return self._errors.get(name)


@st.cache_resource(show_spinner=False)
def downloads() -> Downloads:
    """The one list of downloads of this server."""
    return Downloads()


def sequence(view: View) -> SequenceInView:
    """The token ids of a view. Raises SequenceLengthError or TokenError if a link holds what this model cannot take."""
    language_model = model(view.model)
    prompt, started_empty = prompt_ids(language_model.tokenizer, view.prompt)
    return SequenceInView(prompt, prompt + view.in_view, view.ghost, started_empty)


def trace(name: str, ids: Sequence[int]) -> Trace:
    """What the model did with these ids. The one way to a trace: a replica elsewhere would be asked from here."""
    language_model = model(name)
    return compute(lambda: language_model.trace(tuple(ids)))


@st.cache_resource(show_spinner=False)
def _probabilities() -> Recent[np.ndarray]:
    return Recent(PROBABILITY_ROWS)


def token_probabilities(name: str, ids: Sequence[int]) -> np.ndarray:
    """For each token after the first: the probability (temperature 1) that the model gave it. Length len(ids) - 1, read-only.

    Grown from that of the sequence one token shorter, where it is kept.
    """
    rows, whole = _probabilities(), tuple(ids)
    if (row := rows.find((name, whole))) is not None:
        return row
    shorter = rows.find((name, whole[:-1]))
    known = np.empty(0) if shorter is None else shorter
    row = np.concatenate([known, _new_probabilities(name, whole, len(known))])
    row.flags.writeable = False
    return rows.keep((name, whole), row)


def _new_probabilities(name: str, ids: tuple[int, ...], known: int) -> np.ndarray:
    """Probabilities of the tokens known + 1 ... n - 1; the first token was not predicted by anything."""
    wanted = range(known + 1, len(ids))
    if not wanted:
        return np.empty(0)
    found = trace(name, ids)
    out = []
    for start in range(0, len(wanted), 64):  # rows of the whole vocabulary, a few at a time
        block = wanted[start : start + 64]
        logits = compute(partial(found.logits_at, [i - 1 for i in block])).astype(np.float64)
        top = logits.max(axis=1)
        total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        out.append(np.exp(logits[np.arange(len(block)), [ids[i] for i in block]] - total))
    return np.concatenate(out)


@st.cache_resource(show_spinner=False, max_entries=MODELS_IN_MEMORY)
def vocabulary_texts(name: str) -> tuple[str, ...]:
    """The visible text of every token of a model's vocabulary, by id."""
    return model(name).tokenizer.vocabulary()


@dataclass(frozen=True)
class Here:
    """Where a visitor stands: what pages draw from.

    ids: prompt and chosen tokens up to the step in view; tokens: their visible texts; layer, head, position: the focus, inside
    this model and sequence.
    """

    view: View
    model: LanguageModel
    sequence: SequenceInView
    tokens: tuple[str, ...]
    layer: int
    head: int
    position: int

    @property
    def ids(self) -> tuple[int, ...]:
        return self.sequence.ids

    @property
    def config(self) -> GPTConfig:
        return self.model.config

    @property
    def trace(self) -> Trace:
        """What the model did with `ids`."""
        return compute(lambda: self.model.trace(self.ids))

    @property
    def is_full(self) -> bool:
        """Whether the sequence fills the context, so that no token can follow."""
        return len(self.ids) >= self.config.context_length

    @property
    def focus_chip(self) -> int:
        """The chip that is lit: the token in focus, or the place of the next one."""
        return len(self.ids) if self.view.position is None else self.position


def here() -> Here:
    """The visitor's place, from the state. Raises GPTCoreError for a prompt or a link that this model cannot take.

    A focus that this model or sequence does not have becomes the default, in the state too, so that the address says what is shown.
    """
    view = state.current()
    language_model = model(view.model)
    found = sequence(view)
    check_length(len(found.ids), language_model.config.context_length)
    sizes = {"layer": language_model.config.n_layers, "head": language_model.config.n_heads, "position": len(found.ids)}
    if missing := {name: getattr(View(), name) for name, size in sizes.items() if (getattr(view, name) or 0) >= size}:
        view = state.update(**missing)
    return Here(
        view,
        language_model,
        found,
        tuple(language_model.tokenizer.text_of(i) for i in found.ids),
        view.layer,
        view.head,
        len(found.ids) - 1 if view.position is None else view.position,
    )
