"""The part of the K/V cache page that measures: the model writes on, with the cache and without."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app import arithmetic_views as views
from app import markup, runtime, state, ui
from app.charts import curves
from app.runtime import Here
from app.worked import worked
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
        help=f"The model writes on for about {SECONDS:g} second, each token twice",
    ):
        with st.spinner("Writing with and without the cache"):
            found = runtime.compute(lambda: race(here.model.model, here.ids, SECONDS))
        state.remember("cache_race", ((here.view.model, here.ids), found))
    if found is None:
        ui.note(
            f"{here.model.name} continues this sequence, choosing each token twice: once with the whole sequence run again, once with "
            "the cache. Both are timed."
        )
        return
    _measured_chart(found)
    last, n_steps = found.steps[-1], len(found.steps)
    ratio = float(np.median([step.uncached_ms / step.cached_ms for step in found.steps]))
    begun = "" if found.start == len(here.ids) else f"It began with the first {found.start} tokens, so as not to take longer. "
    st.markdown(
        f"{begun}The last of {n_steps} {'step' if n_steps == 1 else 'steps'} took {last.uncached_ms:.1f} ms without the cache and "
        f"{last.cached_ms:.1f} ms with it; the median step took {ratio:.1f} times as long without it."
    )
    without, cached = last.uncached_ms, last.cached_ms
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
    return found if key == (here.view.model, here.ids) else None


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
        mode=ui.mode(),
    )
    for line in figure.data:
        line["mode"] = "lines+markers"  # one step alone would be no line
    figure.layout["xaxis"]["dtick"] = -(-len(frame) // 8)
    figure.layout["yaxis"]["rangemode"] = "tozero"
    ui.chart(figure, name="measured_time", data=frame)
    ui.note("Measured on this machine just now. Times vary with what else the machine is doing; the counts above do not.")


def _text(here: Here, ids: tuple[int, ...]) -> str:
    tokenizer = here.model.tokenizer
    shown = ids[:SHOWN]
    chips = " ".join(markup.chip(tokenizer.text_of(i)) for i in shown)
    return f"{chips} and {len(ids) - len(shown)} more" if len(ids) > len(shown) else chips


def same_text(found: Race) -> Check:
    """Both ways chose the same tokens, and their logits agree within rounding; a different token is no rounding."""
    n = len(found.steps)
    tokens = "token" if n == 1 else "tokens"
    description = f"The same {n} {tokens} either way, and the same logits. Deviation as a share of the largest logit."
    apart = max(step.difference for step in found.steps)
    return Check("Same text", description, apart if found.same_text else float("inf"), SAME)
