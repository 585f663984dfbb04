"""What changed from GPT-2 to GPT-3?

Reads: the configurations of the published models and of the loaded one.
Shows: each size as dots (logarithmic); bytes in memory for running and for training, against cards of 8, 24 and 80 GB
(logarithmic); the operations and the years of GPT-3's training.
"""

import streamlit as st

from app import runtime, scale_sections, ui
from app.arithmetic_views import PUBLISHED, ModelFacts, scale
from gptcore.config import GPT2_SMALL, GPT3_175B
from gptcore.parameters import count_parameters

here = runtime.here()
loaded = ModelFacts(here.model.name, here.config, None, "on this machine")

times = count_parameters(GPT3_175B) / count_parameters(GPT2_SMALL)

ui.page_header(
    "feed_forward",
    "What changed from GPT-2 to GPT-3?",
    f"Almost only the size. The blocks are the same, but there are more of them, and each is wider: GPT-3 has {times:,.0f} times the "
    "parameters of GPT-2 small. One thing is new: its layers alternate dense attention, where a token sees all before it, with "
    "banded sparse attention, where it sees only some.",
)
scale_sections.sizes(scale((loaded, *PUBLISHED)))
ui.self_check(scale_sections.gpt3_counted())
st.fragment(scale_sections.hardware)(loaded)
st.fragment(scale_sections.training)()
scale_sections.sources()
ui.terms("parameter", "context length", "attention head", "K/V cache", "FLOP", "optimiser", "gradient", "activations")
