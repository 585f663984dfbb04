"""Vectors as strips of colour, one under the other, with the way from one to the next drawn beside them.

What is pointed at stays in the browser. A click on a name goes to Python.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from app import messages
from app.charts import Scale
from app.components import component, pack


@dataclass(frozen=True, eq=False)
class Strip:
    """One vector. name, below: its two lines; stage: its colour; figures: one for each column; values [n], drawn from -limit to limit;
    place: "spine" for the residual stream, "branch" for a part beside it, "sum" for the ring where both meet, "" without a way;
    page: where its name leads, as the caller reads it, None for nowhere; gone: which values dropout zeroed (drawn as a mark), counted:
    what one value is; scale: "attention" for weights, from 0."""

    name: str
    below: str
    stage: str
    figures: Sequence[str]
    values: np.ndarray
    limit: float
    place: str = ""
    page: str | None = None
    gone: np.ndarray | None = None
    counted: str = "dimension"
    scale: Scale = "signed"


def block_path(
    strips: Sequence[Strip],
    *,
    key: str,
    title: str,
    columns: Sequence[str],
    pages: Collection[str],
    pointed: int = 0,
) -> str | None:
    """Draw the strips; where the name that was clicked leads, None if none was.

    title: for a screen reader and the picture file; columns: names of the figures; pages: where names may lead; pointed: the
    value that is read out at first.
    """
    rows = [
        [s.name, s.below, s.stage, list(s.figures), s.limit, s.place, s.page if s.page in pages else None, s.counted, s.scale]
        for s in strips
    ]
    arrays = {f"values{i}": np.asarray(s.values, np.float32) for i, s in enumerate(strips)}
    arrays |= {f"gone{i}": s.gone.astype(np.uint8) for i, s in enumerate(strips) if s.gone is not None}
    header = {"rows": rows, "columns": list(columns), "title": title, "pointed": pointed}
    result = component("block_path")(key=key, data=pack(header, **arrays), on_open_change=lambda: None)
    return messages.one_of(result.open, pages)
