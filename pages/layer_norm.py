"""What does LayerNorm do to a token's numbers?

Reads: one LayerNorm of the trace (layer, site, token in focus or the newest tokens), its learned scale and shift.
Shows: histograms before and after (values, number of dimensions); mean, variance and outlier dimensions; mean and spread over the
layers; a table of students and exams normalised by row and by column; the spread in a deep random stack (logarithmic).
"""

import streamlit as st

from app import layer_norm_lessons, layer_norm_sections, layer_norm_views, runtime, state, ui
from app.layer_norm_views import SITES
from gptcore.model import LayerNorm

DEPTH_WINDOW = 32  # tokens whose way through all layers is averaged

here = runtime.here()
trace, n_tokens, n_layers = here.trace, len(here.ids), here.config.n_layers
ui.page_header(
    "layer_norm",
    "What does LayerNorm do to a token's numbers?",
    "It moves them to mean 0 and variance 1, each token by itself, whatever the others hold. Then every dimension gets a learned "
    "scale and shift.",
)
left, middle, right = st.columns([3, 4, 2])
site = middle.segmented_control(
    "Which LayerNorm",
    list(SITES),
    format_func=lambda name: SITES[name].capitalize(),
    default="ln_1",
    required=True,
    wrap=True,
    key="layer_norm_site",
    persist_state="session",
)
if n_layers > 1:
    left.slider("Layer", 0, n_layers - 1, disabled=site == "final", **state.widget("layer", n_layers - 1))
which = right.segmented_control("Tokens", ["In focus", "All"], default="In focus", required=True, key="layer_norm_tokens")

layer = None if site == "final" else here.layer
place = SITES[site].capitalize() if layer is None else f"Layer {layer}, {SITES[site]}"
one = runtime.compute(lambda: trace.layer_norm(layer, site, (here.position,)))
if which == "All" and n_tokens > 1:
    first = max(0, n_tokens - layer_norm_views.WINDOW)
    found = runtime.compute(lambda: trace.layer_norm(layer, site, range(first, n_tokens)))
    followed = range(max(0, n_tokens - DEPTH_WINDOW), n_tokens)
    ui.note(f"{place}, " + (f"the newest {n_tokens - first} of {n_tokens:,} tokens." if first else f"all {n_tokens} tokens."))
else:
    found, followed = one, (here.position,)
    ui.note(f"{place}, token {here.tokens[here.position]} at position {here.position}. Click another in the timeline.")
layer_norm_sections.before_and_after(found, "This token" if found is one else "Mean of the tokens")
layer_norm_sections.outlier_dimensions(found)
layer_norm_sections.formula(one)
ui.self_check(layer_norm_views.self_checks(found))
ui.source(LayerNorm)
layer_norm_sections.over_depth(runtime.compute(lambda: layer_norm_views.over_depth(trace, site, followed, n_layers)))
if found is not one:
    ui.note(f"Means over {'all' if len(followed) == n_tokens else 'the newest'} {len(followed)} tokens.")
layer_norm_lessons.classroom()
layer_norm_lessons.stack()
ui.terms("LayerNorm", "BatchNorm", "residual stream", "layer", "parameter")
