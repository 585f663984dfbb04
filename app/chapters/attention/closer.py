"""The beat about one weight: a row step by step, how q, k and v are made, entropy by head."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, palette, picture_files, state, ui
from app.chapters.attention import formulas, views
from app.chapters.attention import heads as attention_heads
from app.chapters.attention.views import HeadProjection
from app.charts import grouped_bars, strip
from app.components.map_canvas import prepare, token_map
from app.runtime import Here
from app.writing import markup
from app.writing.markup import NumberBar
from app.writing.numbers import percent, significant
from app.writing.worked import added, worked
from gptcore import activations
from gptcore.activations import AttentionActivations
from gptcore.model import MultiHeadAttention

ROWS = 8  # keys in the picture of a row
LOOKS = {"row": "One query, step by step", "made": "How q, k and v are made", "entropy": "Entropy of each head"}


def look_control() -> None:
    """What to look at."""
    st.segmented_control(
        "What to look at", list(LOOKS), format_func=lambda name: LOOKS[name], required=True, wrap=True,
        label_visibility="collapsed", **state.choice(choices.ATTENTION_LOOK),
    )  # fmt: skip
    if state.chosen(choices.ATTENTION_LOOK) == "made":
        st.segmented_control(
            "Part", views.PARTS, format_func=str.capitalize, required=True, label_visibility="collapsed",
            **state.choice(choices.ATTENTION_MADE),
        )  # fmt: skip


def closer_look(here: Here) -> None:
    """One of three, so that only what is looked at is computed and sent."""
    {"row": _row, "made": _projections, "entropy": _entropy}[state.chosen(choices.ATTENTION_LOOK)](here)


def maths(here: Here) -> None:
    """What is looked at as a formula."""
    {"row": _row_maths, "made": _made_maths, "entropy": _entropy_maths}[state.chosen(choices.ATTENTION_LOOK)](here)


def checks(here: Here) -> None:
    """What is looked at, computed once more."""
    look = state.chosen(choices.ATTENTION_LOOK)
    if look == "entropy":
        ui.self_check(views.row_check(here.trace.attention(here.layer, (here.position,)).pattern))
    else:
        made = views.self_checks(_all_parts(here), one_query(here), views.is_replaced(here))
        ui.self_check(made if look == "row" else made[0])
    ui.source(MultiHeadAttention if look == "made" else activations.attend)


def one_query(here: Here) -> AttentionActivations:
    """The head and the query in focus."""
    return here.trace.attention(here.layer, (here.position,), (here.head,))


def _drawn(here: Here) -> pd.DataFrame:
    """The keys with the largest weights, in their order, and the first later one, which is masked."""
    table, query = views.row_numbers(one_query(here), here.tokens), here.position
    seen = table[table["key"] <= query].nlargest(ROWS, "weight").sort_values("key")
    return pd.concat([seen, table[table["key"] == query + 1]])


def _row(here: Here) -> None:
    """Scores, weights and what they bring, key by key."""
    query, width = here.position, here.config.head_dim
    drawn = _drawn(here)
    violet, grey = (palette.colour(stage, ui.mode()) for stage in ("attention", "residual"))
    low, high = min(0.0, drawn["scaled"].min()), max(0.0, drawn["scaled"].max())
    span, most = (high - low) or 1.0, drawn["read"].max() or 1.0

    def cells(row: Any) -> list[str | NumberBar]:
        score = NumberBar(significant(row.scaled), (0 - low) / span, (row.scaled - low) / span, grey)
        token = f"{markup.chip(row.token)} {row.key}"
        if row.key > query:
            return [token, score, "−∞: masked, it comes later", ""]
        return [
            token, score, NumberBar(percent(row.weight), 0, row.weight, violet),
            NumberBar(significant(row.read), 0, row.read / most, violet),
        ]  # fmt: skip

    rows = [cells(row) for row in drawn.itertuples()]
    ui.figure_menu("attention-row", lambda: views.row_numbers(one_query(here), here.tokens).replace(-np.inf, np.nan))
    ui.bars(
        ["Key", f"Score: q · k ÷ √{width}", "Weight: softmax of the scores", "Weight × length of v"], rows,
        faded=[i for i, key in enumerate(drawn["key"]) if key > query],
    )  # fmt: skip
    fewer = f"The {ROWS} keys with the largest weights" if query + 1 > ROWS else "All keys"
    later = ", and the first one that comes later" if query + 1 < len(here.ids) else ""
    ui.note(f"Query {markup.quoted(here.tokens[query])} ({query}). {fewer}{later}.")


def _row_maths(here: Here) -> None:
    query, found, drawn, n = here.position, one_query(here), _drawn(here), significant
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
    ui.formula(formulas.row_sum(found.pattern[0, 0], query))


def _all_parts(here: Here) -> list[HeadProjection]:
    """Query, key and value of the head and the token in focus."""
    return views.projections(here.trace, here.layer, here.head, here.position)


def _projected(here: Here) -> tuple[str, HeadProjection]:
    part = state.chosen(choices.ATTENTION_MADE)
    return part, views.projection(here.trace, here.layer, here.head, here.position, part)


def _projections(here: Here) -> None:
    part, found = _projected(here)
    _inputs(found, f"{markup.quoted(here.tokens[here.position])} ({here.position})")
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
    ui.figure_menu(
        f"attention-weights-{part}",
        lambda: views.map_frame(found.weight.T, rows, columns, (part, "dimension", "weight")),
        partial(picture_files.of_map, ready, ui.mode()),
    )
    token_map(ready, key="attention_weights", row_of=found.weight.T.__getitem__)


def _made(found: HeadProjection, part: str, here: Here) -> None:
    letter = part[0]
    figure = strip(found.made, row_names=(letter,), title=f"Out: {part} of layer {here.layer}, head {here.head}", mode=ui.mode())
    ui.chart(figure, name=f"attention-{part}", data=pd.DataFrame({"dimension": np.arange(len(found.made)), letter: found.made}))


def _made_maths(here: Here) -> None:
    part, found = _projected(here)
    letter, first = part[0], float(found.again[0] - found.bias[0])
    made = worked(lambda first, bias: first + bias, [first, float(found.bias[0])], float(found.made[0]))
    ui.formula(
        rf"""\begin{{aligned}} {letter}_0 &= \sum_i x_i W_{{i,0}} + b_0 \\[0.4em]
        &= {made.inputs[0]} {added(made.inputs[1])} {made.out} \end{{aligned}}"""
    )
    ui.note(
        f"Row by row of the picture: {len(found.x)} products are added up and the bias b is added. That makes one number of the {part}."
    )


def _entropy(here: Here) -> None:
    found = here.trace.attention(here.layer, (here.position,))
    row = views.entropies(found)
    heads = attention_heads.heads(here.trace)
    mean = heads.layer(here.trace, here.layer).entropy
    names = [str(head) for head in range(len(row))]
    focus = f"query {markup.quoted(here.tokens[here.position])} ({here.position})"
    everyone = "mean of all queries but the first" if len(here.ids) > 1 else "mean of all queries"
    figure = grouped_bars(
        {focus: row, everyone: mean},
        labels=names,
        label_title="head",
        title=f"How widely each head of layer {here.layer} attends",
        value_title="entropy",
        unit="bits",
        stages=("attention", "reference"),
        mode=ui.mode(),
    )
    ui.chart(figure, name="attention-entropy", data=pd.DataFrame({"head": names, "query_in_focus": row, "mean_of_queries": mean}))


def _entropy_maths(here: Here) -> None:
    seen, found = here.position + 1, one_query(here)
    ui.note(
        f"0 bits: one token gets all the weight. {seen} token{'s' if seen > 1 else ''} can be seen from here, so "
        f"{significant(float(np.log2(seen)))} bits would be all alike. For head {here.head}:"
    )
    ui.formula(formulas.entropy(found.pattern[0, 0], here.position))
