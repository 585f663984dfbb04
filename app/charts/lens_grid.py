"""The grid of the logit lens: a word in every cell, a colour for how sure it is, a line where the word is settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from app.charts.frame import Figure, Trace
from app.charts.heatmap import heatmap
from app.charts.labels import Unit, escape, shorten
from app.charts.theme import MONO, Mode, blend, colour, colour_scale, ink_on

ROW = 27  # pixels
MOST_CHARACTERS = 8  # that fit a cell of the widest grid


def lens_grid(
    values: ArrayLike,
    *,
    texts: Sequence[Sequence[str]],
    facts: Sequence[Sequence[Sequence[str]]],
    settled: Sequence[int | None],
    row_names: Sequence[str],
    col_tokens: Sequence[str],
    title: str,
    value_title: str,
    unit: Unit,
    top: float,
    ticks: Mapping[float, str] | None = None,
    mode: Mode = "light",
) -> Figure:
    """values [row, column] are the colours, NaN for a column that is not there yet; row 0 stands at the top.

    texts [row][column]: the word in the cell, shortened here; facts [row][column]: the lines of its hover; settled [column]: the
    row from which on the first place no longer changes, marked by a line above it; ticks: place on the colour bar -> text.
    Raises ValueError if values, names and tokens differ in number.
    """
    figure = heatmap(
        values,
        row_tokens=row_names,
        col_tokens=col_tokens,
        title=title,
        row_title="read after",
        col_title="token read so far (its column guesses the next one)",
        value_title=value_title,
        unit=unit,
        top=top,
        mode=mode,
    )
    (cells,), layout = figure.data, figure.layout
    cells["customdata"] = [["<br>".join(escape(line) for line in cell) for cell in row] for row in facts]
    cells["hovertemplate"] = "%{customdata}<extra></extra>"
    if ticks is not None:
        cells["colorbar"] |= {"tickvals": list(ticks), "ticktext": list(ticks.values())}
    figure.data.append(_words(np.asarray(values, dtype=float) / top, texts, mode))
    steps = [(column, row) for column, row in enumerate(settled) if row is not None]
    figure.data.append(
        {
            "type": "scatter",
            "x": [x for column, _ in steps for x in (column - 0.5, column + 0.5, None)],
            "y": [y for _, row in steps for y in (row - 0.5, row - 0.5, None)],
            "mode": "lines",
            "line": {"color": colour("dart", mode), "width": 3},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    last = ", ".join(texts[-1])
    layout["height"] = layout["margin"]["t"] + ROW * len(row_names) + layout["margin"]["b"]
    layout["meta"] = {
        "alt": f"Grid: {title}. {len(row_names)} rows (from {row_names[0]} to {row_names[-1]}) by {len(col_tokens)} tokens; each cell "
        f"names the likeliest next token, its colour the {value_title}. The last row reads: {last}."
    }
    layout["xaxis"] |= {"range": [-0.5, len(col_tokens) - 0.5], "fixedrange": True}
    layout["yaxis"] |= {"range": [len(row_names) - 0.5, -0.5], "autorange": False, "fixedrange": True}
    return figure


def _words(shares: np.ndarray, texts: Sequence[Sequence[str]], mode: Mode) -> Trace:
    """The word in each cell, in black or white, whichever stands out; plotly's own choice is grey."""
    cells = [(row, column) for row, line in enumerate(texts) for column, text in enumerate(line) if text]
    return {
        "type": "scatter",
        "x": [column for _, column in cells],
        "y": [row for row, _ in cells],
        "text": [escape(shorten(texts[row][column], MOST_CHARACTERS)) for row, column in cells],
        "mode": "text",
        "textfont": {
            "family": MONO,
            "size": 12,
            "color": [ink_on(_shade(shares[cell], mode)) for cell in cells],
        },
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _shade(share: float, mode: Mode) -> str:
    """The colour that plotly gives a cell: even between two stops of the scale."""
    share = min(1.0, max(0.0, share))
    stops = pairwise(colour_scale("probability", mode))
    (low, before), (high, after) = next(pair for pair in stops if share <= pair[1][0])
    return blend(after, before, (share - low) / (high - low))
