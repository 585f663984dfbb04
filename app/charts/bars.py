"""Bars: several series side by side, and distributions that were counted before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from app.charts.frame import Figure, frame, value_range
from app.charts.labels import PERCENT_TICKS, Unit, escape, shorten, with_unit
from app.charts.theme import Mode, colour
from app.writing.numbers import counted, quantity, significant


def grouped_bars(
    series: Mapping[str, ArrayLike],
    *,
    labels: Sequence[str],
    title: str,
    value_title: str,
    unit: Unit,
    label_title: str = "token",
    stages: Sequence[str] = ("probability", "reference"),
    errors: ArrayLike | None = None,
    row_height: int | None = None,
    most_ticks: int | None = None,
    reach: float = 0.0,
    mode: Mode = "light",
) -> Figure:
    """Horizontal bars: one group a label (first at the top), one bar a series, its value beside it.

    series: name -> values [label]; stages: the colour of each series. Labels are positions with tick texts, so equal ones stay
    apart. errors [label]: whiskers of the first series to either side, where its number would lie under them and is left out;
    row_height: pixels of a group; most_ticks: of the axis; reach: how far the axis goes at
    least, where another picture shares it. Raises ValueError if a series has another length than the labels.
    """
    traces = []
    for (name, values), stage in zip(series.items(), stages, strict=False):
        numbers = _numbers(values, len(labels), name)
        texts = [quantity(v, unit) for v in numbers]
        traces.append(
            {
                "type": "bar",
                "x": numbers,
                "y": np.arange(len(labels)),
                "orientation": "h",
                "name": escape(name),
                "marker": {"color": colour(stage, mode), "cornerradius": 3},
                "text": texts,
                "textposition": "outside",
                "textfont": {"size": 12},
                "cliponaxis": False,
                "customdata": [escape(label) for label in labels],
                "hovertemplate": f"{escape(label_title)} %{{customdata}}<br>{escape(name)} <b>%{{text}}</b><extra></extra>",
            }
        )
    if len(traces) < len(series):
        raise ValueError(f"{len(series)} series, but {len(stages)} colours: name a stage for each.")
    if errors is not None:
        whiskers = {"type": "data", "array": _numbers(errors, len(labels), "errors"), "color": colour("dart", mode)}
        traces[0] |= {"error_x": {**whiskers, "thickness": 1.5, "width": 4}, "textposition": "none"}
    every = np.concatenate([np.asarray(v, dtype=float).ravel() for v in series.values()])
    reach = max(reach, float(np.nanmax(np.abs(every), initial=0.0))) or 1.0
    alt = f"Bar chart: {title}. {counted(len(labels), 'bar')} ({label_title}) for {', '.join(series)}; {with_unit(value_title, unit)} "
    return frame(
        traces,
        title=title,
        alt=alt + value_range(every, unit) + _largest(series, labels, unit),
        plot_height=max(80, len(labels) * (row_height or 14 + 14 * len(series))),
        legend=list(series) if len(series) > 1 else (),
        barmode="group",
        bargap=0.3,
        bargroupgap=0.08,
        xaxis={
            "title": {"text": escape(with_unit(value_title, unit))},
            # Room for the text beside the longest bar, on both sides where there are negative ones.
            "range": [-1.25 * reach if np.nanmin(every, initial=0.0) < 0 else 0, 1.25 * reach],
            **({"tickformat": PERCENT_TICKS} if unit == "%" else {}),
            **({"nticks": most_ticks} if most_ticks else {}),
        },
        yaxis={
            "tickangle": 0,
            "tickvals": list(range(len(labels))),
            "ticktext": [escape(shorten(label, 16)) for label in labels],
            "autorange": "reversed",
            "showgrid": False,
            "zeroline": False,
        },
    )


def _largest(series: Mapping[str, ArrayLike], labels: Sequence[str], unit: Unit) -> str:
    first = np.asarray(next(iter(series.values())), dtype=float)
    if not np.isfinite(first).any():
        return "."
    best = int(np.nanargmax(first))
    return f"; the largest of {next(iter(series))} is {labels[best]} with {quantity(first[best], unit)}."


def histogram(
    counts: Mapping[str, ArrayLike],
    edges: ArrayLike,
    *,
    title: str,
    x_title: str,
    unit: Unit = "",
    count_title: str = "values",
    stages: Sequence[str] = ("residual", "layer_norm"),
    mode: Mode = "light",
) -> Figure:
    """Distributions laid over each other. counts: name -> [bin], counted before, so that few numbers travel; edges [bin + 1].

    Raises ValueError if counts and edges do not fit.
    """
    borders = np.asarray(edges, dtype=float)
    spans = [f"{significant(a)} to {significant(b)} {unit}".rstrip() for a, b in pairwise(borders)]
    traces = []
    for (name, values), stage in zip(counts.items(), stages, strict=False):
        numbers = _numbers(values, len(borders) - 1, name)
        tint = colour(stage, mode)
        traces.append(
            {
                "type": "bar",
                "x": (borders[:-1] + borders[1:]) / 2,
                "y": numbers,
                "width": np.diff(borders),
                "name": escape(name),
                "marker": {"color": tint, "opacity": 0.55, "line": {"width": 0}},
                "customdata": spans,
                "hovertemplate": f"{escape(name)}<br>{escape(x_title)} %{{customdata}}"
                f"<br>{escape(count_title)}: <b>%{{y:,}}</b><extra></extra>",
            }
        )
    if len(traces) < len(counts):
        raise ValueError(f"{len(counts)} series, but {len(stages)} colours: name a stage for each.")
    totals = ", ".join(f"{name} ({int(np.sum(values)):,} {count_title})" for name, values in counts.items())
    span = f"{with_unit(x_title, unit)} from {significant(borders[0])} to {significant(borders[-1])}"
    return frame(
        traces,
        title=title,
        alt=f"Histogram: {title}. {totals} in {len(borders) - 1} bins; {span}.",
        plot_height=260,
        legend=list(counts) if len(counts) > 1 else (),
        barmode="overlay",
        bargap=0,
        xaxis={"title": {"text": escape(with_unit(x_title, unit))}, "showgrid": False},
        yaxis={"title": {"text": escape(f"number of {count_title}")}, "rangemode": "tozero"},
    )


def _numbers(values: ArrayLike, length: int, name: str) -> np.ndarray:
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (length,):
        raise ValueError(f"{name!r} has the shape {numbers.shape}; one number for each of the {length} labels or bins is needed.")
    return numbers
