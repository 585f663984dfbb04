"""The grid of the logit lens: a word in every cell, a colour for one measure, a line where the word is settled.

What is pointed at stays in the browser; a click on a cell goes to Python. The cells travel apart from the rest and once, so that
a click, or another colouring, does not send them again. `app.charts.lens_grid` makes the same picture as a figure for a file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app import messages, state
from app.charts.labels import file_name
from app.charts.theme import Mode, colour_scale
from app.components import component, pack
from app.components.vocabulary import shelve


@dataclass(frozen=True, eq=False)
class GridCells:
    """What the lens says at [depth, column]; a column that is not computed yet has -1 in `target`.

    token_ids, probs: [depth, column, best first]; entropy, divergence: in bits; rank: of the final token, 1 for the first place;
    target: [column], the final token; settled: [column], the depth from which on it stays first; texts: of every id that occurs.
    """

    token_ids: np.ndarray
    probs: np.ndarray
    entropy: np.ndarray
    divergence: np.ndarray
    rank: np.ndarray
    target: np.ndarray
    settled: np.ndarray
    texts: Mapping[int, str]


def lens_grid(
    cells: GridCells,
    *,
    key: str,
    title: str,
    alt: str,
    row_names: Sequence[str],
    col_tokens: Sequence[str],
    positions: Sequence[int],
    measure: str,
    value_title: str,
    top: float,
    ticks: Mapping[float, str],
    focus: tuple[int, int],
    mode: Mode,
    on_pick: Callable[[int, int], object],
) -> None:
    """Draw the grid, depth 0 at the top.

    measure: what the colours stand for, "probability" (of the likeliest), "entropy", "rank" or "divergence"; ranks are drawn by
    their power of ten. top: the upper end of the colours; ticks: place on the colour bar -> text. focus: (depth, position) that is
    outlined. on_pick(depth, position): called when a cell is clicked, or chosen by the keyboard.
    """
    header = {
        "title": title,
        "alt": alt,
        "name": file_name(title),
        "cells": f"{key}:cells",
        "stamp": _send(key, cells),
        "rows": list(row_names),
        "tokens": list(col_tokens),
        "positions": list(positions),
        "measure": measure,
        "value_title": value_title,
        "top": top,
        "ticks": [[place / top, text] for place, text in ticks.items()],
        "stops": [stop for _, stop in colour_scale("probability", mode)],
        "focus": [focus[0], positions.index(focus[1]) if focus[1] in positions else -1],
    }

    def picked() -> None:
        value = messages.record(state.component_value(key, "pick"))
        depth, position = messages.index(value.get("depth"), len(row_names)), messages.one_of(value.get("position"), positions)
        if depth is not None and position is not None:  # else it was made for another text
            on_pick(depth, position)

    component("lens_grid")(key=key, data=pack(header), on_pick_change=picked)


def _send(key: str, cells: GridCells) -> int:
    """Put the cells on the browser's shelf. Returns the stamp by which a header names them."""
    arrays = {
        "ids": cells.token_ids.astype(np.int32),
        "probs": cells.probs.astype(np.float32),
        "entropy": cells.entropy.astype(np.float32),
        "divergence": cells.divergence.astype(np.float32),
        "rank": cells.rank.astype(np.int32),
        "target": cells.target.astype(np.int32),
        "settled": cells.settled.astype(np.int32),
    }
    stamp = 0
    for array in arrays.values():
        stamp = zlib.crc32(np.ascontiguousarray(array).tobytes(), stamp)
    shelve(
        f"{key}:cells", {"stamp": stamp, "texts": {str(i): text for i, text in cells.texts.items()}}, key=f"{key}_cells", **arrays
    )
    return stamp
