"""The closer look of the attention page: a row in numbers, how q, k and v are made, entropy by head, and what the newest token reads."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, picture_files, state, ui
from app.chapters.attention import formulas, views
from app.chapters.attention import heads as attention_heads
from app.chapters.attention.views import HeadProjection
from app.charts import grouped_bars, strip
from app.components.map_canvas import EXACT_CELLS, prepare, token_map
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import percent, significant
from app.writing.worked import added, worked
from gptcore import activations, overview
from gptcore.model import MultiHeadAttention

ROWS = 8  # keys in the table of a row
LOOKS = {"row": "One query in numbers", "made": "How q, k and v are made", "entropy": "Entropy of each head"}


def closer_look(here: Here) -> None:
    """One of three, so that only what is looked at is computed and sent."""
    look = st.segmented_control(
        "What to look at", list(LOOKS), format_func=lambda name: LOOKS[name], required=True, wrap=True,
        label_visibility="collapsed", **state.choice(choices.ATTENTION_LOOK),
    )  # fmt: skip
    if look == "row":
        _row(here)
    elif look == "made":
        _projections(here)
    else:
        _entropy(here)


def _row(here: Here) -> None:
    query = here.position
    found = here.trace.attention(here.layer, (query,), (here.head,))
    table = views.row_numbers(found, here.tokens)
    seen = table[table["key"] <= query].nlargest(ROWS, "weight").sort_values("key")
    drawn = pd.concat([seen, table[table["key"] == query + 1]])
    n = significant
    rows = [
        [f"{markup.chip(row.token)} ({row.key})", n(row.score), n(row.scaled), n(row.masked),
         percent(row.weight) if row.key <= query else "0", n(row.value_length), n(row.read)]
        for row in drawn.itertuples()
    ]  # fmt: skip
    ui.table(
        ["Key", "q · k", f"÷ √{found.q.shape[-1]}", "Mask", "Weight", "Length of v", "Weight × length"],
        rows,
        numeric=(1, 2, 3, 4, 5, 6),
    )
    fewer = f"The {ROWS} keys with the largest weights" if query + 1 > ROWS else "All keys"
    later = ", and the first one that comes later" if query + 1 < len(here.ids) else ""
    ui.note(f"Layer {here.layer}, head {here.head}, query {here.tokens[query]} ({query}). {fewer}{later}.")
    ui.export_menu("attention-row", table.replace(-np.inf, np.nan))
    ui.formula(formulas.row_sum(found.pattern[0, 0], query))
    ui.self_check(views.self_checks(_all_parts(here), found, views.is_replaced(here)))
    ui.source(activations.attend)


def _all_parts(here: Here) -> list[HeadProjection]:
    """Query, key and value of the head and the token in focus."""
    return views.projections(here.trace, here.layer, here.head, here.position)


def _projections(here: Here) -> None:
    part = st.segmented_control(
        "Part", views.PARTS, format_func=str.capitalize, required=True, label_visibility="collapsed",
        **state.choice(choices.ATTENTION_MADE),
    )  # fmt: skip
    found = views.projection(here.trace, here.layer, here.head, here.position, part)
    _inputs(found, f"{here.tokens[here.position]} ({here.position})")
    _weights(found, part)
    _made(found, part, here)


def _inputs(found: HeadProjection, token: str) -> None:
    figure = strip(found.x, row_names=("x",), title=f"In: {token} after LayerNorm", mode=ui.mode())
    ui.chart(figure, name="attention-input", data=pd.DataFrame({"dimension": np.arange(len(found.x)), "x": found.x}))


def _weights(found: HeadProjection, part: str) -> None:
    n_in, n_out = found.weight.shape
    rows, columns = [str(i) for i in range(n_out)], [str(i) for i in range(n_in)]
    ready = prepare(
        found.weight.T,
        row_tokens=rows,
        col_tokens=columns,
        title=f"Times W_{part[0]}, {n_in} × {n_out}: this head's part",
        row_title=part,
        col_title="dimension of x",
        value_title="weight",
        unit="",
        scale="signed",
    )
    token_map(ready, key="attention_weights", row_of=found.weight.T.__getitem__)
    ui.export_menu(
        f"attention-weights-{part}",
        lambda: views.map_frame(found.weight.T, rows, columns, (part, "dimension", "weight")),
        partial(picture_files.of_map, ready, ui.mode()),
    )


def _made(found: HeadProjection, part: str, here: Here) -> None:
    letter, first = part[0], float(found.again[0] - found.bias[0])
    figure = strip(found.made, row_names=(letter,), title=f"Out: {part} of layer {here.layer}, head {here.head}", mode=ui.mode())
    ui.chart(figure, name=f"attention-{part}", data=pd.DataFrame({"dimension": np.arange(len(found.made)), letter: found.made}))
    made = worked(lambda first, bias: first + bias, [first, float(found.bias[0])], float(found.made[0]))
    ui.formula(
        rf"""\begin{{aligned}} {letter}_0 &= \sum_i x_i W_{{i,0}} + b_0 \\[0.4em]
        &= {made.inputs[0]} {added(made.inputs[1])} {made.out} \end{{aligned}}"""
    )
    ui.note(
        f"Row by row of the picture: {len(found.x)} products are added up and the bias b is added. That makes one number of the {part}."
    )
    one = here.trace.attention(here.layer, (here.position,), (here.head,))
    ui.self_check(views.self_checks(_all_parts(here), one, views.is_replaced(here))[0])
    ui.source(MultiHeadAttention)


def _entropy(here: Here) -> None:
    found = here.trace.attention(here.layer, (here.position,))
    row = views.entropies(found)
    heads = attention_heads.heads(here.trace)
    mean = heads.layer(here.trace, here.layer).entropy
    names = [str(head) for head in range(len(row))]
    focus = f"query {here.tokens[here.position]} ({here.position})"
    everyone = "mean of all queries but the first" if len(here.ids) > 1 else "mean of all queries"
    figure = grouped_bars(
        {focus: row, everyone: mean},
        labels=names,
        label_title="head",
        title=f"How widely each head of layer {here.layer} reads",
        value_title="entropy",
        unit="bits",
        stages=("attention", "reference"),
        mode=ui.mode(),
    )
    ui.chart(figure, name="attention-entropy", data=pd.DataFrame({"head": names, "query_in_focus": row, "mean_of_queries": mean}))
    seen = here.position + 1
    ui.note(
        f"0 bits: one token gets all the weight. {seen} token{'s' if seen > 1 else ''} can be seen from here, so "
        f"{significant(float(np.log2(seen)))} bits would be all alike. For head {here.head}:"
    )
    ui.formula(formulas.entropy(found.pattern[here.head, 0], here.position))
    ui.self_check(views.row_check(found.pattern))
    ui.source(activations.attend)


def newest(here: Here) -> None:
    """The row of the newest token in every head: heads by tokens. A click brings a head into focus."""
    last = len(here.ids) - 1
    ui.note(
        "The next token is predicted from the newest position alone. Whatever it knows of earlier tokens, its heads have read for it, "
        "in this layer or in an earlier one. Each line is a head, from the first layer down. A click brings it into focus."
    )
    hide_first = st.toggle("Hide the first token", **state.choice(choices.HIDE_FIRST))
    weights = here.trace.newest_row()
    n_heads = weights.shape[1]
    rows, one = weights.reshape(-1, weights.shape[2]), weights[here.layer, here.head].copy()
    check = views.row_check(rows)
    if hide_first:
        rows[:, 0] = np.nan
    names = [f"{layer}.{head}" for layer in range(weights.shape[0]) for head in range(n_heads)]
    ready = prepare(
        rows,
        row_tokens=names,
        col_tokens=here.tokens,
        title=f"{here.tokens[last]} ({last}) in {f'all {len(names)} heads' if len(names) > 1 else 'the only head'}",
        row_title="layer.head",
        col_title="key",
        top=(math.ceil(10 * float(np.nanmax(rows, initial=0.0))) or 10) / 10 if hide_first else None,
        left_out="hidden",
        row_positions=False,
    )
    token_map(
        ready,
        key="attention_newest",
        row=here.layer * n_heads + here.head,
        row_of=lambda row: _one_row(here, row // n_heads, row % n_heads, hide_first),
        on_row=lambda row, _: state.update(layer=row // n_heads, head=row % n_heads),
    )
    if rows.size > EXACT_CELLS:
        ui.note(
            "Many lines and tokens: a dot shows the strongest cell that it covers, and exact values are fetched for the line pointed at."
        )
    ui.export_menu(
        "attention-newest",
        lambda: views.map_frame(rows, names, here.tokens, ("line", "key", "weight")),
        partial(picture_files.of_map, ready, ui.mode()),
    )
    ui.formula(formulas.row_sum(one, last))
    ui.self_check(check)
    ui.source(overview.newest_row)


def _one_row(here: Here, layer: int, head: int, hide_first: bool) -> np.ndarray:
    row = here.trace.attention(layer, (len(here.ids) - 1,), (head,)).pattern[0, 0]
    if hide_first:
        row[0] = np.nan
    return row
