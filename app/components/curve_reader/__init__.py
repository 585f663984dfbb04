"""Curves that one reads off at a movable x, with mouse, finger or arrow keys; nothing waits for the server while x moves.

`app.charts.curve_reader` makes the same picture as a figure, for a file that works by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np

from app import messages, state
from app.charts.curve_reader import Curve, check_lengths
from app.charts.labels import escape, file_name
from app.charts.theme import SURFACES, Mode, blend, colour
from app.components import component, pack
from app.writing.numbers import significant


def curve_reader(
    curves: Mapping[str, Curve],
    x: np.ndarray,
    *,
    key: str,
    title: str,
    at: float,
    factor: float,
    factor_name: str,
    scaled: Collection[str],
    mode: Mode,
    on_let_go: Callable[[float, float], object],
) -> None:
    """Draw the curves over evenly spaced x. Solid: values; dotted: slopes; a line through both at `at`, and what it meets in numbers.

    scaled: the curves that are multiplied by `factor`, which has a slider of its own (-2 to 2) as long as one of them is drawn.
    on_let_go(at, factor): called when a slider is let go. Raises ValueError if a curve and x differ in length.
    """
    check_lengths(curves, x)
    surface = SURFACES[mode]
    header = {
        "title": escape(title),
        "alt": f"Line chart: {title}. Values (solid) and slopes (dotted) of {', '.join(curves)} for x from {significant(x[0])} to "
        f"{significant(x[-1])}; the slider below reads them out.",
        "name": file_name(title),
        "curves": [[escape(name), colour(curve.stage, mode), name in scaled] for name, curve in curves.items()],
        "low": float(x[0]),
        "step": float(x[1] - x[0]),
        "at": at,
        "factor": factor,
        "factor_name": factor_name,
        "colours": {
            "ink": surface["ink"],
            "paper": surface["paper"],
            "soft": blend(surface["ink"], surface["paper"], 0.7),
            "line": blend(surface["ink"], surface["paper"], 0.4),
        },
    }
    data = pack(header, values=_rows([c.values for c in curves.values()]), slopes=_rows([c.slopes for c in curves.values()]))

    def let_go() -> None:
        said = messages.record(state.component_value(key, "let_go"))
        place, times = messages.number(said.get("at"), float(x[0]), float(x[-1])), messages.number(said.get("factor"), -2, 2)
        if place is not None and times is not None:
            on_let_go(place, times)

    component("curve_reader")(key=key, data=data, on_let_go_change=let_go)


def _rows(values: list[np.ndarray]) -> np.ndarray:
    return np.array(values, dtype=np.float32)
