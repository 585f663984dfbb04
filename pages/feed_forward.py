"""What does the feed-forward network do with one token?

Reads: the feed-forward network of the layer in focus at the token in focus: input, widened, bent, narrowed; the network's weights.
Shows: steps with shapes and parameter counts; the four vectors as strips (value by dimension); histograms before and after GELU
(value, number of neurons); activation functions with their slopes (x from -4 to 4); the neurons that write most, and the tokens
whose logits they raise and lower directly.
"""

import streamlit as st

from app import choices, runtime, state, ui
from app.chapters.feed_forward import activations, sections

PARTS = {
    "steps": "Widen, bend, narrow",
    "activations": "This token's activations",
    "functions": "GELU against others",
    "neurons": "The strongest neurons",
}

here = runtime.here()
n_layers = here.config.n_layers
ui.page_header(
    "feed_forward",
    "What does the feed-forward network do with one token?",
    "It makes four times as many numbers out of a token's vector, bends each of them with GELU, and narrows them to the old width. "
    "Every token by itself: only attention moves anything between tokens.",
)
part = ui.parts(choices.FEED_FORWARD_PART, PARTS)
if part == "functions":
    activations.comparison()
else:
    if n_layers > 1:
        st.slider("Layer", 0, n_layers - 1, **state.widget("layer", n_layers - 1))
    ui.note(
        f"Layer {here.layer}, token {here.tokens[here.position]} at position {here.position}. Click another in the text above."
    )
    found = here.trace.feed_forward(here.layer, (here.position,))
    drawn = {
        "steps": sections.widen_bend_narrow,
        "activations": sections.before_and_after_gelu,
        "neurons": sections.strongest_neurons,
    }
    drawn[part](here, found)
ui.terms("feed-forward network", "neuron", "GELU", "ReLU", "SiLU", "SwiGLU", "residual stream", "logit", "LayerNorm")
