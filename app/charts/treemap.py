"""A treemap: how a whole is made of parts, and these of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.charts.frame import Figure, frame
from app.charts.labels import Unit, escape
from app.charts.theme import SURFACES, Mode, blend, colour
from app.writing.numbers import percent


@dataclass(frozen=True)
class Area:
    """id is unique; parent is the id of the part that holds this one ("" for the whole); value counts everything inside it."""

    id: str
    label: str
    parent: str
    value: int
    stage: str = "residual"


LEAST_NAMED = 0.02  # share of the whole; a smaller area has its name on hover, for letters that fit it could not be read


def treemap(parts: Sequence[Area], *, title: str, unit: Unit, mode: Mode = "light") -> Figure:
    """Areas in proportion to the values; a click goes into a part and back.

    Raises ValueError if there is not exactly one whole, an id occurs twice, or a parent is not among the ids.
    """
    ids = {part.id for part in parts}
    roots = [part for part in parts if not part.parent]
    strays = sorted({part.parent for part in parts if part.parent} - ids)
    if len(roots) != 1 or len(ids) < len(parts) or strays:
        raise ValueError(
            f"A treemap needs one whole, ids that differ and parents that exist; here are {len(roots)} wholes, "
            f"{len(parts) - len(ids)} repeated ids and the unknown parents {strays}."
        )
    whole = roots[0]
    paper = SURFACES[mode]["paper"]
    trace = {
        "type": "treemap",
        "ids": [part.id for part in parts],
        "labels": [escape(part.label) for part in parts],
        "parents": [part.parent for part in parts],
        "values": [part.value for part in parts],
        "branchvalues": "total",
        "marker": {
            # Strong enough to tell the stages apart, quiet enough for dark (or light) text on them.
            "colors": [blend(colour(part.stage, mode), paper, 0.3 if part.parent else 0.1) for part in parts],
            "line": {"width": 1.5, "color": paper},
            "pad": {"t": 24, "l": 3, "r": 3, "b": 3},
            "cornerradius": 3,
        },
        "textfont": {"color": SURFACES[mode]["ink"], "size": 13},
        "text": [percent(part.value / whole.value) for part in parts],
        "customdata": [f"{part.value:,} {unit}" for part in parts],
        "texttemplate": ["%{label}<br>%{text}" if part.value / whole.value >= LEAST_NAMED else " " for part in parts],
        "hovertemplate": "%{label}<br><b>%{customdata}</b>, %{text} of the whole<extra></extra>",
        "pathbar": {"visible": True, "thickness": 24, "textfont": {"color": SURFACES[mode]["ink"], "size": 13}},
        "tiling": {"pad": 2},
    }
    children = sorted((part for part in parts if part.parent == whole.id), key=lambda part: -part.value)
    shares = ", ".join(f"{part.label} {percent(part.value / whole.value)}" for part in children)
    alt = f"Treemap: {title}. {whole.label}: {whole.value:,} {unit}; {shares}."
    return frame([trace], title=f"{title} ({unit})", alt=alt, plot_height=420, below=8)
