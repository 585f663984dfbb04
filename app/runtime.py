"""What the application runs on: loaded models, the queue in front of them, and errors of gptcore turned into messages.

Models and traces are shared by all visitors: both are immutable, and everything that changes a result is in their keys.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import streamlit as st

from app import log, offered, state
from app.engine import Engine, EngineModel, EngineTrace
from app.engine.local import Local
from app.engine.methods import probabilities
from app.live.slot import SLOT
from app.recent import MB, Recent, keeping
from app.state import View
from app.visitors import visitor
from gptcore.checkpoints import EMBEDDED, download
from gptcore.config import GPTConfig
from gptcore.errors import CheckpointError, GPTCoreError
from gptcore.fingerprint import vocabulary_mark
from gptcore.generation import prompt_ids
from gptcore.model import check_length
from gptcore.run import Run

_STANDS_IN = "stands_in"
ROWS_AT_ONCE = 32  # of the whole vocabulary, in one turn


@dataclass(frozen=True)
class SequenceInView:
    """The token ids in view and how they came about.

    prompt: ids of the prompt (with the start token, if the prompt was empty); ids: prompt and chosen tokens; started_empty: whether
    the start token was put in.
    """

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    started_empty: bool


# The address of a Ray cluster, as `ray start` prints it; "auto" for the one of this machine. Without it models run in this process.
CLUSTER_VARIABLE = "GLASS_RAY_ADDRESS"
# Where models of this process compute: "cpu" (the default), "cuda", "mps", or "auto" for a graphics card if there is one.
DEVICE_VARIABLE = "GLASS_DEVICE"


def _engine() -> Engine:
    if address := os.environ.get(CLUSTER_VARIABLE, ""):
        from app.engine.ray_serve import RayServe  # brings Ray along

        return RayServe(address, visitor, SLOT.hold)
    return Local(visitor, SLOT.hold, device=os.environ.get(DEVICE_VARIABLE, "").strip().lower() or "cpu")


ENGINE = _engine()


def model(name: str) -> EngineModel:
    """What stands for the model of this name, which is loaded once for everybody, and never downloaded.

    Raises CheckpointError if the name is neither in the catalogue nor allowed by the server, cannot be loaded, or is not on this machine.
    """
    if (found := offered.find(name)) is None:
        raise CheckpointError(offered.not_offered(name))
    if (seen := offered.availability(name)).state != "ready":
        raise CheckpointError(seen.reason or f"The model {found.name} is not on this machine; download it first.")
    try:
        return ENGINE.model(found.source)
    except Exception as error:  # whatever a spoilt file makes of the loader
        raise CheckpointError(offered.could_not_be_loaded(name, log.message(error))) from error


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
        found = offered.find(name)
        self._executor.submit(self._fetch, name, found.source if found else name)

    def _fetch(self, name: str, source: str) -> None:
        def on_progress(done: int, total: int) -> None:
            with self._lock:
                self._progress[name] = (done, total)

        try:
            download(source, on_progress)
            offered.look_again()
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


@keeping(4 * MB)
def _prompt(identity: str, text: str) -> tuple[tuple[int, ...], bool]:
    """Cut into tokens once, however often a run of the script asks."""
    return prompt_ids(named(identity).tokenizer, text)


def sequence(view: View) -> SequenceInView:
    """The token ids of a view. Raises SequenceLengthError or TokenError if a link holds what this model cannot take."""
    prompt, started_empty = _prompt(model(view.model).identity, view.prompt)
    return SequenceInView(prompt, prompt + view.chosen, started_empty)


def named(identity: str) -> EngineModel:
    """What stands for the model that a `Run` names."""
    return ENGINE.named(identity)


def trace(run: Run) -> EngineTrace:
    """What stands for the trace of a run."""
    return named(run.model).trace(run)


_PROBABILITIES: Recent[np.ndarray] = Recent(32 * MB)  # by run: 8 bytes a token, and its key


def token_probabilities(run: Run) -> np.ndarray:
    """For each token after the first: the probability (temperature 1) that the model gave it. Length len(ids) - 1, read-only.

    Grown from that of the sequence one token shorter, where it is kept.
    """
    rows = _PROBABILITIES
    if (row := rows.find(run)) is not None:
        return row
    shorter = rows.find(run.beginning(len(run.ids) - 1)) if len(run.ids) > 1 else None
    parts = [np.empty(0) if shorter is None else shorter]
    wanted = range(len(parts[0]) + 1, len(run.ids))
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        parts.append(probabilities(trace(run), wanted[start : start + ROWS_AT_ONCE]))
    row = np.concatenate(parts)
    row.flags.writeable = False
    return rows.keep(run, row)


@keeping(16 * MB)
def vocabulary_texts(identity: str) -> tuple[str, ...]:
    """The visible text of every token of the vocabulary of a model, by id."""
    return named(identity).tokenizer.vocabulary()


@dataclass(frozen=True)
class Here:
    """Where a visitor stands: what pages draw from.

    ids: prompt and chosen tokens; tokens: their visible texts; layer, head, position: the focus, inside this model and sequence, where
    `position` is the cursor.
    """

    view: View
    model: EngineModel
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

    @cached_property
    def run(self) -> Run:
        """Everything that decides what is computed: the key of whatever is kept of it."""
        return Run(self.model.identity, self.ids, self.view.intervention).beginning(len(self.ids))

    @cached_property
    def clean(self) -> Run:
        """The same text through the model as it is, with nothing off and nothing patched."""
        return self.model.run(self.ids)

    @property
    def trace(self) -> EngineTrace:
        """What the model did with `ids`: each method is a call in the queue."""
        return self.model.trace(self.run)

    @property
    def is_full(self) -> bool:
        """Whether the sequence fills the context, so that no token can follow."""
        return len(self.ids) >= self.config.context_length

    @property
    def is_newest(self) -> bool:
        """Whether the cursor is on the newest token, so that the next one is still to be chosen."""
        return self.position == len(self.ids) - 1

    def cursor_on(self, position: int) -> dict[str, int | None]:
        """The field of the view that puts the cursor on a position; on the newest token it stays there as the text grows."""
        return {"position": None if position >= len(self.ids) - 1 else position}

    def up_to_cursor(self) -> Here:
        """The place as it was when the cursor's token was the newest: what follows it is left out."""
        ids = self.ids[: self.position + 1]
        return replace(self, sequence=replace(self.sequence, ids=ids), tokens=self.tokens[: len(ids)])


def stand_in(wanted: bool) -> None:
    """Whether the embedded model may stand in for one that is not on this machine: on pages that need no weights of it."""
    state.remember(_STANDS_IN, wanted)


def is_here() -> bool:
    """Whether the model in view is on this machine; pages that need no weights are drawn all the same."""
    return offered.is_ready(state.current().model)


def here() -> Here:
    """The visitor's place, from the state, which it only reads. Raises GPTCoreError for a prompt or a link that this model cannot take.

    A focus that this model or sequence does not have is shown as the default.
    """
    view = state.current()
    if state.remembered(_STANDS_IN, False) and not offered.is_ready(view.model):
        view = View(model=EMBEDDED.name, prompt="", choices=view.choices)
    return here_of(view)


def here_of(view: View) -> Here:
    """The place that a view describes, whoever's it is; raises as `here` does."""
    language_model = model(view.model)
    found = sequence(view)
    check_length(len(found.ids), language_model.config.context_length)
    view = replace(view, **_missing_focus(view, language_model.config, len(found.ids)))
    if unfit_intervention(view, language_model.config, len(found.ids)):
        view = replace(view, intervention=None)
    return Here(
        view,
        language_model,
        found,
        tuple(language_model.tokenizer.text_of(i) for i in found.ids),
        view.layer,
        view.head,
        len(found.ids) - 1 if view.position is None else view.position,
    )


def _missing_focus(view: View, config: GPTConfig, n_tokens: int) -> dict[str, Any]:
    """The default for each part of the focus that is not there."""
    sizes = {"layer": config.n_layers, "head": config.n_heads, "position": n_tokens}
    return {name: getattr(View(), name) for name, size in sizes.items() if (getattr(view, name) or 0) >= size}


def unfit_intervention(view: View, config: GPTConfig, n_tokens: int) -> str:
    """Why the view's intervention cannot be made in this model and text; "" where it can."""
    if view.intervention is None:
        return ""
    try:
        view.intervention.check_fits(config, n_tokens)
    except GPTCoreError as error:
        return str(error)
    return ""


def drop_unfit_intervention() -> None:
    """A link, or a shorter text, may leave an intervention without its place: the model goes on as it is, and a message says why."""
    view = state.current()
    if view.intervention is None or not offered.is_ready(view.model):
        return
    try:
        said = unfit_intervention(view, model(view.model).config, len(sequence(view).ids))
    except GPTCoreError:
        return  # the page says what is wrong with the text or the model
    if said:
        state.update(intervention=None)
        state.notify(f"What was switched off or patched is on again, since it does not fit here: {said}")


@keeping(MB)
def _vocabulary_mark(identity: str) -> str:
    return vocabulary_mark(named(identity).tokenizer)


def replace_foreign_tokens() -> None:
    """Token ids mean something in their own vocabulary only: a link whose chosen tokens are of another keeps the rest of itself."""
    name = state.current().model
    if not offered.is_ready(name):
        return
    try:
        found = model(name)
    except CheckpointError:
        return  # the page says that the model cannot be loaded
    state.settle_vocabulary(_vocabulary_mark(found.identity))
    known = tuple(text for text in state.branches() if max(text) < found.config.vocab_size)
    if known != state.branches():
        state.notify("Branches of the link that this model could not have written were dropped; the rest of it is as it says.")
        state.keep_branches(known)


def replace_missing_focus() -> None:
    """A link or an earlier model may have a focus that this one has not: the default takes its place, so that the address says what
    is shown. Raises GPTCoreError as `here` does."""
    view, place = state.current(), here()
    if view.step is not None:  # of a link of an earlier kind
        last = len(place.sequence.prompt) + min(view.step, len(view.chosen)) - 1
        at = last if view.position is None else min(view.position, last)
        view = state.update(step=None, position=None if at == len(place.ids) - 1 else at)
    if missing := _missing_focus(view, place.config, len(place.ids)):
        state.update(**missing)
