"""The parts of the LayerNorm page, in their order, and the controls of those that show the model in view."""

from __future__ import annotations

from typing import cast

import streamlit as st

from app import choices, state, ui
from app.chapters.layer_norm import lessons, sections
from app.chapters.layer_norm.views import SITES
from app.runtime import Here
from gptcore.trace import Site

TOKENS = {"focus": "In focus", "all": "All"}


def _token(here: Here) -> None:
    site, all_tokens = _which(here)
    sections.one_place(here, site, all_tokens, outliers=False)


def _outliers(here: Here) -> None:
    site, all_tokens = _which(here)
    sections.one_place(here, site, all_tokens, outliers=True)


def _depth(here: Here) -> None:
    site, all_tokens = _which(here, every_layer=True)
    sections.over_depth(here, site, all_tokens)


def _which(here: Here, every_layer: bool = False) -> tuple[Site, bool]:
    """Which LayerNorm, and whether of all tokens."""
    left, middle, right = st.columns([3, 4, 2])
    site = middle.segmented_control(
        "Which LayerNorm", list(SITES), format_func=lambda name: SITES[name].capitalize(), required=True, wrap=True,
        **state.choice(choices.LAYER_NORM_SITE),
    )  # fmt: skip
    ui.layer_slider(here, left, disabled=site == "final" or every_layer)
    which = right.segmented_control(
        "Tokens", list(TOKENS), format_func=lambda name: TOKENS[name], required=True, **state.choice(choices.LAYER_NORM_TOKENS)
    )
    return cast(Site, site), which == "all" and len(here.ids) > 1


PARTS: ui.Parts = {
    "token": ("Before and after", _token),
    "outliers": ("Dimensions that stand out", _outliers),
    "depth": ("From layer to layer", _depth),
    "classroom": ("Against BatchNorm", lambda _: lessons.classroom()),
    "stack": ("A deep network without LayerNorm", lambda _: lessons.stack()),
}
