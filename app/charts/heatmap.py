"""Maps: a matrix over tokens, and a strip for one vector or a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.charts.frame import AXIS_ROOM, BAR_ROOM, Figure, frame, value_range
from app.charts.labels import PERCENT_TICKS, Unit, escape, thinned, token_label, with_unit
from app.charts.theme import SURFACES, Mode, Scale, colour, colour_scale
from app.writing.numbers import counted, quantity, significant

Matrix = NDArray[np.floating[Any]]


def limit_of(values: ArrayLike, scale: Scale, top: float | None = None) -> float:
    """The upper end of the colour scale: `top` if given, 1 for probabilities and weights, else the largest absolute value (1 if it is 0)."""
    if top is not None:
        return top
    if scale != "signed":
        return 1.0
    absolute = np.abs(np.asarray(values, dtype=float))
    return float(np.nanmax(absolute, initial=0.0)) or 1.0


def heatmap(
    values: ArrayLike,
    *,
    row_tokens: Sequence[str],
    col_tokens: Sequence[str],
    title: str,
    row_title: str = "query token",
    col_title: str = "key token",
    value_title: str = "attention weight",
    unit: Unit = "%",
    scale: Scale = "probability",
    top: float | None = None,
    row_positions: bool = True,
    mode: Mode = "light",
) -> Figure:
    """values [row, column]; NaN is left out (the future of a causal map) and shows the card colour instead of the scale's 0.

    Row 0 stands at the top. The axes are positions; tokens are tick texts, so that equal tokens keep a column each.
    top: the upper end of the scale (see `limit_of`). row_positions: whether a row's position is named with it.
    Raises ValueError if tokens and values differ in number.
    """
    matrix = _matrix(values, len(row_tokens), len(col_tokens))
    limit = limit_of(matrix, scale, top)
    rows, columns, name = escape(row_title), escape(col_title), escape(value_title)
    hover = f"{rows} %{{customdata[0]}}<br>{columns} %{{customdata[1]}}<br>{name} <b>%{{customdata[2]}}</b><extra></extra>"
    trace = {
        "type": "heatmap",
        "z": matrix,
        "customdata": _cells(matrix, row_tokens, col_tokens, unit, row_positions),
        "hovertemplate": hover,
        "hoverongaps": False,
        **_colours(scale, limit, unit, mode),
        "xgap": 1 if matrix.shape[1] <= 40 else 0,
        "ygap": 1 if matrix.shape[0] <= 40 else 0,
    }
    x_at, x_text = thinned(col_tokens, 28)
    y_at, y_text = thinned(row_tokens, 40)
    return frame(
        [trace],
        title=title,
        alt=map_alt(matrix, row_tokens, col_tokens, title, row_title, col_title, value_title, unit, row_positions),
        plot_height=int(np.clip(24 * matrix.shape[0], 120, 560)),
        below=AXIS_ROOM + BAR_ROOM,
        subtitle=f"colour: {with_unit(value_title, unit)}",
        plot_bgcolor=SURFACES[mode]["card"],
        xaxis={"tickvals": x_at, "ticktext": x_text, "title": {"text": escape(col_title)}, "showgrid": False, "zeroline": False},
        yaxis={
            "tickvals": y_at,
            "ticktext": y_text,
            "title": {"text": escape(row_title)},
            "showgrid": False,
            "zeroline": False,
            "autorange": "reversed",
        },
    )


def strip(
    values: ArrayLike,
    *,
    row_names: Sequence[str],
    title: str,
    x_title: str = "dimension",
    value_title: str = "value",
    unit: Unit = "",
    scale: Scale = "signed",
    top: float | None = None,
    mode: Mode = "light",
) -> Figure:
    """One vector [n] or a few [row, n], each as a row of coloured cells, on one scale; x counts the dimensions from 0."""
    matrix = np.atleast_2d(np.asarray(values, dtype=float))
    matrix = _matrix(matrix, len(row_names), matrix.shape[1])
    limit = limit_of(matrix, scale, top)
    name = escape(value_title)
    trace = {
        "type": "heatmap",
        "z": matrix,
        **_strip_hover(matrix, x_title, name, unit),
        "hoverongaps": False,
        **_colours(scale, limit, unit, mode),
        "ygap": 3,
    }
    rows, each = counted(len(row_names), "row"), counted(matrix.shape[1], "value")
    alt = f"Colour strip: {title}. {rows} ({', '.join(row_names)}) of {each} along {x_title}, "
    return frame(
        [trace],
        title=title,
        alt=f"{alt}{with_unit(value_title, unit)} {value_range(matrix, unit)}.",
        plot_height=max(40, 32 * len(row_names)),
        below=AXIS_ROOM + BAR_ROOM,
        subtitle=f"colour: {with_unit(value_title, unit)}",
        xaxis={"title": {"text": escape(x_title)}, "showgrid": False, "zeroline": False},
        yaxis={
            "tickvals": list(range(len(row_names))),
            "ticktext": [escape(label) for label in row_names],
            "showgrid": False,
            "zeroline": False,
            "autorange": "reversed",
        },
    )


def parted_strip(
    parts: Mapping[str, ArrayLike],
    *,
    row_names: Sequence[str],
    title: str,
    value_title: str = "value",
    mode: Mode = "light",
) -> Figure:
    """A strip in parts, each in shades of a scale of its own: on one scale the largest part would leave the others pale.

    parts: name -> [row, dimension]; NaN is left out. The colours are shares of the largest number of a part, which stands under it;
    hovers say the numbers themselves.
    """
    arrays = {name: np.asarray(values, dtype=float) for name, values in parts.items()}
    largest = {name: limit_of(values, "signed") for name, values in arrays.items()}
    scales = [f"{name} ±{significant(limit)}" for name, limit in largest.items()]
    figure = strip(
        np.hstack([values / largest[name] for name, values in arrays.items()]),
        row_names=row_names,
        title=title,
        value_title=f"{value_title}, as a share of the largest of its part",
        top=1.0,
        mode=mode,
    )
    (cells,), layout = figure.data, figure.layout
    dimensions = [f"{escape(name)}, dimension {i}" for name, values in arrays.items() for i in range(values.shape[1])]
    cells |= {"customdata": np.hstack(list(arrays.values())), "text": [dimensions] * len(row_names)}
    cells["hovertemplate"] = f"%{{y}}<br>%{{text}}<br>{escape(value_title)} <b>%{{customdata:.3~r}}</b><extra></extra>"
    cells["colorbar"] |= {"tickformat": PERCENT_TICKS, "nticks": 3}
    ends = np.cumsum([values.shape[1] for values in arrays.values()])
    middles = [float(end - values.shape[1] / 2 - 0.5) for end, values in zip(ends, arrays.values(), strict=True)]
    layout["meta"]["alt"] += f" The largest of each part: {', '.join(scales)}."
    layout["xaxis"] |= {"tickvals": middles, "ticktext": [escape(scale) for scale in scales], "title": {}}
    line = {"width": 2, "color": colour("residual", mode)}
    layout["shapes"] = [
        {"type": "line", "x0": end - 0.5, "x1": end - 0.5, "y0": 0, "y1": 1, "yref": "y domain", "line": line}
        for end in ends[:-1].tolist()
    ]
    return figure


def _strip_hover(matrix: Matrix, x_title: str, name: str, unit: Unit) -> dict[str, Any]:
    """What a cell says. Of values with a unit the number alone travels, three digits of it are written in the browser."""
    where = f"%{{y}}<br>{escape(x_title)} %{{x}}<br>{name}"
    if unit == "%":
        texts = [[quantity(v, unit) for v in row] for row in matrix]
        return {"customdata": texts, "hovertemplate": f"{where} <b>%{{customdata}}</b><extra></extra>"}
    return {"hovertemplate": f"{where} <b>%{{z:.3~r}}{escape(f' {unit}'.rstrip())}</b><extra></extra>"}


def _matrix(values: ArrayLike, rows: int, columns: int) -> Matrix:
    matrix = np.asarray(values, dtype=float)
    if matrix.shape != (rows, columns):
        raise ValueError(f"The values are {matrix.shape}, but there are {rows} row and {columns} column labels.")
    return matrix


def _cells(
    matrix: Matrix, row_tokens: Sequence[str], col_tokens: Sequence[str], unit: Unit, row_positions: bool
) -> list[list[list[str]]]:
    """Per cell: row label, column label, value, as hover shows them."""
    rows = [escape(token_label(t, i) if row_positions else t) for i, t in enumerate(row_tokens)]
    columns = [escape(token_label(t, i)) for i, t in enumerate(col_tokens)]
    return [
        [[row, column, quantity(value, unit)] for column, value in zip(columns, line, strict=True)]
        for row, line in zip(rows, matrix, strict=True)
    ]


def _colours(scale: Scale, limit: float, unit: Unit, mode: Mode) -> dict[str, Any]:
    """The colour scale and its bar, which lies under the map so that the map keeps its width on a phone."""
    bar: dict[str, Any] = {
        "orientation": "h",
        "thickness": 10,
        "len": 0.5,
        "x": 0,
        "xpad": 14,
        "ypad": 4,
        "xref": "container",
        "xanchor": "left",
        "yref": "container",
        "y": 0,
        "yanchor": "bottom",
        "outlinewidth": 1,
        "outlinecolor": SURFACES[mode]["line"],
        "tickfont": {"size": 12},
        "nticks": 5,
    }
    if unit == "%":
        bar["tickformat"] = PERCENT_TICKS
    low = -limit if scale == "signed" else 0.0
    return {"colorscale": colour_scale(scale, mode), "zmin": low, "zmax": limit, "colorbar": bar}


def map_alt(
    matrix: Matrix,
    row_tokens: Sequence[str],
    col_tokens: Sequence[str],
    title: str,
    row_title: str,
    col_title: str,
    value_title: str,
    unit: Unit,
    row_positions: bool = True,
    col_positions: bool = True,
) -> str:
    """A map in one or two sentences: what it shows, its shape, its range and where the largest value is."""
    shape = f"{counted(matrix.shape[0], 'row')} ({row_title}) by {counted(matrix.shape[1], 'column')} ({col_title})"
    text = f"Heat map: {title}. {shape}; {with_unit(value_title, unit)} {value_range(matrix, unit)}"
    if not np.isfinite(matrix).any():
        return f"{text}."
    row, column = divmod(int(np.nanargmax(matrix)), matrix.shape[1])
    named = token_label(row_tokens[row], row) if row_positions else row_tokens[row]
    across = token_label(col_tokens[column], column) if col_positions else col_tokens[column]
    where = f"row {named}, column {across}"
    return f"{text}, largest at {where}."
