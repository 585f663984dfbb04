"""What does one block do to one token?

Reads: the residual stream of the token in focus before, inside and after one block, and what attention and feed-forward add.
Shows: the token's vector at eight stations as strips (one cell a dimension, colour: value, no unit) with mean, spread and largest
value; the two sums in numbers; what dropout would have zeroed in training, as four strips.
"""

import streamlit as st

from app import choices, runtime, state, ui
from app.chapters.block import sections
from app.writing import markup

PARTS = {"stations": "Station by station", "dropout": "Dropout, which is off"}

here = runtime.here()
n, n_layers = len(here.ids), here.config.n_layers
size = markup.shape(1, n, here.config.emb_dim).replace(" ", "\N{NO-BREAK SPACE}")
ui.page_header(
    "residual",
    "What does one block do to one token?",
    "It adds to the token's vector twice: first what attention read from the tokens before, then what the feed-forward network made of "
    f"it. {size} goes in and {size} comes out, which is why blocks can be stacked.",
)
part = ui.parts(choices.BLOCK_PART, PARTS)
if n_layers > 1:
    st.slider("Layer", 0, n_layers - 1, **state.widget("layer", n_layers - 1))
ui.note(f"Layer {here.layer}, token {here.tokens[here.position]} at position {here.position}. Click another in the text above.")
if part == "dropout":
    sections.dropout(here)
else:
    sections.stations(here)
ui.terms(
    "transformer block", "residual stream", "shortcut connection", "LayerNorm", "attention", "feed-forward network", "dropout"
)
