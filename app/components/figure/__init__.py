"""The simple kinds of figure, drawn in place as SVG: plotly mounts a figure anew, and draws it twice, whenever its data change.

What is drawn is the plotly figure that the builders in app.charts make; it stays what is tested and exported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from app.components import component, pack

if TYPE_CHECKING:
    import plotly.graph_objects as go

DIGITS = 7  # of a number on its way to the browser: more than any screen shows

_COMMON = "type name x y text textfont textposition customdata hovertemplate hoverinfo showlegend cliponaxis marker"
# What this component draws: of each kind of trace, of the layout and of its axes, the attributes that it knows.
TRACES = {
    "bar": {*_COMMON.split(), "orientation", "width", "error_x"},
    "scatter": {*_COMMON.split(), "mode", "line"},
    "heatmap": set("type z text customdata hovertemplate hoverongaps colorscale zmin zmax colorbar xgap ygap".split()),
}
LAYOUT = set(
    "template title height margin meta showlegend xaxis yaxis barmode bargap bargroupgap shapes annotations plot_bgcolor".split()
)
AXIS = set(
    "title type range autorange rangemode fixedrange automargin showgrid zeroline nticks dtick tickvals ticktext tickangle "
    "tickformat exponentformat".split()
)


def draws(figure: go.Figure) -> bool:
    """Whether the component knows everything that the figure says. What it does not know is left to plotly."""
    layout = figure.layout.to_plotly_json()
    known = all(set(trace.to_plotly_json()) <= TRACES.get(trace.type, set()) for trace in figure.data)
    axes = all(set(layout.get(axis, {})) <= AXIS for axis in ("xaxis", "yaxis"))
    return bool(figure.data) and known and axes and set(layout) <= LAYOUT and layout.get("barmode") not in {"stack", "relative"}


def spec(figure: go.Figure) -> dict[str, Any]:
    """The figure as plotly writes it, {"data": [...], "layout": {...}}, without its template and with plain lists of numbers.

    Whole numbers stay, others are rounded to `DIGITS` digits; what is not finite becomes None.
    """
    layout = figure.layout.to_plotly_json()
    layout.pop("template", None)
    return {"data": [_plain(trace.to_plotly_json()) for trace in figure.data], "layout": _plain(layout)}


def figure(drawn: go.Figure, *, key: str, name: str) -> None:
    """Draw a figure that `draws` says yes to. name: file name of the pictures that a visitor saves, without ending."""
    component("figure")(key=key, data=pack({"name": name, **spec(drawn)}), height=int(drawn.layout.height))


def drawing() -> None:
    """Hand the code that draws to the browser, once a run, before or after the figures."""
    component("figure_drawing")(key="figure_drawing", data={})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _numbers(value) if value.dtype.kind == "f" else value.tolist()
    if isinstance(value, list | tuple):
        return value if all(type(inner) is str for inner in value) else [_plain(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return _numbers(np.asarray(value))
    return value.item() if isinstance(value, np.generic) else value


def _numbers(values: np.ndarray) -> Any:
    """As (nested) lists, shortened in one go: a call a number would take as long as all the rest."""
    exact = values.astype(float)
    with np.errstate(all="ignore"):  # 0 and what is not finite have no digits to count
        places = np.nan_to_num(DIGITS - 1 - np.floor(np.log10(np.abs(exact))), posinf=0, neginf=0)
        up, down = 10.0 ** np.clip(places, 0, 300), 10.0 ** np.clip(-places, 0, 300)
        short = np.where(exact == np.rint(exact), exact, np.rint(exact * up / down) / up * down)  # up or down is 1
    finite = np.isfinite(short)
    kept: Any = short if finite.all() else np.where(finite, short.astype(object), np.array(None))
    return kept.tolist()
