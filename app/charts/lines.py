"""Lines over layers or over any x, and labelled points in a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from app.charts.frame import Figure, Trace, frame, value_range
from app.charts.labels import PERCENT_TICKS, Unit, escape, with_unit
from app.charts.theme import Mode, colour
from app.writing.numbers import quantity, significant

# Series differ by dash and mark too, so that a grey print-out and any eye can follow them.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_MARKS = ("circle", "square", "diamond", "triangle-up", "cross", "x")
_LABEL = MappingProxyType({"textposition": "top center", "textfont": {"size": 12}})  # of a point


@dataclass(frozen=True)
class VerticalLine:
    """A line from the bottom to the top of the plot, at a place on the x axis."""

    at: float
    stage: str = "residual"
    dash: Literal["dot", "dash", "solid"] = "dot"
    width: float = 1


def line_over_layers(
    series: Mapping[str, ArrayLike],
    *,
    title: str,
    value_title: str,
    unit: Unit = "",
    stages: Sequence[str] = ("residual", "attention", "feed_forward", "layer_norm"),
    layer_names: Sequence[str] | None = None,
    layer_title: str = "",
    log_y: bool = False,
    from_zero: bool = False,
    y_range: tuple[float, float] | None = None,
    mode: Mode = "light",
) -> Figure:
    """One value a layer. series: name -> values [layer], layer 0 first; NaN leaves a gap.

    layer_names: the tick texts where the places are not simply the layers 0, 1, 2, ... (such as "embeddings", "after block 0");
    layer_title: under the axis, where "layer" does not say it all; from_zero, y_range: where the other axis begins, or all of it.
    log_y needs values above 0 (ValueError otherwise).
    """
    first = np.asarray(next(iter(series.values())), dtype=float)
    places = np.arange(len(first))
    names = [str(i) for i in places] if layer_names is None else list(layer_names)
    if len(names) != len(places):
        raise ValueError(f"{len(places)} layers, but {len(names)} layer names: give one name each.")
    step = max(1, -(-len(names) // 24))
    ticks = {"zeroline": False, "tickvals": places[::step], "ticktext": [escape(name) for name in names[::step]]}
    if layer_title:
        ticks["title"] = {"text": escape(layer_title)}
    y_axis: dict[str, Any] = {"dtick": 1, "exponentformat": "power"} if log_y else _reach(from_zero, y_range)
    axes = ("layer", value_title, "", unit)
    return _lines(series, places, names, title, axes, stages, log_y, mode, marks=True, x_axis=ticks, y_axis=y_axis)


def curves(
    series: Mapping[str, ArrayLike],
    x: ArrayLike,
    *,
    title: str,
    x_title: str,
    value_title: str,
    x_unit: Unit = "",
    unit: Unit = "",
    stages: Sequence[str] = ("feed_forward", "reference"),
    marks: bool = False,
    x_step: float | None = None,
    log_y: bool = False,
    from_zero: bool = False,
    vertical_lines: Sequence[VerticalLine] = (),
    mode: Mode = "light",
) -> Figure:
    """Functions of one number. series: name -> values [x].

    marks: each point by itself, for the few that were measured; x_step: between ticks; log_y needs values above 0 (ValueError
    otherwise); from_zero: where the other axis begins. vertical_lines outside the plot are left out.
    """
    places = np.asarray(x, dtype=float)
    hover = [f"{significant(v)} {x_unit}".rstrip() for v in places]
    shapes = [
        {"type": "line", "x0": line.at, "x1": line.at, "y0": 0, "y1": 1, "yref": "y domain",
         "line": {"color": colour(line.stage, mode), "width": line.width, "dash": line.dash}}
        for line in vertical_lines if len(places) and places.min() <= line.at <= places.max()
    ]  # fmt: skip
    y_axis = _log_ticks(series) if log_y else _reach(from_zero, None)
    axes = (x_title, value_title, x_unit, unit)
    x_axis = {"dtick": x_step} if x_step else {}
    figure = _lines(series, places, hover, title, axes, stages, log_y, mode, marks=marks, x_axis=x_axis, y_axis=y_axis)
    if shapes:
        figure.layout["shapes"] = shapes
    return figure


def _reach(from_zero: bool, y_range: tuple[float, float] | None) -> dict[str, Any]:
    return {"range": y_range} if y_range else {"rangemode": "tozero"} if from_zero else {}


def _log_ticks(series: Mapping[str, ArrayLike]) -> dict[str, Any]:
    """1, 10, 100, ...; on a short axis 2 and 5 in between."""
    top = max(float(np.nanmax(np.asarray(values, dtype=float), initial=1.0)) for values in series.values())
    steps = (1, 10) if top >= 200 else (1, 2, 5, 10)
    values = sorted({step * 10**power for power in range(6) for step in steps})
    return {"tickvals": values, "ticktext": [significant(value) for value in values]}


def _lines(
    series: Mapping[str, ArrayLike],
    x: np.ndarray,
    x_names: Sequence[str],
    title: str,
    axes: tuple[str, str, Unit, Unit],
    stages: Sequence[str],
    log_y: bool,
    mode: Mode,
    *,
    marks: bool,
    x_axis: Mapping[str, Any],
    y_axis: Mapping[str, Any],
) -> Figure:
    x_title, value_title, x_unit, unit = axes
    if len(stages) < len(series):
        raise ValueError(f"{len(series)} series, but {len(stages)} colours: name a stage for each.")
    traces = []
    for i, (name, values) in enumerate(series.items()):
        numbers = np.asarray(values, dtype=float)
        if numbers.shape != x.shape:
            raise ValueError(f"{name!r} has the shape {numbers.shape}, but x has {x.shape}: one value for each x is needed.")
        if log_y and np.nanmin(numbers, initial=np.inf) <= 0:
            raise ValueError(f"{name!r} goes down to {np.nanmin(numbers)}; a logarithmic axis needs values above 0.")
        tint = colour(stages[i], mode)
        traces.append(
            {
                "type": "scatter",
                "x": x,
                "y": numbers,
                "name": escape(name),
                "mode": "lines+markers" if marks else "lines",
                "line": {"color": tint, "width": 2, "dash": _DASHES[i % len(_DASHES)]},
                "marker": {"color": tint, "size": 6, "symbol": _MARKS[i % len(_MARKS)]},
                "customdata": [[escape(place), quantity(v, unit)] for place, v in zip(x_names, numbers, strict=True)],
                "hovertemplate": f"{escape(name)}<br>{escape(x_title)} %{{customdata[0]}}<br>"
                f"{escape(value_title)} <b>%{{customdata[1]}}</b><extra></extra>",
            }
        )
    ranges = "; ".join(f"{name} {value_range(values, unit)}" for name, values in series.items())
    kind = f"{x_title} from {x_names[0]} to {x_names[-1]}" if len(x_names) else f"no {x_title}"
    log = ", logarithmic" if log_y else ""
    return frame(
        traces,
        title=title,
        alt=f"Line chart: {title}. {kind}; {with_unit(value_title, unit)}{log}: {ranges}.",
        plot_height=280,
        legend=list(series) if len(series) > 1 else (),
        xaxis={"title": {"text": escape(with_unit(x_title, x_unit))}, "showgrid": False, **x_axis},
        yaxis={
            "title": {"text": escape(with_unit(value_title, unit) + log)},
            "type": "log" if log_y else "linear",
            **({"tickformat": PERCENT_TICKS} if unit == "%" and not log_y else {}),
            **y_axis,
        },
    )


def scatter_2d(
    points: ArrayLike,
    *,
    labels: Sequence[str],
    title: str,
    x_title: str,
    y_title: str,
    unit: Unit = "",
    named: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    stages: Mapping[str, str] | None = None,
    highlight: int | None = None,
    mode: Mode = "light",
) -> Figure:
    """Points [n, 2] with their labels beside them where there is room (up to 60; beyond that only in the hover).

    named: how the hover names each point, where the label alone is too little; groups: the name of each point's group, one colour
    and mark a group; stages: group -> stage; highlight: the point that is ringed and always labelled.
    Raises ValueError if points and labels differ in number.
    """
    at = np.asarray(points, dtype=float)
    if at.shape != (len(labels), 2):
        raise ValueError(f"The points are {at.shape}, but there are {len(labels)} labels: two numbers for each label are needed.")
    of_group = list(groups) if groups is not None else ["all"] * len(labels)
    texts = ["" if i == highlight else label for i, label in enumerate(labels)]
    traces = [
        _points(at, texts, labels if named is None else named, [i for i, g in enumerate(of_group) if g == name], name, k,
                (stages or {}).get(name, "embeddings"), (x_title, y_title, unit), mode)
        for k, name in enumerate(dict.fromkeys(of_group))
    ]  # fmt: skip
    if highlight is not None:
        dart = colour("dart", mode)  # of the label too, or in a crowd it might be a neighbour's
        ring = {"size": 17, "color": "rgba(0,0,0,0)", "line": {"width": 2, "color": dart}}
        # With its own label, which the drawing places before all others; with the name of its group, so that it goes with it.
        traces.append(
            {"type": "scatter", "x": at[[highlight], 0], "y": at[[highlight], 1], "name": escape(of_group[highlight]),
             "mode": "markers+text", "marker": ring, "text": [escape(labels[highlight])], **_LABEL,
             "textfont": {"size": 12, "color": dart}, "meta": {"always": True},
             "hoverinfo": "skip", "showlegend": False}
        )  # fmt: skip
    names = [escape(name) for name in dict.fromkeys(of_group)] if groups is not None else []
    span = f"{with_unit(x_title, unit)} {value_range(at[:, 0], unit)}, {with_unit(y_title, unit)} {value_range(at[:, 1], unit)}"
    return frame(
        traces,
        title=title,
        alt=f"Scatter plot: {title}. {len(labels)} points; {span}.",
        plot_height=420,
        legend=names,
        xaxis={"title": {"text": escape(with_unit(x_title, unit))}},
        yaxis={"title": {"text": escape(with_unit(y_title, unit))}},
    )


def _points(
    at: np.ndarray,
    texts: Sequence[str],
    named: Sequence[str],
    which: list[int],
    name: str,
    number: int,
    stage: str,
    axes: tuple[str, str, Unit],
    mode: Mode,
) -> Trace:
    x_title, y_title, unit = axes
    return {
        "type": "scatter",
        "x": at[which, 0],
        "y": at[which, 1],
        "name": escape(name),
        "mode": "markers+text" if len(texts) <= 60 else "markers",
        "text": [escape(texts[i]) for i in which],
        **_LABEL,
        "marker": {"size": 8, "color": colour(stage, mode), "symbol": _MARKS[number % len(_MARKS)]},
        "customdata": [[escape(named[i]), *(quantity(v, unit) for v in at[i])] for i in which],
        "hovertemplate": f"%{{customdata[0]}}<br>{escape(x_title)} <b>%{{customdata[1]}}</b>"
        f"<br>{escape(y_title)} <b>%{{customdata[2]}}</b><extra></extra>",
    }
