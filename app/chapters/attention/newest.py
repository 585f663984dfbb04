"""The beat about the newest token: its row in every head, heads by tokens."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import streamlit as st

from app import choices, picture_files, state, ui
from app.chapters.attention import formulas, views
from app.components.map_canvas import EXACT_CELLS, prepare, token_map
from app.runtime import Here
from app.writing.markup import quoted
from gptcore import overview


def newest(here: Here) -> None:
    """The row of the newest token in every head: heads by tokens. A click brings a head into focus."""
    last = len(here.ids) - 1
    hidden = state.chosen(choices.HIDE_FIRST)
    weights = here.trace.newest_row()
    n_heads = weights.shape[1]
    rows = weights.reshape(-1, weights.shape[2])
    if hidden:
        rows[:, 0] = np.nan
    names = [f"{layer}.{head}" for layer in range(weights.shape[0]) for head in range(n_heads)]
    ready = prepare(
        rows,
        row_tokens=names,
        col_tokens=here.tokens,
        title=f"{quoted(here.tokens[last])} ({last}) in {f'all {len(names)} heads' if len(names) > 1 else 'the only head'}",
        row_title="layer.head",
        col_title="key",
        scale="attention",
        top=(math.ceil(10 * float(np.nanmax(rows, initial=0.0))) or 10) / 10 if hidden else None,
        left_out="hidden",
        row_positions=False,
    )
    ui.figure_menu(
        "attention-newest",
        lambda: views.map_frame(rows, names, here.tokens, ("line", "key", "weight")),
        partial(picture_files.of_map, ready, ui.mode()),
    )
    token_map(
        ready,
        key="attention_newest",
        row=here.layer * n_heads + here.head,
        row_of=lambda row: _one_row(here, row // n_heads, row % n_heads, hidden),
        on_row=lambda row, _: state.update(layer=row // n_heads, head=row % n_heads),
    )
    ui.note("Each line is a head, from the first layer down. Choose one to bring it into focus.")
    if rows.size > EXACT_CELLS:
        ui.note(
            "Many lines and tokens: a dot shows the strongest cell that it covers, and exact values are fetched for the line pointed at."
        )


def hide_first() -> None:
    """The toggle of this picture."""
    st.toggle("Hide the first token", **state.choice(choices.HIDE_FIRST))


def maths(here: Here) -> None:
    """The weights of the head in focus, added up."""
    ui.formula(formulas.row_sum(here.trace.newest_row()[here.layer, here.head], len(here.ids) - 1))


def checks(here: Here) -> None:
    """Every row, added up."""
    weights = here.trace.newest_row()
    ui.self_check(views.row_check(weights.reshape(-1, weights.shape[2])))
    ui.source(overview.newest_row)


def _one_row(here: Here, layer: int, head: int, hide_first: bool) -> np.ndarray:
    row = here.trace.attention(layer, (len(here.ids) - 1,), (head,)).pattern[0, 0]
    if hide_first:
        row[0] = np.nan
    return row
