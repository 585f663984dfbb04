"""Dots on a logarithmic axis, for what differs by factors: sizes, memory, work. Bars would need a 0, which such an axis has not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from app.charts.frame import Figure, Trace, frame
from app.charts.labels import Unit, escape, shorten, with_unit
from app.charts.theme import Mode, colour

_MARKS = ("circle", "diamond", "square", "triangle-up")
MOST_TICKS = 4  # what a phone has room for
ROW, LANE = 16, 22  # pixels: air between two labels, and the line of one series


def log_dots(
    series: Mapping[str, ArrayLike],
    *,
    labels: Sequence[str],
    title: str,
    value_title: str,
    unit: Unit = "",
    written: Callable[[float], str],
    limits: Mapping[str, float] | None = None,
    stages: Sequence[str] = ("embeddings", "attention"),
    mode: Mode = "light",
) -> Figure:
    """One row a label (first at the top), in it one dot a series, with its value beside it; the axis counts in powers of ten.

    series: name -> values [label], above 0; written: how a value is written, at ticks, dots and in hovers; limits: name -> value of
    vertical lines (the memory of a graphics card). Raises ValueError for values that have no place on the axis or do not fit.
    """
    if len(stages) < len(series):
        raise ValueError(f"{len(series)} series, but {len(stages)} colours: name a stage for each.")
    rows = {name: _positive(values, len(labels), name) for name, values in series.items()}
    lanes = (np.arange(len(rows)) - (len(rows) - 1) / 2) * (LANE / (ROW + LANE * len(rows)))
    traces = [
        _series(name, values, np.arange(len(labels)) + lanes[i], labels, written, stages[i], _MARKS[i], mode)
        for i, (name, values) in enumerate(rows.items())
    ]
    every = np.concatenate([*rows.values(), np.array(list((limits or {}).values()), dtype=float)])
    low, high = math.floor(math.log10(every.min()) - 0.1), math.log10(every.max())
    reach = math.ceil(high)
    powers = range(low, reach + 1, -(-(reach - low + 1) // MOST_TICKS))
    bounds, tint = list((limits or {}).items()), colour("dart", mode)
    return frame(
        traces,
        title=title,
        alt=_alt(rows, labels, title, with_unit(value_title, unit), written, limits or {}),
        plot_height=len(labels) * (ROW + LANE * len(rows)),
        legend=list(rows) if len(rows) > 1 else (),
        xaxis={
            "type": "log",
            "range": [low, high + 0.32 * (high - low)],  # room for the text beside the last dot
            "tickvals": [10.0**power for power in powers],
            "ticktext": [escape(written(10.0**power)) for power in powers],
            "tickangle": 0,
            "title": {"text": escape(f"{with_unit(value_title, unit)}, logarithmic")},
        },
        yaxis={
            "tickvals": list(range(len(labels))),
            "ticktext": [escape(shorten(label, 22)) for label in labels],
            "range": [len(labels) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
        shapes=[
            {"type": "line", "x0": value, "x1": value, "y0": 0, "y1": 1, "yref": "y domain",
             "line": {"color": tint, "width": 1, "dash": "dot"}, "opacity": 0.6, "layer": "below"}
            for _, value in bounds
        ],
        # An annotation counts in powers on such an axis. Above the plot, since dots may stand anywhere in it.
        annotations=[
            {"text": escape(name), "x": math.log10(value), "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left",
             "xshift": -4, "showarrow": False, "font": {"size": 12, "color": tint}}
            for name, value in bounds
        ],
    )  # fmt: skip


def _series(
    name: str,
    values: np.ndarray,
    places: np.ndarray,
    labels: Sequence[str],
    written: Callable[[float], str],
    stage: str,
    symbol: str,
    mode: Mode,
) -> Trace:
    texts = [escape(written(value)) for value in values]
    return {
        "type": "scatter",
        "x": values,
        "y": places,
        "name": escape(name),
        "mode": "markers+text",
        "marker": {"color": colour(stage, mode), "size": 10, "symbol": symbol},
        "text": [f"  {text}" for text in texts],
        "textposition": "middle right",
        "textfont": {"size": 12},
        "cliponaxis": False,
        "customdata": [[escape(label), text] for label, text in zip(labels, texts, strict=True)],
        "hovertemplate": f"%{{customdata[0]}}<br>{escape(name)} <b>%{{customdata[1]}}</b><extra></extra>",
    }


def _alt(
    rows: Mapping[str, np.ndarray],
    labels: Sequence[str],
    title: str,
    value: str,
    written: Callable[[float], str],
    limits: Mapping[str, float],
) -> str:
    parts = [
        f"{name}: " + ", ".join(f"{label} {written(number)}" for label, number in zip(labels, values, strict=True))
        for name, values in rows.items()
    ]
    lines = f" Lines at {', '.join(limits)}." if limits else ""
    return f"Dot plot on a logarithmic axis: {title}. {value}. {'; '.join(parts)}.{lines}"


def _positive(values: ArrayLike, length: int, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (length,):
        raise ValueError(f"{name!r} has the shape {numbers.shape}; one number for each of the {length} labels is needed.")
    if not (numbers > 0).all():
        raise ValueError(f"{name!r} goes down to {numbers.min()}, which has no place on a logarithmic axis; leave the row out.")
    return numbers
