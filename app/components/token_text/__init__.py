"""A text as chips that stand together as they do in the words: what is pointed at is explained above, a shade says how much.

What is pointed at stays in the browser. A click, or Enter, goes to Python. The chips travel by themselves and once, so that another
token in focus does not send them again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app import messages, state
from app.components import component, pack
from app.components.vocabulary import shelve

Facts = Sequence[str]


@dataclass(frozen=True)
class TextChip:
    """One token. text: its visible form; group: chips of one group stand close together; facts: the lines that explain it, each a
    sequence of parts: plain words and, at every second place, the text of a token.

    note: a small second line, such as the id; shade: from 0 to 1, None for no colour; kind: "" for text that was cut, "chosen" for
    a token that the model chose, "start" for the start token.
    """

    text: str
    group: int
    facts: Sequence[Facts]
    note: str = ""
    shade: float | None = None
    kind: str = ""


def token_text(
    chips: Sequence[TextChip],
    *,
    key: str,
    label: str,
    hint: str,
    focus: int | None = None,
    legend: tuple[str, str] | None = None,
    on_pick: Callable[[int], object] | None = None,
) -> None:
    """Draw the chips; `on_pick(index)` is called with the index of one that was clicked.

    label: what the list is, for a screen reader and as the file name of the picture; hint: stands where the facts will;
    focus: the chip that is ringed and explained at first; legend: what shade 0 and shade 1 mean.
    """
    listed = [[c.text, c.group, [list(line) for line in c.facts], c.note, c.shade, c.kind] for c in chips]
    stamp = zlib.crc32(json.dumps(listed).encode())
    values = f"{key}:chips"
    shelve(values, {"stamp": stamp, "chips": listed}, key=f"{key}_values")
    header = {"values": values, "stamp": stamp, "label": label, "hint": hint, "focus": focus, "legend": legend}

    def picked() -> None:
        index = messages.index(state.component_value(key, "pick"), len(chips))
        if on_pick and index is not None:
            on_pick(index)

    component("token_text")(key=key, data=pack(header), on_pick_change=picked)
