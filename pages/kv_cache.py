"""Why is the next token cheap?

Reads: queries, keys and values of the layer and head in focus; the model itself, when a measurement is asked for.
Shows: the newest query and all keys and values, one row a token (value, colour); bytes kept; work for the next token (GFLOP) and
measured time (ms), with and without the cache, over the tokens of the sequence.
"""

import streamlit as st

from app import cache_sections, runtime, state, ui
from gptcore.cache_race import earlier_tokens_unchanged

here = runtime.here()

ui.page_header(
    "attention",
    "Why is the next token cheap?",
    "Because the keys and values of all earlier tokens are kept. Only the newest token runs through the model: its query is compared "
    "with the keys, it reads from the values, and the query is thrown away.",
)
with st.container(horizontal=True, key="cache_focus"):
    if here.config.n_layers > 1:
        st.slider("Layer", 0, here.config.n_layers - 1, **state.widget("layer", here.config.n_layers - 1), width=260)
    if here.config.n_heads > 1:
        st.slider("Head", 0, here.config.n_heads - 1, **state.widget("head", here.config.n_heads - 1), width=260)
trace = here.trace
k, v = runtime.compute(lambda: (trace.k(here.layer), trace.v(here.layer)))
cache_sections.kept(here, k, v)
ui.self_check(runtime.compute(lambda: earlier_tokens_unchanged(here.model.model, here.ids, here.layer, k, v)))
cache_sections.size(here)
cache_sections.work(here)
st.fragment(cache_sections.measured)(here)
ui.terms("K/V cache", "query", "key", "value", "causal mask", "autoregressive", "FLOP")
