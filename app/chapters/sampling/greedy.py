"""The part of the sampling page where the model writes on: always its best token, and beside it drawn ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from app import choices, runtime, state, ui
from app.chapters.sampling import controls, views
from app.chapters.sampling.controls import second_settings
from app.chapters.sampling.views import Given
from app.components.token_text import TextChip, token_text
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import fixed, percent
from app.writing.worked import latex_number
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.generation import generate
from gptcore.sampling import SamplingSettings, select

GREEDY = SamplingSettings(temperature=0.0)
BEFORE = 24  # tokens of the text in view that are shown before what is written


def setting(here: Here) -> None:
    """The setting that the drawn text is written with."""
    controls.second_sliders(here.config.vocab_size, heading=controls.ALONE)


def text(here: Here) -> tuple[int, ...]:
    """What always taking the likeliest token writes after the text in view; at least one token, which there must be room for. As long as
    the drawn one, where that is asked for."""
    return texts(here)[0] if is_asked(here) else views.continuation(here.run, GREEDY, count=views.greedy_count(here.config))


def greedy(here: Here) -> None:
    """The text that always takes the best token; when asked for, a longer one beside one that is drawn."""
    if here.is_full:
        return
    if is_asked(here):
        _both(here, texts(here))
        return
    written = text(here)
    found = views.loop(written)
    lit = range(found.start, found.start + found.length) if found else range(0)
    given = runtime.token_probabilities(replace(here.run, ids=(*here.ids, *written)))[len(here.ids) - 1 :]
    text_of, first = here.model.tokenizer.text_of, max(0, len(here.ids) - BEFORE)
    before = [
        TextChip(text_of(token), i, ((f"Position {i}: ", text_of(token), " stood there before"),))
        for i, token in enumerate(here.ids) if i >= first
    ]  # fmt: skip
    after = [
        TextChip(
            text_of(token), len(here.ids) + i,
            ((f"Position {len(here.ids) + i}: ", text_of(token)), (f"likeliest there, with {percent(float(prob))}",)),
            shade=1.0 if i in lit else 0.0, kind="chosen",
        )
        for i, (token, prob) in enumerate(zip(written, given, strict=True))
    ]  # fmt: skip
    token_text(
        [*before, *after], key="greedy_text", label="The text, and what greedy choice writes after it", focus=len(before),
        hint="Point at a token: how likely was it?", legend=("written once", "in the circle"),
    )  # fmt: skip


def is_asked(here: Here) -> bool:
    """Whether both texts are asked for, from the text and with the setting in view."""
    return not here.is_full and state.chosen(choices.SAMPLING_WRITTEN) == fingerprint(here, second_settings())


def texts(here: Here) -> list[tuple[int, ...]]:
    """The greedy text and the drawn one, of the same length."""
    with ui.progress("Writing …") as progress:
        halves = (lambda share: progress(share / 2), lambda share: progress(0.5 + share / 2))
        return [views.continuation(here.run, each, half) for each, half in zip((GREEDY, second_settings()), halves, strict=True)]


def formula(here: Here) -> None:
    """The largest logit and the next one."""
    ui.note(
        "Greedy choice takes the likeliest token every time. Once the text comes back to words it had before, the same tokens tend "
        "to be likeliest again, and it may repeat itself for ever. Sampling can escape."
    )
    best = views.live(here.run).candidates.logits[:2].tolist()
    ui.formula(
        rf"\begin{{gathered}} \text{{next}} = \operatorname*{{arg\,max}}_i z_i \\[0.6em] z_{{\max}} = {latex_number(best[0], 4)}, \quad "
        rf"z_{{\text{{second}}}} = {latex_number(best[1], 4)} \end{{gathered}}"
    )


def checks(here: Here) -> None:
    """The choice at temperature 0, and, where they are written, how both texts begin; the code."""
    found = [greedy_check(here.trace.logits, views.live(here.run))]
    settings = second_settings()
    if is_asked(here):
        found.append(first_tokens(here, settings, texts(here)))
    ui.self_check(found)
    ui.source(select, generate)


def fingerprint(here: Here, settings: SamplingSettings) -> str:
    """Short, the same in every browser and at every start: of which model, tokens and settings a text was asked for."""
    said = repr((here.run, settings))
    return hashlib.blake2s(said.encode("utf-8"), digest_size=6).hexdigest()


def _both(here: Here, texts: Sequence[Sequence[int]]) -> None:
    """Both texts as chips, what repeats in them lit."""
    text_of, names = here.model.tokenizer.text_of, ("Greedy", "Drawn")
    loops = [views.loop(ids) for ids in texts]
    rows = [
        [name, _chips(ids, range(found.start, found.start + found.length) if found else range(0), text_of),
         f"{len(set(ids))} of {len(ids)}"]
        for name, ids, found in zip(names, texts, loops, strict=True)
    ]  # fmt: skip
    lines = [
        {"setting": name.lower(), "place": i, "token_id": token, "token": text_of(token)}
        for name, ids in zip(names, texts, strict=True)
        for i, token in enumerate(ids)
    ]
    ui.figure_menu("greedy-text", pd.DataFrame(lines))
    ui.table(["", "Text", "Different tokens"], rows, numeric=(2,))
    ui.note(" ".join(_about(name, found) for name, found in zip(("The greedy text", "The drawn text"), loops, strict=True)))


def greedy_check(logits: ArrayLike, given: Given) -> Check:
    """The choice at temperature 0 against the largest of the model's logits, which are looked through in their own order."""
    chosen = select(given.candidates, SamplingSettings(temperature=0.0), given.position)
    largest = float(np.max(np.asarray(logits, dtype=np.float64)))
    # The row in view and the one that was ordered may come of two passes, which round otherwise.
    apart = abs(largest - float(chosen.logits[chosen.chosen_rank])) / max(1.0, abs(largest))
    return Check(
        "Greedy", "The logit of the token chosen at temperature 0 against the largest of all." + OF_LARGEST, apart, TOLERANCE
    )


def first_tokens(here: Here, settings: SamplingSettings, texts: Sequence[Sequence[int]]) -> Check:
    """Both texts must begin with what is chosen from the logits in view."""
    given = views.live(here.run)
    wanted = [select(given.candidates, s, given.position).chosen_id for s in (GREEDY, settings)]
    differ = sum(ids[0] != token for ids, token in zip(texts, wanted, strict=True))
    return Check(
        "First tokens",
        "The first tokens of both texts against the choices made from the logits in view. Deviation in tokens that differ.",
        float(differ),
        0.0,
    )


def _chips(ids: Sequence[int], lit: range, text_of: Callable[[int], str]) -> str:
    chips = (markup.chip(text_of(token), "lit" if i in lit else "") for i, token in enumerate(ids))
    return f'<div class="chips">{" ".join(chips)}</div>'


def _about(name: str, found: views.Loop | None) -> str:
    if found is None:
        return f"{name} does not run in a circle within these tokens."
    rounds = found.length / found.period
    return (
        f"{name} runs in a circle from token {found.start + 1} on: a round of {found.period} "
        f"{'token' if found.period == 1 else 'tokens'}, {fixed(rounds, 1)} times (lit)."
    )
