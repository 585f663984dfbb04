"""Where do the parameters sit, and what do they cost?

Reads: the loaded model's configuration and weights; any other configuration from the controls.
Shows: parameters by block and component (areas in proportion); bytes of the weights; work a token (GFLOP) and what attention adds
to it (%) over the tokens of a pass; bytes of the K/V cache; histogram of one tensor (value against how many numbers).
"""

import streamlit as st

from app import markup, parameter_sections, runtime, ui
from app.arithmetic_views import components, in_words
from app.config_controls import configuration
from gptcore import parameters

here = runtime.here()
tied = here.model.model.tied
shares = components(here.config, tied).set_index("component").share


@st.fragment
def arithmetic() -> None:
    """What follows from a configuration; a change of one key redraws only this."""
    config, config_tied, name = configuration(here.model.name, here.config, tied)
    parameter_sections.count(config, config_tied, name)
    parameter_sections.memory(config, config_tied)
    parameter_sections.work(config)
    parameter_sections.cache(config)


ui.page_header(
    "embeddings",
    "Where do the parameters sit, and what do they cost?",
    f"{here.model.name} has {in_words(parameters.count_parameters(here.config, tied))} parameters: "
    f"{markup.percent(shares[parameters.FEED_FORWARD])} of them in the feed-forward networks, "
    f"{markup.percent(shares[parameters.ATTENTION])} in attention, "
    f"{markup.percent(shares[parameters.TOKEN_EMBEDDING])} in the table of tokens. Change any key of the configuration and see what follows.",
)
arithmetic()
parameter_sections.three_names()
st.fragment(parameter_sections.loaded_weights)(here)
ui.terms("parameter", "weight tying", "embedding", "feed-forward network", "attention head", "K/V cache", "FLOP", "MB and MiB")
