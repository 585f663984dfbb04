"""What does the feed-forward network do with one token?

Reads: the feed-forward network of the layer in focus at the token in focus: input, widened, bent, narrowed; the network's weights.
Shows: steps with shapes and parameter counts; the four vectors as strips (value by dimension); activation functions with their
slopes (x from -4 to 4); histograms before and after GELU (value, number of neurons); the neurons that write most, and the tokens
whose logits they raise and lower directly.
"""

import streamlit as st

from app import activations, feed_forward_sections, feed_forward_views, runtime, state, ui
from gptcore.model import GELU, FeedForward

here = runtime.here()
trace = here.trace
ui.page_header(
    "feed_forward",
    "What does the feed-forward network do with one token?",
    "It makes four times as many numbers out of a token's vector, bends each of them with GELU, and narrows them to the old width. "
    "Every token by itself: only attention moves anything between tokens.",
)
if here.config.n_layers > 1:
    st.slider("Layer", 0, here.config.n_layers - 1, **state.widget("layer", here.config.n_layers - 1))
ui.note(f"Layer {here.layer}, token {here.tokens[here.position]} at position {here.position}. Click another in the timeline.")
found = runtime.compute(lambda: trace.feed_forward(here.layer, (here.position,)))
st.subheader("Widen, bend, narrow", anchor=False)
feed_forward_sections.widen_bend_narrow(found)
ui.formula(r"\text{out} = W_2\; \text{GELU}(W_1\, x + b_1) + b_2")
ui.self_check(feed_forward_views.self_checks(found))
ui.source(FeedForward, GELU)
activations.comparison()
st.subheader("This token's activations", anchor=False)
feed_forward_sections.before_and_after_gelu(found)
st.subheader("The neurons that write most", anchor=False)
feed_forward_sections.strongest_neurons(here, trace, found)
ui.terms("feed-forward network", "neuron", "GELU", "ReLU", "residual stream", "logit", "LayerNorm")
