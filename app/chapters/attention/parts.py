"""The parts of the attention page, in their order."""

from __future__ import annotations

import streamlit as st

from app import state, ui
from app.beats import Beat, Beats
from app.chapters.attention import closer, sections, stops, story
from app.runtime import Here


def _head(here: Here) -> None:
    stops.stops(here)
    sections.one_head(here)  # all heads stand side by side there, and a click chooses


def _focus(here: Here) -> None:
    ui.layer_slider(here)
    if here.config.n_heads > 1:
        st.slider("Head", 0, here.config.n_heads - 1, **state.widget("head", here.config.n_heads - 1))


PARTS: Beats = {
    "lookup": Beat(
        "A look back", "How does it know what comes next?", story.lookup, story.says_lookup,
        steppers=_focus, tries=story.try_lookup,
        words=("attention", "attention head", "attention sink"),
    ),
    "head": Beat(
        "All heads", "What do the other heads look at?", _head, story.says_heads,
        words=("attention head", "query", "key", "value", "causal mask", "softmax"), wide=True,
    ),
    "closer": Beat(
        "One query in numbers", "How is a weight made?", closer.closer_look, story.says_closer,
        steppers=_focus, words=("query", "key", "value", "softmax", "entropy"),
    ),
    "newest": Beat(
        "The newest token", "What has the newest token taken from the others?", closer.newest, story.says_newest,
        steppers=_focus, words=("attention", "attention head"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
