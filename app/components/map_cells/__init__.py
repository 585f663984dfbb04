"""The exact values of a long map, row by row, where the pointer rests: the map itself travels as 8-bit levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from app import messages, state
from app.components import component, pack
from app.faults import fragment


@fragment
def exact_rows(map_key: str, stamp: int, n_rows: int, row_of: Callable[[int], ArrayLike]) -> None:
    """Answer what the map mounted under `map_key` asks: `row_of(row)` gives the exact values of a row.

    A fragment: a question runs these lines, not the page. stamp: of the values that the map shows; a question or an answer about
    other values is dropped.
    """
    key = f"{map_key}_cells"
    cell = messages.record(state.component_value(key, "cell"))
    row = messages.index(cell.get("row"), n_rows) if cell.get("stamp") == stamp else None
    values = np.asarray(() if row is None else row_of(row), dtype=np.float32)
    component("map_cells")(
        key=key, data=pack({"map": map_key, "stamp": stamp, "row": row}, values=values), on_cell_change=lambda: None
    )
