"""The parts of the LayerNorm page, in their order, and the controls of those that show the model in view."""

from __future__ import annotations

import streamlit as st

from app import choices, state, ui
from app.beats import Beat, Beats
from app.chapters.layer_norm import lessons, sections, story
from app.chapters.layer_norm.views import SITES
from app.runtime import Here

TOKENS = {"focus": "In focus", "all": "All"}


def _which(here: Here) -> None:
    """Which LayerNorm, and whether of all tokens."""
    site = st.segmented_control(
        "Which LayerNorm", list(SITES), format_func=lambda name: SITES[name].capitalize(), required=True, wrap=True,
        **state.choice(choices.LAYER_NORM_SITE),
    )  # fmt: skip
    ui.layer_slider(here, disabled=site == "final")
    _tokens()


def _which_kind(here: Here) -> None:
    """Which of a block's LayerNorms is followed, and whether of all tokens."""
    st.segmented_control(
        "Which LayerNorm", list(SITES), format_func=lambda name: SITES[name].capitalize(), required=True, wrap=True,
        **state.choice(choices.LAYER_NORM_SITE),
    )  # fmt: skip
    _tokens()


def _tokens() -> None:
    st.segmented_control(
        "Tokens", list(TOKENS), format_func=lambda name: TOKENS[name], required=True, **state.choice(choices.LAYER_NORM_TOKENS)
    )


WORDS = ("LayerNorm", "residual stream", "layer", "parameter")
PARTS: Beats = {
    "token": Beat(
        "Before and after", "What does LayerNorm do to a token's numbers?", sections.one_token, story.says_token,
        steppers=_which, tries=story.try_token, maths=sections.in_numbers, checks=sections.checks, words=(*WORDS, "variance"),
    ),
    "outliers": Beat(
        "Dimensions that stand out", "Does it make all numbers alike?", sections.stand_out, story.says_outliers,
        steppers=_which, tries=story.try_outliers, maths=sections.outliers_in_numbers, checks=sections.checks, words=WORDS,
    ),
    "depth": Beat(
        "From layer to layer", "Why does every block need it?", sections.over_depth, story.says_depth,
        steppers=_which_kind, tries=story.try_depth, maths=sections.depth_in_numbers, checks=sections.depth_checks, words=WORDS,
    ),
    "classroom": Beat(
        "Against BatchNorm", "Along the row or down the column?", lambda _: lessons.classroom(), story.says_classroom,
        steppers=lessons.batch_size, tries=story.try_classroom, words=("LayerNorm", "BatchNorm", "training", "variance"), wide=True,
    ),
    "stack": Beat(
        "A deep network without it", "What happens in a deep network without LayerNorm?", lessons.stack, lessons.says_stack,
        steppers=lessons.stack_controls, tries=story.try_stack, maths=lessons.stack_in_numbers, checks=lessons.stack_checks,
        words=("LayerNorm", "layer", "activations", "seed", "vector"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
