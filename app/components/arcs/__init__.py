"""A text as chips in lines, and from the token in focus an arc to each earlier token that it attends to, as thick as its weight.

A click on a token goes to Python, and its arcs come back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app import messages, state
from app.components import component, pack

WORTH_AN_ARC = 0.02  # of the weight; smaller ones are shades alone
WORTH_A_NUMBER = 0.05


def arcs(
    tokens: Sequence[str],
    weights: np.ndarray,
    *,
    query: int,
    label: str,
    key: str,
    on_pick: Callable[[int], object],
    first: int = 0,
    predicted: tuple[str, float] | None = None,
) -> None:
    """Draw the text and one row of attention weights.

    tokens: visible texts, those from `first` on where a text is long; weights: of the query on each of its keys [query + 1];
    label: what is seen, for a screen reader; predicted: the likeliest next token and its probability, drawn after the newest;
    on_pick(position) is called with the position of a token that was clicked.
    """

    def picked() -> None:
        index = messages.index(state.component_value(key, "pick"), len(tokens))
        if index is not None:
            on_pick(first + index)

    row = np.asarray(weights, np.float32)[first:]
    header = {
        "tokens": list(tokens),
        "first": first,
        "query": query - first,
        "label": label,
        "predicted": predicted,
        "arc": WORTH_AN_ARC,
        "number": WORTH_A_NUMBER,
    }
    component("arcs")(key=key, data=pack(header, weights=row), on_pick_change=picked)
