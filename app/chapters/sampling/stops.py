"""The part of the sampling page where a text comes to its end: by count, by the end of text, or because the context is full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, picture_files, runtime, state, ui
from app.asked import probabilities as softmax
from app.chapters.sampling import views
from app.chapters.sampling.controls import second_settings
from app.components.token_text import TextChip, token_text
from app.engine import queued
from app.engine.methods import probabilities
from app.recent import MB, Recent
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import counted, percent
from gptcore.checks import Check
from gptcore.generation import Stopped, generate
from gptcore.language_model import LanguageModel
from gptcore.random_numbers import random_number
from gptcore.run import Run
from gptcore.sampling import SamplingSettings, select

COUNT = 12  # tokens, where a number is asked for
ROOM = 12  # places that are left where the context is filled
MOST_SEEDS = 5000  # that are tried for one that draws the end of text
WHY: dict[Stopped, str] = {"count": "The number asked for", "end_of_text": "End of text", "context_length": "Full context"}


@dataclass(frozen=True)
class Ended:
    """A text that was written until it stopped. before: how many tokens stood there; run: all of them, with what was written; settings:
    of the draws; stopped: why."""

    before: int
    run: Run
    settings: SamplingSettings
    stopped: Stopped

    @property
    def ids(self) -> tuple[int, ...]:
        return self.run.ids


_ENDED: Recent[Ended | None] = Recent(MB)


def wanted() -> Stopped:
    """Which of the three ends is looked at."""
    return next(why for why in WHY if why == state.chosen(choices.STOP))


def ended(here: Here) -> Ended | None:
    """The text in view, written on until it stops as the visitor asks; None where it cannot come to that."""
    return ended_by(wanted(), here, second_settings())


def ended_by(why: Stopped, here: Here, settings: SamplingSettings) -> Ended | None:
    """The same for one of the three ends and these settings."""
    return _ENDED.get((here.run, why, settings), lambda: _ENDS[why](here, settings))


def _by_count(here: Here, settings: SamplingSettings) -> Ended | None:
    return None if here.is_full else _written(here, here.run, settings, COUNT)


def _by_end_of_text(here: Here, settings: SamplingSettings) -> Ended | None:
    """With the first seed whose random number falls on the end of text, at temperature 1 and without cuts."""
    seed = None if here.is_full else seed_that_ends(here)
    return None if seed is None else _written(here, here.run, SamplingSettings(seed=seed), COUNT)


def _by_full_context(here: Here, settings: SamplingSettings) -> Ended | None:
    """The text in view, repeated until few places are left, and then written on: a text as long as the context would take long."""
    length = max(len(here.ids), here.config.context_length - ROOM)
    if here.is_full or length < 1:
        return None
    ids = (here.ids * (length // len(here.ids) + 1))[:length]
    return _written(here, here.model.run(ids), settings, ROOM + 1)


_ENDS = {"count": _by_count, "end_of_text": _by_end_of_text, "context_length": _by_full_context}


def _written(here: Here, run: Run, settings: SamplingSettings, count: int) -> Ended:
    """In pieces, between which others have their turn in the queue."""
    ids, stopped = run.ids, None
    while stopped is None and len(ids) < len(run.ids) + count:
        ids, stopped = _one_more(here.model, replace(run, ids=ids), settings)
    return Ended(len(run.ids), replace(run, ids=ids), settings, stopped or "count")


@queued
def _one_more(model: LanguageModel, run: Run, settings: SamplingSettings) -> tuple[tuple[int, ...], Stopped | None]:
    (step,) = generate(model, run.ids, max_new_tokens=1, intervention=run.intervention, **asdict(settings))
    return step.ids, None if step.stopped == "count" else step.stopped


def seed_that_ends(here: Here) -> int | None:
    """The first seed with which the next token is the end of the text, at temperature 1; None where none of MOST_SEEDS does it."""
    given = views.live(here.run)
    ends = [rank for rank, token in enumerate(given.candidates.order.tolist()) if token in here.model.tokenizer.end_ids]
    if not ends:
        return None
    choice = select(given.candidates, SamplingSettings(), given.position)
    bounds = np.cumsum(choice.final_probs[: choice.kept])
    for seed in range(MOST_SEEDS):
        if int(np.searchsorted(bounds, np.float64(random_number(seed, given.position)), side="right")) in ends:
            return seed
    return None


def probability_of_the_end(here: Here) -> float:
    """Of all tokens that end a text, after the newest, at temperature 1."""
    return float(softmax(here.trace.logits)[list(here.model.tokenizer.end_ids)].sum()) if here.model.tokenizer.end_ids else 0.0


def which_end(here: Here) -> None:
    """Which of the three ends is looked at."""
    st.segmented_control(
        "Stopped by", list(WHY), format_func=lambda why: WHY[why], required=True, wrap=True, **state.choice(choices.STOP)
    )


def stops(here: Here) -> None:
    """The text with what was written, up to its end."""
    if (found := ended(here)) is None:
        return
    text_of = here.model.tokenizer.text_of
    first = max(0, found.before - 40)
    shown = range(max(1, first), len(found.ids))
    given = dict(zip(shown, probabilities(runtime.trace(found.run), shown).tolist(), strict=True))
    chips = [
        TextChip(
            text_of(token), i, ((f"Position {i}: ", text_of(token)), (_about(found, i, given),)),
            kind="chosen" if i >= found.before else "",
        )
        for i, token in enumerate(found.ids) if i >= first
    ]  # fmt: skip
    if first:
        ui.note(f"Shown from position {first} on; {counted(first, 'token')} stand before.")
    label, ids = "The text, and what was written until it stopped", found.ids
    ui.figure_menu(
        "why-it-stopped",
        lambda: pd.DataFrame(
            {"position": range(len(ids)), "token_id": ids, "token": [text_of(token) for token in ids],
             "written": [i >= found.before for i in range(len(ids))], "probability": [given.get(i) for i in range(len(ids))]}
        ),
        partial(picture_files.of_chips, chips, label, ui.mode()),
    )  # fmt: skip
    token_text(
        chips, key="sampling_stops", label=label, focus=len(chips) - 1,
        hint="Point at a token.",
    )  # fmt: skip


def _about(found: Ended, i: int, given: Mapping[int, float]) -> str:
    if i < found.before:
        return "stood there before"
    return f"written here; the model gave it {percent(given[i])} at temperature 1"


def says_stops(here: Here) -> str:
    """Why this text stopped, in numbers."""
    why, limit = wanted(), here.config.context_length
    if here.is_full:
        return (
            f"The text has {len(here.ids):,} tokens, as many as this model can look at: there is no place for another token. "
            "That alone stops it."
        )
    found = ended(here)
    if found is None:
        share = probability_of_the_end(here)
        named = "this vocabulary has no token for it" if not here.model.tokenizer.end_ids else (
            f"the model gives the end of text {percent(share)} here, and none of {MOST_SEEDS:,} draws falls on it"
        )  # fmt: skip
        return f"After {code(here.tokens[-1])} the text does not end: {named}. A finished sentence makes it likelier."
    written = len(found.ids) - found.before
    if found.stopped == "end_of_text":
        last = code(here.model.tokenizer.text_of(found.ids[-1]))
        said = f"It stopped after {counted(written, 'token')}: the model chose {last}, the token that ends a text."
        if why == "end_of_text":
            said += (
                f" It had **{percent(probability_of_the_end(here))}** after {code(here.tokens[-1])}; of the seeds from 0 on, "
                f"**{found.settings.seed:,}** is the first whose random number falls on it."
            )
        return said
    if found.stopped == "context_length":
        repeated = "To come there soon, the text in view was repeated first. " if found.before != len(here.ids) else ""
        return (
            f"It stopped because the context is full: with the {counted(written, 'token')} written here, the text has "
            f"**{len(found.ids):,} tokens**, the most that this model can look at. {repeated}Whatever the last token is, there is no place "
            "for another."
        )
    return (
        f"It stopped after **{counted(written, 'token')}**, because that many were asked for. Nothing in the model ended the text: "
        f"{counted(limit - len(found.ids), 'place')} of its {limit:,} are still free."
    )


def stop_checks(here: Here) -> None:
    """The last token again, as a choice of its own; and the code."""
    if (found := ended(here)) is not None and len(found.ids) > found.before:
        before = found.run.beginning(len(found.ids) - 1)
        again = select(runtime.trace(before).logits, found.settings, position=len(before.ids)).chosen_id
        said = "The last token, chosen again from its own logits. Deviation in tokens that differ."
        ui.self_check(Check("Last token", said, float(again != found.ids[-1]), 0.0))
    ui.source(generate)
