"""What every figure shares: title, height, room for the legend, and the sentence a screen reader reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.charts.labels import Unit, escape, wrapped
from app.writing.numbers import quantity

if TYPE_CHECKING:
    import plotly.graph_objects as go

TITLE_LINE, LEGEND_LINE, AXIS_ROOM, BAR_ROOM = 21, 26, 52, 40  # pixels
TALL = 270  # pixels of a plot under which a legend might be out of sight; then it stands above

Trace = dict[str, Any]  # as plotly writes one, with its "type"


@dataclass
class Figure:
    """A figure in plotly's terms, as plain dictionaries: to make and to check plotly's own object takes longer than all the rest,
    and the page draws most figures without plotly."""

    data: list[Trace]
    layout: dict[str, Any]

    def plotly(self) -> go.Figure:
        """As plotly's own object, still without a template. Raises ValueError for what plotly does not know."""
        import plotly.graph_objects as go
        import plotly.io as pio

        # Or a default would be copied into every figure; Streamlit sets its own when it hands plotly the first one.
        pio.templates.default = None
        return go.Figure(self.data, self.layout)


def frame(
    traces: Iterable[Trace],
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
) -> Figure:
    """A figure as wide as its container and as high as `plot_height` plus title, legend and what stands `below` the plot.

    title and subtitle are plain text; legend: the names in it, for which room is kept below
    the figure, or above a tall one; alt goes to layout["meta"]["alt"].
    """
    heading = wrapped(title)
    if subtitle:
        heading += f'<br><span style="font-size:13px;font-weight:400">{escape(subtitle)}</span>'
    lines = heading.count("<br>") + 1
    top = 16 + TITLE_LINE * lines
    room, above = LEGEND_LINE * _legend_lines(legend) if legend else 0, plot_height > TALL
    height = top + plot_height + below + room
    if legend and above:
        layout["legend"] = {"yanchor": "top", "y": 1 - top / height}
    return Figure(
        list(traces),
        {
            "title": {"text": heading, "y": 1, "yanchor": "top", "pad": {"t": 6 if lines == 1 else 18, "l": 2}},
            "height": height,
            "margin": {"t": top + above * room, "b": below + (not above) * room},
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
