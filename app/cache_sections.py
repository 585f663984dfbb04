"""The parts of the K/V cache page: what is kept, its size, the work it saves, and the time it saves on this machine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app import arithmetic_views as views
from app import markup, runtime, state, ui
from app.arithmetic_views import in_bytes
from app.charts import colour, curves, strip
from app.runtime import Here
from gptcore import cache_race, parameters
from gptcore.cache_race import Race, race
from gptcore.checks import Check

ROWS = 24  # tokens drawn
SECONDS = 1.0  # of a measurement
SAME = 1e-4  # largest difference of the logits, as a share of the largest, that rounding may make


def kept(here: Here, k: np.ndarray, v: np.ndarray) -> None:
    """The newest query beside all keys and values of one head. k, v: [n_heads, n_tokens, head_dim] of the layer in focus."""
    st.subheader("What is kept: keys and values, not queries", anchor=False)
    n, width = len(here.ids), here.config.head_dim
    attention = runtime.compute(lambda: here.trace.attention(here.layer, heads=(here.head,), positions=(n - 1,)))
    first = max(0, n - ROWS)
    values = np.full((n - first, 3 * width), np.nan)
    values[-1, :width] = attention.q[0, 0]
    values[:, width : 2 * width] = k[here.head, first:]
    values[:, 2 * width :] = v[here.head, first:]
    figure = strip(
        values,
        row_names=[f"{token} ({first + i})" for i, token in enumerate(here.tokens[first:])],
        title=f"Query, keys and values of layer {here.layer}, head {here.head}",
        x_title="query (newest token only), key, value",
        mode=ui.mode(),
    )
    middles = [width * (i + 0.5) - 0.5 for i in range(3)]
    figure.update_xaxes(tickvals=middles, ticktext=["query", "key", "value"], title=None)
    for border in (width, 2 * width):
        figure.add_vline(x=border - 0.5, line={"width": 2, "color": colour("residual", ui.mode())})
    ui.chart(figure, name="keys_and_values", data=_kept_frame(here, values, first))
    window = f"The last {n - first} of {n:,} tokens are drawn. " if first else ""
    ui.note(
        f"{window}One row a token, {width} numbers each. The queries of earlier tokens are not there: each was used once, when its "
        "token was the newest. No later token asks with it again, but every later token looks at the earlier keys and values."
    )
    ui.source(cache_race.KeptKeysValues.extend)


def _kept_frame(here: Here, values: np.ndarray, first: int) -> pd.DataFrame:
    """position, token, part ("query", "key", "value"), dimension, value: what the strip draws, without its gaps."""
    width = here.config.head_dim
    rows, columns = np.nonzero(~np.isnan(values))
    return pd.DataFrame(
        {
            "position": rows + first,
            "token": [here.tokens[first + i] for i in rows],
            "part": np.array(["query", "key", "value"])[columns // width],
            "dimension": columns % width,
            "value": values[rows, columns],
        }
    )


def size(here: Here) -> None:
    """The bytes of the cache for this sequence."""
    st.subheader("How large it is", anchor=False)
    config, n = here.config, len(here.ids)
    total, full = parameters.kv_cache_bytes(config, n), parameters.kv_cache_bytes(config, config.context_length)
    ui.formula(
        rf"\underbrace{{2}}_{{K, V}} \cdot \underbrace{{{config.n_layers}}}_{{\text{{layers}}}} \cdot "
        rf"\underbrace{{{views.in_tex(config.emb_dim)}}}_{{\text{{width}}}} \cdot "
        rf"\underbrace{{{views.in_tex(n)}}}_{{\text{{tokens}}}} \cdot \underbrace{{4}}_{{\text{{bytes}}}} \ = {views.in_tex(total)}"
    )
    st.markdown(
        f"The width holds {config.n_heads} heads of {config.head_dim} numbers. That is {in_bytes(total)} for this sequence, and "
        f"{in_bytes(full)} for the longest one of {config.context_length:,} tokens. The weights take "
        f"{in_bytes(parameters.weight_bytes(config, here.model.model.tied))}."
    )
    ui.source(parameters.kv_cache_bytes)


def work(here: Here) -> None:
    """FLOPs for the next token with and without the cache, over the length of the sequence."""
    st.subheader("How much work it saves", anchor=False)
    config, n = here.config, len(here.ids)
    frame = views.next_token_work(config)
    unit, flops = views.work_unit(float(frame.without_cache.max()))
    figure = curves(
        {"Without the cache": frame.without_cache / flops, "With the cache": frame.with_cache / flops},
        frame.n_tokens,
        title="Work for the next token, by the length of the sequence",
        x_title="tokens in the sequence",
        value_title="work for the next token",
        unit=unit,
        stages=("reference", "attention"),
        mode=ui.mode(),
    )
    figure.add_vline(x=n, line={"width": 1, "dash": "dot", "color": colour("residual", ui.mode())})
    ui.chart(figure, name="work_next_token", data=frame)
    cached, again = (parameters.next_token_flops(config, n, cached=c) for c in (True, False))
    ui.formula(
        rf"\frac{{\text{{without}}}}{{\text{{with}}}} = \frac{{{ui.latex_number(again.total)}}}{{{ui.latex_number(cached.total)}}} "
        rf"= {again.total / cached.total:.1f}"
    )
    ui.note(
        f"For the sequence in view of {n:,} {'token' if n == 1 else 'tokens'}, the dotted line. Counted, not measured: multiplications "
        "and additions of the matrices and of attention's two products, the output head at the last position only."
    )
    ui.source(parameters.next_token_flops)


def measured(here: Here) -> None:
    """Let the model write on, both ways, and show the time of each step. A fragment: the button redraws only this."""
    st.subheader("How much time it saves here", anchor=False)
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
    figure.update_traces(mode="lines+markers")  # one step alone would be no line
    figure.update_xaxes(dtick=-(-len(frame) // 8))
    figure.update_yaxes(rangemode="tozero")
    ui.chart(figure, name="measured_time", data=frame)
    ui.note("Measured on this machine just now. Times vary with what else the machine is doing; the counts above do not.")


def _text(here: Here, ids: tuple[int, ...]) -> str:
    tokenizer = here.model.tokenizer
    shown = ids[:ROWS]
    chips = " ".join(markup.chip(tokenizer.text_of(i)) for i in shown)
    return f"{chips} and {len(ids) - len(shown)} more" if len(ids) > len(shown) else chips


def same_text(found: Race) -> Check:
    """Both ways chose the same tokens, and their logits agree within rounding; a different token is no rounding."""
    n = len(found.steps)
    description = f"The same {n} {'token' if n == 1 else 'tokens'} either way, and the same logits, as a share of the largest"
    apart = max(step.difference for step in found.steps)
    return Check("Same text", description, apart if found.same_text else float("inf"), SAME)
