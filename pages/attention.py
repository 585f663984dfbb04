"""Which earlier tokens does this head read from?

Reads: the attention of all heads (pooled where the text is long), and of the layer, head and query in focus.
Shows: a thumbnail a head; one map of query by key at a chosen stage (q · k, scaled, masked: numbers; weights: percent; weight times
length of the value); the formula with one cell's numbers; a row in numbers, or how q, k and v are made, or entropy by head (bits);
the newest token's weights in every head (percent).
"""

import streamlit as st

from app import choices, runtime, state, ui
from app.chapters.attention import closer as attention_closer
from app.chapters.attention import sections, stops

PARTS = {"head": "One head", "closer": "A closer look", "newest": "What the newest token reads"}

here = runtime.here()
n_layers, n_heads = here.config.n_layers, here.config.n_heads
ui.page_header(
    "attention",
    "Which earlier tokens does this head read from?",
    "A head compares the query of each token with the keys of all tokens up to it. The better the match, the more of that token's "
    "value it reads. Each map shows who reads whom: a row for each query, a column for each key.",
)
part = ui.parts(choices.ATTENTION_PART, PARTS)
stops.stops(here)
if part != "head":  # there all heads stand side by side, and a click chooses
    left, right, _ = st.columns([3, 3, 4], gap="large")
    if n_layers > 1:
        left.slider("Layer", 0, n_layers - 1, **state.widget("layer", n_layers - 1))
    if n_heads > 1:
        right.slider("Head", 0, n_heads - 1, **state.widget("head", n_heads - 1))
if part == "closer":
    attention_closer.closer_look(here)
elif part == "newest":
    attention_closer.newest(here)
else:
    sections.one_head(here)
ui.terms("attention", "attention head", "query", "key", "value", "causal mask", "softmax", "entropy", "attention sink")
