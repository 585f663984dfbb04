"""The sequence as chips: prompt, chosen tokens coloured by their probability, the ghost tail, and the place of the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.components import component, pack


@dataclass(frozen=True)
class Chip:
    """One token as a chip. text: visible form; kind: "prompt", "chosen", "ghost" or "next"; probability: at temperature 1, None
    where nothing predicted it."""

    id: int
    text: str
    kind: str
    probability: float | None = None


def timeline(
    chips: Sequence[Chip], *, key: str, position: int | None, on_pick: Callable[[int], None], compact: bool = False
) -> None:
    """Draw the chips; `on_pick(index)` is called with the index of a chip that was clicked.

    position: the chip in focus; compact: the narrow form of the sidebar, which scrolls in its own box.
    """
    data = pack(
        {
            "chips": [[c.id, c.text, c.kind, c.probability] for c in chips],
            "position": position,
            "compact": compact,
        }
    )

    def picked() -> None:
        from app import state  # here, since the value of a component is session state

        index = state.component_value(key, "pick")
        if isinstance(index, int) and 0 <= index < len(chips):
            on_pick(index)

    component("timeline")(key=key, data=data, on_pick_change=picked)
