"""The parts of the feed-forward page, in their order."""

from __future__ import annotations

from collections.abc import Callable

from app import ui
from app.chapters.feed_forward import activations, sections
from app.runtime import Here
from gptcore.activations import FeedForwardActivations


def _of_the_token(draw: Callable[[Here, FeedForwardActivations], None]) -> Callable[[Here], None]:
    def drawn(here: Here) -> None:
        ui.layer_and_token(here)
        draw(here, here.trace.feed_forward(here.layer, (here.position,)))

    return drawn


PARTS: ui.Parts = {
    "steps": ("Expand, activate, project", _of_the_token(sections.widen_bend_narrow)),
    "activations": ("This token's activations", _of_the_token(sections.before_and_after_gelu)),
    "functions": ("GELU and other activations", lambda _: activations.comparison()),
    "neurons": ("The strongest neurons", _of_the_token(sections.strongest_neurons)),
}
