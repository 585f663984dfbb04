"""What every figure shares: title, height, room for the legend, and the sentence a screen reader reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
from plotly.basedatatypes import BaseTraceType

from app.charts.labels import Unit, escape, quantity, wrapped

TITLE_LINE, LEGEND_LINE, AXIS_ROOM, BAR_ROOM = 21, 26, 52, 40  # pixels

Trace = dict[str, Any]  # as plotly writes one, with its "type"; an object of plotly's would be made, and checked, twice


def frame(
    traces: Iterable[Trace | BaseTraceType],
    *,
    title: str,
    alt: str,
    plot_height: int,
    subtitle: str = "",
    below: int = AXIS_ROOM,
    xaxis: dict[str, Any] | None = None,
    yaxis: dict[str, Any] | None = None,
    legend: Sequence[str] = (),
    **layout: Any,
) -> go.Figure:
    """A figure as wide as its container and as high as `plot_height` plus title, legend and what stands `below` the plot; still
    without its template (see theme.dressed).

    title and subtitle are plain text; legend: the names in it, below the figure, for which room is kept; alt goes to layout.meta["alt"].
    """
    heading = wrapped(title)
    if subtitle:
        heading += f'<br><span style="font-size:13px;font-weight:400">{escape(subtitle)}</span>'
    lines = heading.count("<br>") + 1
    top = 16 + TITLE_LINE * lines
    bottom = below + (LEGEND_LINE * _legend_lines(legend) if legend else 0)
    # Or a default would be copied into every figure; Streamlit sets its own when it hands plotly the first one.
    pio.templates.default = None
    # All at once: each later update of a layout takes as long as the whole figure.
    return go.Figure(
        list(traces),
        {
            "title": {"text": heading, "y": 1, "yanchor": "top", "pad": {"t": 6 if lines == 1 else 18, "l": 2}},
            "height": top + plot_height + bottom,
            "margin": {"t": top, "b": bottom},
            "showlegend": bool(legend),
            "meta": {"alt": alt},
            "xaxis": xaxis or {},
            "yaxis": yaxis or {},
            **layout,
        },
    )


def _legend_lines(names: Sequence[str], room: int = 42) -> int:
    """Lines that the names take on a phone, about 42 characters wide, each name with its mark."""
    lines, used = 1, 0
    for name in names:
        if used and used + len(name) + 6 > room:
            lines, used = lines + 1, 0
        used += len(name) + 6
    return lines


def value_range(values: Any, unit: Unit) -> str:
    """ "from 0.0 % to 97.1 %" of all finite values, for alt texts."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return "without values"
    return f"from {quantity(finite.min(), unit)} to {quantity(finite.max(), unit)}"
