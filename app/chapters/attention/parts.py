"""The parts of the attention page, in their order."""

from __future__ import annotations

import streamlit as st

from app import state, ui
from app.chapters.attention import closer, sections, stops
from app.runtime import Here


def _head(here: Here) -> None:
    stops.stops(here)
    sections.one_head(here)  # all heads stand side by side there, and a click chooses


def _closer(here: Here) -> None:
    _layer_and_head(here)
    closer.closer_look(here)


def _newest(here: Here) -> None:
    _layer_and_head(here)
    closer.newest(here)


def _layer_and_head(here: Here) -> None:
    stops.stops(here)
    left, right, _ = st.columns([3, 3, 4], gap="large")
    ui.layer_slider(here, left)
    if here.config.n_heads > 1:
        right.slider("Head", 0, here.config.n_heads - 1, **state.widget("head", here.config.n_heads - 1))


PARTS: ui.Parts = {
    "head": ("One head", _head),
    "closer": ("A closer look", _closer),
    "newest": ("What the newest token attends to", _newest),
}
