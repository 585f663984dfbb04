"""The parts of the lens page: the grid, and one position layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import lens_views, markup, ui
from app.charts import grouped_bars, line_over_layers
from app.charts.lens_grid import lens_grid
from app.lens_views import ByHand, Column
from app.runtime import Here

NARROW = 5  # columns that a phone has room for


def grid(here: Here, found: Mapping[int, Column], positions: Sequence[int], colouring: str) -> None:
    """The grid, which keeps its size while columns are still missing, and what it leaves out."""
    chosen, vocab_size = lens_views.COLOURINGS[colouring], here.config.vocab_size
    figure = lens_grid(
        lens_views.colour_values(found, positions, here.config.n_layers + 1, colouring),
        texts=lens_views.texts(here, found, positions),
        facts=lens_views.facts(here, found, positions),
        settled=[found[p].settled if p in found else None for p in positions],
        row_names=lens_views.depth_names(here.config.n_layers),
        col_tokens=[here.tokens[p] for p in positions],
        title="The likeliest next token, layer by layer",
        value_title=chosen.title,
        unit=chosen.unit,
        top=lens_views.scale_top(colouring, vocab_size),
        ticks=lens_views.rank_ticks(vocab_size) if colouring == "Rank" else None,
        mode=ui.mode(),
    )
    # A grid wider than a phone scrolls inside its box, by the style sheet.
    with st.container(key="lens_grid_wide" if len(positions) > NARROW else "lens_grid"):
        ui.chart(figure, name="logit-lens", data=lambda: lens_views.table(here, found))
    ui.note(
        f"{chosen.explained} Red line: from here down the first place no longer changes. Point at a cell for its ten likeliest tokens. "
        + _extent(here, found, positions)
    )


def _extent(here: Here, found: Mapping[int, Column], positions: Sequence[int]) -> str:
    """Which positions are drawn, and where they settled."""
    n_tokens = len(here.ids)
    if len(found) < len(positions):
        return f"{len(found)} of {len(positions)} columns are computed; the others follow."
    which = "All positions" if len(positions) == n_tokens else f"Positions {positions[0]} to {positions[-1]} of {n_tokens:,}"
    if len(positions) == 1:
        return "There is one position so far."
    settled = pd.Series([found[p].settled for p in positions])
    last = here.config.n_layers
    names = lens_views.depth_names(last)
    late = int((settled == last).sum())
    return (
        f"{which}. Half of these predictions had settled by {names[int(settled.quantile(0.5, interpolation='lower'))]}; "
        f"{late} of {len(positions)} changed until the last block. Click a token in the timeline to see others."
    )


def focus_sentence(here: Here, column: Column) -> None:
    """What is predicted behind the token in focus, and since when."""
    final = here.model.tokenizer.text_of(column.target)
    since = (
        "It stood first from the embeddings on"
        if column.settled == 0
        else f"It took the first place for good after block {column.settled - 1}"
    )
    ui.note(
        f"Behind {here.tokens[here.position]} at position {here.position} the model's own first choice is “{final}”, with "
        f"{markup.percent(float(column.target_prob[-1]))}. {since}."
    )


def one_position(here: Here, column: Column) -> None:
    """Probability over the layers, and the likeliest tokens after the layer in focus."""
    text_of, depth = here.model.tokenizer.text_of, here.layer + 1
    data = lens_views.table(here, {here.position: column})
    left, right = st.columns([5, 4], gap="large")
    with left:
        figure = line_over_layers(
            {f"“{text_of(column.target)}”, which wins": column.target_prob, "whichever is first": column.probs[:, 0]},
            title="Probability, read after each block",
            value_title="probability",
            unit="%",
            stages=("probability", "reference"),
            layer_names=["in", *(str(layer) for layer in range(here.config.n_layers))],
            mode=ui.mode(),
        )
        figure.update_yaxes(rangemode="tozero")
        figure.update_xaxes(title="block (in: the embeddings, before block 0)")
        ui.chart(figure, name="logit-lens-position", data=data)
    with right:
        labels = [text_of(int(i)) for i in column.token_ids[depth]]
        figure = grouped_bars(
            {"probability": column.probs[depth]},
            labels=labels,
            title=f"Likeliest after block {here.layer}",
            value_title="probability",
            unit="%",
            mode=ui.mode(),
        )
        figure.update_xaxes(tickformat=".1%" if float(column.probs[depth, 0]) < 0.04 else ".0%", nticks=5)
        likeliest = pd.DataFrame({"token_id": column.token_ids[depth], "token": labels, "probability": column.probs[depth]})
        ui.chart(figure, name="logit-lens-likeliest", data=likeliest)


def formula(here: Here, column: Column) -> ByHand:
    """The probability of the likeliest token at the layer in focus, with its numbers."""
    depth, n = here.layer + 1, ui.latex_number
    worked = lens_views.by_hand(here, here.position, depth, int(column.token_ids[depth, 0]))
    ui.formula(
        rf"""\begin{{aligned}}
        \text{{logit}}_t &= w_t \cdot \text{{LayerNorm}}(x) = {n(worked.logit)} \\
        \text{{mean of }} x &= {n(worked.mean)}, \quad \text{{variance of }} x = {n(worked.var)} \\
        p_t &= \frac{{e^{{\text{{logit}}_t}}}}{{\sum_j e^{{\text{{logit}}_j}}}}
        = \frac{{e^{{{n(worked.logit, 4)}}}}}{{e^{{{n(worked.log_sum, 4)}}}}} = {100 * worked.prob:.1f}\,\%
        \end{{aligned}}"""
    )
    ui.note(
        f"x is the residual stream after block {here.layer}, w the row of “{here.model.tokenizer.text_of(int(column.token_ids[depth, 0]))}” "
        "in the output head. The final LayerNorm takes the mean and variance of this very x, not those of the last layer."
    )
    return worked
