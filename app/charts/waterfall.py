"""A sum, term by term: each bar begins where the one before it ended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from app.charts.frame import Figure, frame, value_range
from app.charts.labels import Unit, escape, shorten, with_unit
from app.charts.theme import Mode, colour
from app.writing.numbers import counted, quantity

BAR = 0.74  # of a row


def waterfall(
    values: ArrayLike,
    *,
    labels: Sequence[str],
    stages: Sequence[str],
    kinds: Sequence[str],
    title: str,
    value_title: str,
    total_title: str,
    unit: Unit = "",
    label_title: str = "part",
    row_height: int = 22,
    mode: Mode = "light",
) -> Figure:
    """values [term], from the first at the top; below them their total as a bar of its own.

    stages, kinds: the colour of each term, and what the legend calls it; terms of one kind have one colour. Raises ValueError if
    there are not as many of each.
    """
    terms = np.asarray(values, dtype=float)
    if not len(terms) == len(labels) == len(stages) == len(kinds):
        raise ValueError(f"{len(terms)} values, but {len(labels)} labels, {len(stages)} stages and {len(kinds)} kinds.")
    ends = np.cumsum(terms)
    starts = np.concatenate([[0.0], ends[:-1]])
    rows = [
        *zip(labels, kinds, stages, starts, terms, strict=True),
        (total_title, total_title, "reference", 0.0, float(terms.sum())),
    ]
    traces = []
    for kind in dict.fromkeys(row[1] for row in rows):
        mine = [place for place, row in enumerate(rows) if row[1] == kind]
        lengths = np.array([rows[place][4] for place in mine])
        traces.append(
            {
                "type": "bar",
                "x": lengths,
                "base": np.array([rows[place][3] for place in mine]),
                "y": np.array(mine),
                "width": BAR,
                "orientation": "h",
                "name": escape(kind),
                "marker": {"color": colour(rows[mine[0]][2], mode)},
                "text": [quantity(length, unit) for length in lengths],
                "textposition": "outside",
                "textfont": {"size": 12},
                "cliponaxis": False,
                "customdata": [escape(rows[place][0]) for place in mine],
                "hovertemplate": f"{escape(label_title)} %{{customdata}}<br>{escape(value_title)} <b>%{{text}}</b><extra></extra>",
            }
        )
    reach = np.concatenate([[0.0], ends])
    room = 0.16 * (float(np.ptp(reach)) or 1.0)
    largest = int(np.abs(terms).argmax()) if len(terms) else 0
    alt = (
        f"Waterfall chart: {title}. {counted(len(terms), 'term')} add up to {quantity(float(terms.sum()), unit)}; "
        f"{with_unit(value_title, unit)} {value_range(terms, unit)}"
    )
    return frame(
        traces,
        title=title,
        alt=f"{alt}, the largest {labels[largest]} with {quantity(terms[largest], unit)}." if len(terms) else f"{alt}.",
        plot_height=max(80, len(rows) * row_height),
        legend=list(dict.fromkeys(row[1] for row in rows)),
        barmode="overlay",
        xaxis={
            "title": {"text": escape(with_unit(value_title, unit))},
            "range": [float(reach.min()) - room, float(reach.max()) + room],
        },
        yaxis={
            "tickangle": 0,
            "tickvals": list(range(len(rows))),
            "ticktext": [escape(shorten(row[0], 18)) for row in rows],
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    )
