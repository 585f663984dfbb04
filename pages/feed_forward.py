"""What does the feed-forward network do with one token?

Reads: the feed-forward network of the layer in focus at the token in focus: input, widened, bent, narrowed; the network's weights.
Shows: steps with shapes and parameter counts; the four vectors as strips (value by dimension); activation functions with their
slopes (x from -4 to 4); histograms before and after GELU (value, number of neurons); the neurons that write most, and the tokens
whose logits they raise and lower directly.
"""

import numpy as np
import pandas as pd
import streamlit as st

from app import activations, feed_forward_views, markup, runtime, state, ui
from app.charts import histogram, strip
from app.distribution import distribution
from gptcore.activations import FeedForwardActivations
from gptcore.model import GELU, FeedForward
from gptcore.neurons import direct_effects, strongest_neurons


def widen_bend_narrow(found: FeedForwardActivations) -> None:
    """Shapes and counts, and the four vectors as strips."""
    table = feed_forward_views.steps(here.config.emb_dim)
    rows = [
        [row.step, f"<code>{row.shape_in:,} → {row.shape_out:,}</code>", f"{row.weights + row.biases:,}"]
        for row in table.itertuples()
    ]
    total = int((table["weights"] + table["biases"]).sum())
    ui.table(["Step", "Numbers a token", "Parameters"], [*rows, ["<b>Together</b>", "", f"{total:,}"]], numeric=(1, 2))
    names, values = feed_forward_views.strips(found)
    figure = strip(
        values,
        row_names=names,
        title=f"From {here.config.emb_dim:,} to {4 * here.config.emb_dim:,} numbers, and back",
        value_title="activation",
        top=float(np.nanquantile(np.abs(values), 0.99)),  # so that one large number does not make all others pale
        mode=ui.mode(),
    )
    data = pd.DataFrame(values.T, columns=names).rename_axis("dimension").reset_index()
    ui.chart(figure, name="widen-bend-narrow", data=data)


def before_and_after_gelu(found: FeedForwardActivations) -> None:
    """Two histograms and what a ReLU would have done."""
    left, right = st.columns(2, gap="large")
    for column, name, values in ((left, "before", found.mlp_pre), (right, "after", found.mlp_post)):
        drawn = distribution({name: values})
        with column:
            figure = histogram(
                drawn.counts,
                drawn.edges,
                title=f"{name.capitalize()} GELU",
                x_title="activation",
                count_title="neurons",
                stages=("residual" if name == "before" else "feed_forward",),
                mode=ui.mode(),
            )
            ui.chart(figure, name=f"activations-{name}-gelu", data=drawn.frame)
            if drawn.outside:
                ui.note(f"{drawn.outside:,} values lie outside the picture.")
    seen = feed_forward_views.silenced(found)
    ui.note(
        f"{seen.negative:,} of {seen.neurons:,} neurons ({markup.percent(seen.negative / seen.neurons)}) are negative here: a ReLU "
        f"would have silenced them all. GELU lets a little of each through: {markup.significant(seen.mean)} on average, "
        f"{markup.significant(seen.lowest)} at the lowest. Together they make {markup.percent(seen.passed)} of all that leaves GELU, "
        "counted without sign."
    )
    lowest = int(found.mlp_post[0].argmin())
    x, y, n = float(found.mlp_pre[0, lowest]), float(found.mlp_post[0, lowest]), ui.latex_number
    ui.formula(
        rf"""\begin{{aligned}}
        \text{{neuron }}{lowest}: \quad & \tfrac{{1}}{{2}} \cdot ({n(x)}) \cdot (1 + \tanh t) = {n(y)}, \\
        t &= \sqrt{{2/\pi}}\,({n(x)} + 0.044715 \cdot ({n(x)})^3)
        \end{{aligned}}"""
    )


def strongest(found: FeedForwardActivations) -> None:
    """The neurons that write most, with the tokens that they raise and lower."""
    effects = runtime.compute(lambda: feed_forward_views.neuron_effects(here, trace, found))
    data = feed_forward_views.neuron_table(found, effects)
    rows = []
    for neuron, lines in data.groupby("neuron", sort=False):
        chips = {
            direction: " ".join(markup.chip(here.model.tokenizer.text_of(int(i))) for i in part["token_id"])
            for direction, part in lines.groupby("direction")
        }
        line = lines.iloc[0]
        numbers = (markup.significant(line[c]) for c in ("before", "after", "written"))
        rows.append([str(neuron), *numbers, chips["promotes"], chips["suppresses"]])
    ui.table(["Neuron", "Before GELU", "After", "Length written", "Promotes", "Suppresses"], rows, numeric=(0, 1, 2, 3))
    data["token"] = [here.model.tokenizer.text_of(i) for i in data["token_id"]]
    ui.export_menu("strongest-neurons", data)
    ui.note(
        "Ordered by the length of the vector that a neuron adds to the residual stream. Promoted and suppressed are the tokens whose "
        "logits this vector alone raises and lowers most, through the final LayerNorm with this token's own spread. What later "
        "layers make of the vector is not in it, and a list of words is not a proof of what a neuron means."
    )
    ui.source(strongest_neurons, direct_effects)


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
widen_bend_narrow(found)
ui.formula(r"\text{out} = W_2\; \text{GELU}(W_1\, x + b_1) + b_2")
ui.self_check(feed_forward_views.self_checks(found))
ui.source(FeedForward, GELU)
activations.comparison()
st.subheader("This token's activations", anchor=False)
before_and_after_gelu(found)
st.subheader("The neurons that write most", anchor=False)
strongest(found)
ui.terms("feed-forward network", "neuron", "GELU", "ReLU", "residual stream", "logit", "LayerNorm")
