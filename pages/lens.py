"""When does the model make up its mind?

Reads: the residual stream before block 0 and after every block, through the final LayerNorm and the output head.
Shows: a grid of layers by positions with the likeliest next token in each cell, coloured by probability (percent), entropy (bits),
rank of the final token, or divergence from the final distribution (bits), and where it settled; for the token in focus the
probability over the layers (percent) and the ten likeliest tokens after one layer.
"""

import streamlit as st

from app import lens_sections, lens_views, runtime, state, ui
from gptcore.lens import lens

FILLING = 0.1  # seconds between two parts of a grid that is still being computed

here = runtime.here()
ui.page_header(
    "probability",
    "When does the model make up its mind?",
    "The logit lens asks after every layer: what if the model stopped here? The early rows are guesses. From some layer on, "
    "the likeliest token no longer changes. The last row is the model's own output.",
)
focus = lens_views.columns(here, [here.position])[here.position]
colouring = st.segmented_control(
    "Colour", list(lens_views.COLOURINGS), default="Probability", required=True, key="lens_colour", persist_state="session"
)
positions = lens_views.window(len(here.ids), here.position)
filling = lens_views.missing(here, positions) > lens_views.columns_at_once(here.config)


def grid() -> None:
    """The columns that are there, and some more; as a fragment, it runs again until all are."""
    found = lens_views.columns(here, positions, lens_views.columns_at_once(here.config))
    if filling and len(found) == len(positions):
        st.rerun()  # the last column: draw the page once more, without a clock
    lens_sections.grid(here, found, positions, colouring)


(st.fragment(grid, run_every=FILLING) if filling else grid)()

st.subheader("One position, layer by layer", anchor=False)
n_layers = here.config.n_layers
lens_sections.focus_sentence(here, focus)
if n_layers > 1:
    st.slider("Read after block", 0, n_layers - 1, **state.widget("layer", n_layers - 1))
lens_sections.one_position(here, focus)
worked = lens_sections.formula(here, focus)
ui.self_check(lens_views.self_checks(here, here.position, focus, here.layer + 1, worked))
ui.note(
    "What the lens does not show: a layer may hold more than it can say. The output head was trained to read the last layer only, so "
    "a wrong word in an early row does not prove that the model does not know yet."
)
ui.source(lens)
ui.terms("logit lens", "residual stream", "layer", "LayerNorm", "output head", "entropy", "probability")
