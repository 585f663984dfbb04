"""Two settings over the same logits: the sliders of both, and between them one figure of what either draws from.

As in the panel of the next token, a drag redraws in the browser over the whole vocabulary, and Python hears of it at its end. The
logits travel once a text, and what a slider changes by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from app.components import component, pack
from app.components.choice import let_go
from app.components.figure import spec
from app.components.vocabulary import shelve
from gptcore.sampling import SamplingSettings, Selection

if TYPE_CHECKING:
    from app.charts import Figure


def two_settings(
    selections: tuple[Selection, Selection],
    figure: Figure,
    *,
    key: str,
    name: str,
    labels: Sequence[str],
    headings: tuple[str, str],
    on_let_go: tuple[Callable[[SamplingSettings], object], Callable[[SamplingSettings], object]],
) -> None:
    """Draw both choices, made from the same logits.

    figure: bars of the best candidates, a series each in the order of the selections, whose numbers the browser replaces while a
    slider moves; name: file name of its pictures; labels: texts of the best candidates; on_let_go: called with the settings of one
    side when one of its sliders is let go.
    """
    logits = selections[0].logits.astype(np.float32)
    mark = hashlib.blake2s(logits.tobytes(), digest_size=8).hexdigest()
    shelve(f"{key}:logits", {"mark": mark}, key=f"{key}_logits", logits=logits)
    said = {
        "mark": mark,
        "u": selections[0].u,
        "settings": [asdict(choice.settings) for choice in selections],
        "headings": list(headings),
        "labels": list(labels),
        "figure": {"name": name, **spec(figure)},
    }
    shelve(f"{key}:said", said, key=f"{key}_said")

    def heard(event: str, told: Callable[[SamplingSettings], object]) -> Callable[[], None]:
        def callback() -> None:
            if settings := let_go(key, event):
                told(settings)

        return callback

    first, second = on_let_go
    component("two_settings")(
        key=key, data=pack({"key": key}), on_first_change=heard("first", first), on_second_change=heard("second", second)
    )
