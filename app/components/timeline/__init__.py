"""The sequence as chips: prompt, chosen tokens coloured by their probability, and the place of the next one.

The same sequence stands as prose in the sentence bar and as chips on the page. It travels once: the bar's timeline puts what it was
given on the browser's shelf (shelf.js), and one that shows the same is only told its mark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from app import messages
from app.components import component, pack

_LAST_MARK = "timeline_mark"  # of what the sentence bar shows


@dataclass(frozen=True)
class Chip:
    """One token as a chip. text: visible form; kind: "prompt", "chosen" or "next"; probability: at temperature 1, None
    where nothing predicted it; says: how the next token was chosen, in one word."""

    id: int
    text: str
    kind: str
    probability: float | None = None
    says: str = ""


def timeline(
    chips: Sequence[Chip], *, key: str, position: int | None, on_pick: Callable[[int], None], prose: bool = False
) -> None:
    """Draw the chips; `on_pick(index)` is called with the index of a chip that was clicked.

    position: the chip in focus; prose: as running text instead of chips, drawn before any other.
    """
    from app import state  # here, since the value of a component is session state

    header, arrays = _said(chips, position)
    mark = hashlib.blake2s(pack(header, **arrays), digest_size=8).hexdigest()
    known = not prose and state.remembered(_LAST_MARK, None) == mark
    if prose:
        state.remember(_LAST_MARK, mark)
    how = {"mark": mark, "prose": prose}
    data = pack(how) if known else pack({**how, **header}, **arrays)

    def picked() -> None:
        if (index := messages.index(state.component_value(key, "pick"), len(chips))) is not None:
            on_pick(index)

    component("timeline")(key=key, data=data, on_pick_change=picked)


def _said(chips: Sequence[Chip], position: int | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What is drawn: texts, runs of one kind, the chip in focus; ids and probabilities, -1 where there is none."""
    header = {
        "texts": [chip.text for chip in chips],
        "kinds": [[kind, len(list(run))] for kind, run in groupby(chip.kind for chip in chips)],
        "position": position,
        "says": chips[-1].says if chips else "",
    }
    probabilities = [-1.0 if chip.probability is None else chip.probability for chip in chips]
    return header, {
        "ids": np.array([chip.id for chip in chips], np.int32),
        "probabilities": np.array(probabilities, np.float32),
    }
