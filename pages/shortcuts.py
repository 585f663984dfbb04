"""Why do deep networks need shortcuts?

Reads: an untrained network (its own seed); the residual stream of the token in focus, and what each layer adds to it.
Shows: mean absolute gradient per layer without and with shortcuts (logarithmic); over the layers of the model in view: length of
the residual stream, share of each block's output that attention and feed-forward make up (percent), cosine between a block's input
and output (-1 to 1).
"""

import numpy as np
import streamlit as st

from app import markup, runtime, shortcut_lessons, shortcut_views, state, ui
from app.charts import line_over_layers
from gptcore.model import TransformerBlock


def share(value: float) -> str:
    """A share that may be negative."""
    return markup.percent(value).replace("-", "−")


here = runtime.here()
trace = here.trace
ui.page_header(
    "residual",
    "Why do deep networks need shortcuts?",
    "Learning sends a gradient back through all layers, and each layer may shrink it. A shortcut adds a layer's input to its output, "
    "so that text and gradient both have a way past every layer.",
)
shortcut_lessons.experiment()

st.subheader("The shortcuts of this model", anchor=False)
ui.note(f"Token {here.tokens[here.position]} at position {here.position}. Click another in the timeline.")
blocks = runtime.compute(lambda: shortcut_views.blocks(trace, here.position, here.config.n_layers))
table = shortcut_views.stream(blocks)
pictures = (
    ("length", "Length of the stream and of what is added", "length of the vector", "", True,
     {"residual stream": "norm_out", "attention": "norm_attention", "feed-forward": "norm_feed_forward"},
     ("residual", "attention", "feed_forward")),
    ("share", "Share of each block's output that is new", "share of the output", "%", False,
     {"attention": "share_attention", "feed-forward": "share_feed_forward"}, ("attention", "feed_forward")),
    ("cosine", "How far each block turns the vector", "cosine", "", False,
     {"cosine between input and output": "cosine"}, ("residual",)),
)  # fmt: skip
whole, (left, right) = st.container(), st.columns(2, gap="large")
for place, (name, title, value_title, unit, log, columns, stages) in zip((whole, left, right), pictures, strict=True):
    drawn = table.replace(0.0, np.nan) if log else table  # a logarithmic axis has no place for 0
    figure = line_over_layers(
        {label: drawn[column] for label, column in columns.items()},
        title=title,
        value_title=value_title,
        unit=unit,
        stages=stages,
        log_y=log,
        mode=ui.mode(),
    )
    if name == "cosine":
        figure.update_yaxes(range=[-1.05 if table["cosine"].min() < 0 else 0, 1.05])
    with place:
        ui.chart(figure, name=f"residual-{name}", data=table)
ui.note(
    "The share is measured along the block's output: shortcut, attention and feed-forward together make exactly 100 %. Below 0 a "
    "part points against the whole. A cosine of 1 means that the block left the direction as it was."
)

st.subheader("The sum, with these numbers", anchor=False)
layers = here.config.n_layers
if layers > 1:
    st.slider("Layer", 0, layers - 1, **state.widget("layer", layers - 1))
line = table.iloc[here.layer]
ui.formula(r"H(x) = F(x) + x \qquad \frac{\partial H}{\partial x} = \frac{\partial F}{\partial x} + 1")
ui.table(
    [f"Layer {here.layer}", "Length", "Share of the output"],
    [
        ["x, on the shortcut", markup.significant(line.norm_in), share(line.share_shortcut)],
        ["+ attention", markup.significant(line.norm_attention), share(line.share_attention)],
        ["+ feed-forward", markup.significant(line.norm_feed_forward), share(line.share_feed_forward)],
        ["= H(x)", markup.significant(line.norm_out), "100.0 %"],
    ],
    numeric=(1, 2),
    marked=3,
)
ui.note("Lengths do not add up, since the vectors point in different directions; the vectors do, number by number.")
ui.self_check(shortcut_views.self_checks(blocks, table))
ui.source(TransformerBlock)
ui.terms("shortcut connection", "gradient", "residual stream", "transformer block", "attention", "feed-forward network")
