"""The simple kinds of figure, drawn in place as SVG: plotly mounts a figure anew, and draws it twice, whenever its data change.

What is drawn is what the builders in app.charts make, in plotly's terms; plotly exports the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from app.components import component, pack

if TYPE_CHECKING:
    from app.charts import Figure

DIGITS = 7  # of a number on its way to the browser: more than any screen shows

Known = type | dict[str, "Known"] | list["Known"]


def _any(names: str) -> dict[str, Known]:
    return dict.fromkeys(names.split(), object)


_LINE = _any("color width dash")
_MARKER: Known = {**_any("size symbol opacity cornerradius"), "color": str, "line": _LINE}
_TEXT: dict[str, Known] = {**_any("text textposition cliponaxis customdata hovertemplate"), "textfont": _any("size family color")}
_SERIES: dict[str, Known] = {**_any("type name x y hoverinfo showlegend"), **_TEXT, "marker": _MARKER}
# What this component draws, by the names of plotly: a type, or what is known inside; every item of a list is alike.
TRACES: dict[str, Known] = {
    "bar": {**_SERIES, **_any("orientation width base"), "error_x": _any("type array color thickness width")},
    "scatter": {**_SERIES, **_any("mode"), "meta": _any("always"), "line": {**_LINE, "simplify": bool}},
    "heatmap": _any("type z text customdata hovertemplate hoverongaps colorscale zmin zmax colorbar xgap ygap"),
}
_AXIS = _any(
    "title type range autorange rangemode fixedrange showgrid zeroline nticks dtick tickvals ticktext tickangle "
    "tickformat exponentformat"
)
LAYOUT: dict[str, Known] = {
    **_any("title height margin meta showlegend bargap bargroupgap plot_bgcolor barmode"),
    "legend": _any("y yanchor"),
    "xaxis": _AXIS,
    "yaxis": _AXIS,
    "shapes": [{**_any("type x0 x1 y0 y1 xref yref opacity layer fillcolor"), "line": _LINE}],
    "annotations": [_any("text font x y xref yref xanchor yanchor xshift yshift showarrow align")],
}


def can_draw(figure: Figure) -> bool:
    """Whether the component knows everything that the figure says. What it does not know is left to plotly."""
    layout, traces = figure.layout, figure.data
    piled = layout.get("barmode") in {"stack", "relative"}
    arrows = any(note.get("showarrow", True) for note in layout.get("annotations", ()))
    known = all(trace["type"] in TRACES and _knows(trace, TRACES[trace["type"]]) for trace in traces)
    return bool(traces) and known and _knows(layout, LAYOUT) and not piled and not arrows


def _knows(value: Any, known: Known) -> bool:
    if isinstance(known, dict):
        return all(name in known and _knows(inner, known[name]) for name, inner in value.items())
    if isinstance(known, list):
        return all(_knows(inner, known[0]) for inner in value)
    return isinstance(value, known)


def spec(figure: Figure) -> dict[str, Any]:
    """The figure as plotly writes it, {"data": [...], "layout": {...}}, with plain lists of numbers.

    Whole numbers stay, others are rounded to `DIGITS` digits; what is not finite becomes None.
    """
    return {"data": _plain(figure.data), "layout": _plain(figure.layout)}


def figure(drawn: Figure, *, key: str, name: str) -> None:
    """Draw a figure that `draws` says yes to. name: file name of the pictures that a visitor saves, without ending."""
    component("figure")(key=key, data=pack({"name": name, **spec(drawn)}), height=drawn.layout["height"])


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
