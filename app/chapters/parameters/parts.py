"""The parts of the parameters page, in their order."""

from __future__ import annotations

from collections.abc import Callable

from app import ui
from app.chapters.parameters import controls, sections, weights
from app.chapters.parameters.controls import Counted
from app.runtime import Here


def _of_the_preset(draw: Callable[[Counted, Here], None]) -> Callable[[Here], None]:
    def drawn(here: Here) -> None:
        controls.preset(here)
        draw(controls.counted_now(here), here)

    return drawn


def _configuration(here: Here) -> None:
    controls.preset(here)
    sections.what_follows(controls.controls(here), here)


PARTS: ui.Parts = {
    "where": ("Where they sit", _of_the_preset(sections.where)),
    "weights": ("The loaded weights", weights.loaded_weights),
    "memory": ("Memory", _of_the_preset(sections.memory)),
    "work": ("FLOPs per token", _of_the_preset(sections.work)),
    "configuration": ("Any configuration", _configuration),
}
