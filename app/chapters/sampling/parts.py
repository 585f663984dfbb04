"""The parts of the sampling page, in their order, and whose logits they show."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import choices, state, ui
from app.chapters.sampling import greedy, sections, views
from app.chapters.sampling.views import Given
from app.runtime import Here

SOURCES = {"live": "The next token of your text", "nine_words": "The nine-word example"}


def _of_logits(draw: Callable[[Given], None]) -> Callable[[Here], None]:
    def drawn(here: Here) -> None:
        source = st.segmented_control(
            "Which logits", list(SOURCES), format_func=lambda name: SOURCES[name], required=True, wrap=True,
            **state.choice(choices.SAMPLING_LOGITS),
        )  # fmt: skip
        example = source == "nine_words"
        given = views.nine_words() if example else views.live(here.run)
        newest = f"newest of {len(here.ids):,} tokens" if len(here.ids) > 1 else "only token"
        ui.note(
            "The words that may follow “every effort moves you”, with published logits. No model is involved."
            if example
            else f"The logits for the token after {here.tokens[-1]}, the {newest}."
        )
        draw(given)

    return drawn


PARTS: ui.Parts = {
    "settings": ("Two settings side by side", _of_logits(sections.two_settings)),
    "draws": ("Many draws", _of_logits(sections.many_draws)),
    "choices": ("How many choices are left", _of_logits(sections.choices_left)),
    "greedy": ("Greedy decoding and repetition", greedy.greedy),
}
TERMS = {
    "settings": ("temperature", "top-k", "top-p", "min-p", "logit", "softmax"),
    "draws": ("probability", "seed", "temperature"),
    "choices": ("entropy", "temperature", "logit"),
    "greedy": ("greedy", "logit", "seed"),
}
