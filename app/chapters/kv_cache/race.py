"""The part of the K/V cache page that measures: the model writes on, with the cache and without."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import counting, offered, state, ui
from app.chapters.kv_cache import sections, views
from app.charts import curves
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import counted, significant
from app.writing.worked import worked
from gptcore import parameters
from gptcore.cache_race import Race, race
from gptcore.checks import Check

SHOWN = 24  # tokens of each text
SECONDS = 1.0  # of a measurement
SAME = 1e-4  # largest difference of the logits, as a share of the largest, that rounding may make


def measured(here: Here) -> None:
    """Let the model write on, both ways, and show the time of each step. A fragment: the button redraws only this."""
    found = _measurement(here)
    if st.button(
        "Measure on this machine",
        icon=":material/timer:",
        help=f"The model writes on for about {significant(SECONDS)} second, each token twice",
    ):
        with st.spinner("Writing with and without the cache"):
            found = views.raced(here.model, here.ids, SECONDS)
        state.remember("cache_race", (here.run, found))
    if found is None:
        _expected(here)
    else:
        _result(here, found)


def _expected(here: Here) -> None:
    """What will be measured, and what the count of operations lets expect."""
    ui.note(
        f"{offered.called(here.model.name)} continues this sequence, choosing each token twice: once with the whole sequence run again, once with "
        "the cache. Both are timed at every step, after a first step that is not; then the median times are compared. Counted in "
        "operations, under “The work it saves”, the next token takes that many times the work without the cache:"
    )
    sections.saved_work(here)
    ui.self_check(counting.work_counted(here.config))
    ui.source(race, parameters.next_token_flops)


def _result(here: Here, found: Race) -> None:
    """The time of each step, the median times, and both texts."""
    _measured_chart(found)
    frame, n_steps = views.race_frame(found), len(found.steps)
    without, cached = (float(np.median(times)) for times in (frame.without_cache_ms, frame.with_cache_ms))
    whole = counted(len(here.ids), "token")
    begun = (
        "" if found.start == len(here.ids) else f"It began with the first {found.start} of {whole}, so as not to take longer. "
    )
    which = "The only step" if n_steps == 1 else f"Of {n_steps} steps, the median step"
    st.markdown(f"{begun}{which} took {significant(without)} ms without the cache and {significant(cached)} ms with it.")
    times = worked(lambda without, cached: without / cached, [without, cached], without / cached)
    ui.formula(
        rf"\frac{{\text{{without the cache}}}}{{\text{{with it}}}} = \frac{{{times.inputs[0]}}}{{{times.inputs[1]}}} "
        f"{times.out}"
    )
    ui.table(
        ["Written", "Continuation"],
        [
            [way, _text(here, ids)]
            for way, ids in (("without the cache", found.uncached_ids), ("with the cache", found.cached_ids))
        ],
    )
    ui.self_check(same_text(found))
    ui.source(race)


def _measurement(here: Here) -> Race | None:
    """The last measurement of this visitor, if it was of this model and this sequence."""
    key, found = state.remembered("cache_race", (None, None))
    return found if key == here.run else None


def _measured_chart(found: Race) -> None:
    frame = views.race_frame(found)
    figure = curves(
        {"Without the cache": frame.without_cache_ms, "With the cache": frame.with_cache_ms},
        frame.n_tokens,
        title="Measured time for the next token",
        x_title="tokens in the sequence",
        value_title="time for the next token",
        unit="ms",
        stages=("reference", "attention"),
        marks=True,  # one step alone would be no line
        x_step=-(-len(frame) // 8),
        from_zero=True,
        mode=ui.mode(),
    )
    ui.chart(figure, name="measured_time", data=frame)
    ui.note(
        "Measured on this machine just now. Times vary with what else the machine is doing; the counts under “The work it saves” do not."
    )


def _text(here: Here, ids: tuple[int, ...]) -> str:
    tokenizer = here.model.tokenizer
    shown = ids[:SHOWN]
    chips = " ".join(markup.chip(tokenizer.text_of(i)) for i in shown)
    more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
    return f'<div class="chips">{chips}{more}</div>'


def same_text(found: Race) -> Check:
    """Both ways chose the same tokens, and their logits agree within rounding; a different token is no rounding."""
    written = counted(len(found.steps), "token")
    description = f"The same {written} either way, and the same logits. Deviation as a share of the largest logit."
    apart = max(step.difference for step in found.steps)
    return Check("Same text", description, apart if found.same_text else float("inf"), SAME)
