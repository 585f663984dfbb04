"""The seven steps of generation as a rail of buttons, each with its figure for the step in view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app import messages
from app.components import component, pack


@dataclass(frozen=True)
class RailStation:
    """One step of the rail: its name, its figure for this sequence, and the stage whose colour it has."""

    name: str
    figure: str
    stage: str


def rail(stations: Sequence[RailStation], *, key: str, selected: int, on_select: Callable[[int], None]) -> None:
    """Draw the rail; `on_select(index)` is called when a station is clicked."""
    data = pack({"stations": [[s.name, s.figure, s.stage] for s in stations], "selected": selected})

    def changed() -> None:
        from app import state  # here, since the value of a component is session state

        if (index := messages.index(state.component_value(key, "select"), len(stations))) is not None:
            on_select(index)

    component("rail")(key=key, data=data, on_select_change=changed)
