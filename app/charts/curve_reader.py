"""Curves that one reads off at a movable x: values and slopes, moved by a slider inside the figure, as a file that works by itself.

On the page stands components/curve_reader, which a keyboard moves as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from app.charts.frame import AXIS_ROOM, Figure, Trace, frame
from app.charts.labels import escape
from app.charts.theme import SURFACES, Mode, blend, colour
from app.writing.numbers import fixed, significant

READOUT_LINE, SLIDER_ROOM, PLOT_HEIGHT = 22, 60, 320  # pixels


class Curve(NamedTuple):
    """values and slopes, each [x]; stage: the colour."""

    values: np.ndarray
    slopes: np.ndarray
    stage: str


def check_lengths(curves: Mapping[str, Curve], x: np.ndarray) -> None:
    """Raises ValueError if a curve and x differ in length."""
    lengths = {name: (len(c.values), len(c.slopes)) for name, c in curves.items() if not len(c.values) == len(c.slopes) == len(x)}
    if lengths:
        raise ValueError(f"x has {len(x)} points, but the values and slopes of {lengths}; give one of each for every x.")


def curve_reader(curves: Mapping[str, Curve], x: np.ndarray, *, at: int, title: str, mode: Mode = "light") -> Figure:
    """Solid: the value of each curve; dotted: its slope. The slider moves a line over them, and the lines of text above the plot
    say what it meets; they serve as the legend too. `at`: the index in x where it stands at first.

    Because the figure carries every position of the slider, it works in the stand-alone export as well.
    Raises ValueError if a curve and x differ in length.
    """
    check_lengths(curves, x)
    lines = [trace for name, curve in curves.items() for trace in _lines(name, curve, x, mode)]
    colours = [colour(curve.stage, mode) for curve in curves.values()]
    markers = [_markers(colours, "circle"), _markers(colours, "diamond-open")]
    moved = [_readings(curves, x, i) for i in range(len(x))]
    for marker, xs, ys in zip(markers, moved[at]["x"], moved[at]["y"], strict=True):
        marker |= {"x": xs, "y": ys}
    steps = [_step(curves, x, i, moved[i], len(lines)) for i in range(len(x))]
    names = ", ".join(f"{name} ({text})" for name, text in zip(curves, _texts(curves, at), strict=True))
    figure = frame(
        [*lines, *markers],
        title=title,
        alt=f"Line chart: {title}. Values (solid) and slopes (dotted) for x from {significant(x[0])} to {significant(x[-1])}; "
        f"at x = {significant(x[at])}: {names}.",
        plot_height=PLOT_HEIGHT,
        xaxis={"title": {"text": "x"}, "range": [x[0], x[-1]], "fixedrange": True},
        yaxis={"title": {"text": "value (solid), slope (dotted)"}, "fixedrange": True},
        shapes=[_upright(x[at], mode)],
        annotations=_readouts(curves, at, mode),
    )
    return _with_slider(figure, steps, at, len(curves), mode)


def _lines(name: str, curve: Curve, x: np.ndarray, mode: Mode) -> list[Trace]:
    tint = colour(curve.stage, mode)

    def line(values: np.ndarray, what: str, style: dict[str, Any]) -> Trace:
        return {
            "type": "scatter",
            "x": x,
            "y": values,
            "name": escape(f"{what} of {name}"),
            "mode": "lines",
            "line": {"color": tint, "simplify": False, **style},
            "hovertemplate": f"{escape(name)}<br>x %{{x:.3~f}}<br>{what} <b>%{{y:.3~f}}</b><extra></extra>",
        }

    return [line(curve.values, "value", {"width": 2.5}), line(curve.slopes, "slope", {"width": 1.5, "dash": "dot"})]


def _markers(colours: Sequence[str], symbol: str) -> Trace:
    mark = {"size": 9, "symbol": symbol, "color": colours, "line": {"width": 2}}
    return {"type": "scatter", "mode": "markers", "marker": mark, "hoverinfo": "skip"}


def _readings(curves: Mapping[str, Curve], x: np.ndarray, index: int) -> dict[str, list[list[float]]]:
    """Where the two marker traces stand at x[index]; rounded, since one such dictionary a step travels to the browser."""
    values = [round(float(curve.values[index]), 4) for curve in curves.values()]
    slopes = [round(float(curve.slopes[index]), 4) for curve in curves.values()]
    return {"x": [[round(float(x[index]), 4)] * len(values)] * 2, "y": [values, slopes]}


def _texts(curves: Mapping[str, Curve], index: int) -> list[str]:
    return [f"value {fixed(c.values[index], 3)}, slope {fixed(c.slopes[index], 3)}" for c in curves.values()]


def _step(curves: Mapping[str, Curve], x: np.ndarray, index: int, moved: dict[str, Any], first_marker: int) -> dict[str, Any]:
    place = round(float(x[index]), 4)
    layout: dict[str, Any] = {"shapes[0].x0": place, "shapes[0].x1": place}
    for i, (name, text) in enumerate(zip(curves, _texts(curves, index), strict=True)):
        layout[f"annotations[{i}].text"] = _readout(name, text)
    return {"method": "update", "label": fixed(place, 2), "args": [moved, layout, [first_marker, first_marker + 1]]}


def _readout(name: str, text: str) -> str:
    return f"<b>{escape(name)}</b>  {escape(text)}"


def _readouts(curves: Mapping[str, Curve], at: int, mode: Mode) -> list[dict[str, Any]]:
    """One line of text a curve, between the title and the plot."""
    texts = _texts(curves, at)
    return [
        {
            "text": _readout(name, texts[i]),
            "font": {"color": colour(curve.stage, mode), "size": 14},
            "xref": "paper",
            "x": 0,
            "xanchor": "left",
            "yref": "paper",
            "y": 1,
            "yanchor": "bottom",
            "yshift": READOUT_LINE * (len(curves) - 1 - i) + 8,
            "showarrow": False,
            "align": "left",
        }
        for i, (name, curve) in enumerate(curves.items())
    ]


def _upright(place: float, mode: Mode) -> dict[str, Any]:
    soft = blend(SURFACES[mode]["ink"], SURFACES[mode]["paper"], 0.45)
    return {"type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": soft, "width": 1}}


def _with_slider(figure: Figure, steps: list[dict[str, Any]], at: int, n_curves: int, mode: Mode) -> Figure:
    """The slider below the plot, and room for it and for the readouts."""
    surface = SURFACES[mode]
    top = figure.layout["margin"]["t"] + READOUT_LINE * n_curves + 6
    slider = {
        "steps": steps,
        "active": at,
        "currentvalue": {"prefix": "x = ", "xanchor": "left", "font": {"size": 15, "color": surface["ink"]}},
        "pad": {"t": AXIS_ROOM - 12},
        "len": 1,
        "x": 0,
        "ticklen": 0,
        "minorticklen": 0,
        "font": {"size": 1, "color": "rgba(0,0,0,0)"},  # a label a step would be 161 labels
        "bgcolor": surface["card"],
        "activebgcolor": colour("feed_forward", mode),
        "bordercolor": blend(surface["ink"], surface["paper"], 0.45),
        "borderwidth": 1,
        "transition": {"duration": 0},
    }
    bottom = AXIS_ROOM + SLIDER_ROOM
    figure.layout |= {"sliders": [slider], "margin": {"t": top, "b": bottom}, "height": top + PLOT_HEIGHT + bottom}
    return figure
