"""What does LayerNorm do to a token's numbers?

Reads: one LayerNorm of the trace (layer, site, token in focus or the newest tokens), its learned scale and shift.
Shows: histograms before and after (values, number of dimensions); mean and variance; the dimensions farthest from the mean; mean and
spread over the layers; a table of students and exams normalised by row and by column; the spread in a deep random stack (logarithmic).
"""

import streamlit as st

from app import choices, runtime, state, ui
from app.chapters.layer_norm import lessons, sections
from app.chapters.layer_norm.views import SITES

PARTS = {
    "token": "Before and after",
    "outliers": "Dimensions that stand out",
    "depth": "From layer to layer",
    "classroom": "Against BatchNorm",
    "stack": "A deep stack without it",
}
TOKENS = {"focus": "In focus", "all": "All"}

here = runtime.here()
n_tokens, n_layers = len(here.ids), here.config.n_layers
ui.page_header(
    "layer_norm",
    "What does LayerNorm do to a token's numbers?",
    "It moves them to mean 0 and variance 1, each token by itself, whatever the others hold. Then every dimension gets a learned "
    "scale and shift.",
)
part = ui.parts(choices.LAYER_NORM_PART, PARTS)
if part == "classroom":
    lessons.classroom()
elif part == "stack":
    lessons.stack()
else:
    left, middle, right = st.columns([3, 4, 2])
    site = middle.segmented_control(
        "Which LayerNorm", list(SITES), format_func=lambda name: SITES[name].capitalize(), required=True, wrap=True,
        **state.choice(choices.LAYER_NORM_SITE),
    )  # fmt: skip
    if n_layers > 1:
        left.slider("Layer", 0, n_layers - 1, disabled=site == "final" or part == "depth", **state.widget("layer", n_layers - 1))
    which = right.segmented_control(
        "Tokens", list(TOKENS), format_func=lambda name: TOKENS[name], required=True, **state.choice(choices.LAYER_NORM_TOKENS)
    )
    all_tokens = which == "all" and n_tokens > 1
    if part == "depth":
        sections.over_depth(here, site, all_tokens)
    else:
        sections.one_place(here, site, all_tokens, outliers=part == "outliers")
ui.terms("LayerNorm", "BatchNorm", "residual stream", "layer", "parameter")
