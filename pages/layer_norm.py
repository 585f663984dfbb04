"""What does normalisation do to these vectors?

Reads: one LayerNorm of the trace (layer, site, token in focus or the newest tokens), its learned scale and shift.
Shows: histograms before and after (values, number of dimensions); mean, variance and outlier dimensions; mean and spread over the
layers; a table of students and exams normalised by row and by column; the spread in a deep random stack (logarithmic).
"""

import numpy as np
import streamlit as st

from app import layer_norm_lessons, layer_norm_views, markup, runtime, state, ui
from app.charts import histogram, line_over_layers
from gptcore.model import LayerNorm

SITES = layer_norm_views.SITES


def controls(n_layers: int, n_tokens: int) -> tuple[str, bool]:
    """Layer, site, and whether all tokens are looked at instead of the one in focus."""
    left, middle, right = st.columns([3, 4, 3], vertical_alignment="bottom")
    names = list(SITES)
    site = middle.segmented_control(
        "Which LayerNorm",
        names,
        format_func=lambda s: SITES[s].capitalize(),
        default=state.remembered("site", "ln_1"),
        key="site",
    )
    state.remember("site", site or "ln_1")
    if n_layers > 1:
        left.slider("Layer", 0, n_layers - 1, disabled=site == "final", **state.widget("layer", n_layers - 1))
    whole = right.segmented_control("Tokens", ["In focus", "All"], default="In focus", key="which_tokens") == "All"
    return site or "ln_1", whole and n_tokens > 1


def before_and_after(found, where: str) -> None:
    """Two histograms side by side, each on its own axis: the first is often many times wider."""
    before = layer_norm_views.distribution({"before": found.before})
    after = layer_norm_views.distribution({"normalised": found.normalized, "after scale and shift": found.after})
    left, right = st.columns(2, gap="large")
    pairs = ((left, "before", before, ("residual",)), (right, "after", after, ("layer_norm", "dart")))
    for column, name, drawn, stages in pairs:
        with column:
            figure = histogram(
                drawn.counts,
                drawn.edges,
                title=f"{name.capitalize()} LayerNorm",
                x_title="value",
                count_title="dimensions",
                stages=stages,
                mode=ui.mode(),
            )
            ui.chart(figure, name=f"layer-norm-{name}", data=drawn.frame)
            if drawn.outside:
                ui.note(f"{drawn.outside:,} values lie outside the picture; the table below has the farthest.")
    rows = [
        [row.station, *(markup.significant(v) for v in (row.mean, row.variance, row.smallest, row.largest))]
        for row in layer_norm_views.statistics(found).itertuples()
    ]
    ui.table([where, "Mean", "Variance", "Smallest", "Largest"], rows, numeric=(1, 2, 3, 4))


def the_formula(found, dimension: int) -> None:
    """LayerNorm of one dimension, and the variance after, with this token's numbers."""
    mean, var, n = float(found.mean[0]), float(found.var[0]), ui.latex_number
    x, scale, shift = (float(v) for v in (found.before[0, dimension], found.scale[dimension], found.shift[dimension]))
    ui.formula(r"y_i = \frac{x_i - \text{mean}}{\sqrt{\text{var} + \varepsilon}} \cdot \text{scale}_i + \text{shift}_i")
    ui.formula(
        rf"y_{{{dimension}}} = \frac{{{n(x)} - ({n(mean)})}}{{\sqrt{{{n(var)} + {n(found.eps)}}}}} \cdot {n(scale)} + ({n(shift)})"
        rf" = {n(float(found.after[0, dimension]))}"
    )
    ui.formula(
        rf"\text{{variance after}} = \frac{{\text{{var}}}}{{\text{{var}} + \varepsilon}} = "
        rf"\frac{{{n(var)}}}{{{n(var)} + {n(found.eps)}}} = {var / (var + found.eps):.6f}"
    )
    ui.note(
        "Epsilon, ε, keeps the root away from zero. It makes the variance a little less than 1: hardly at all where the variance is "
        "large, visibly where the numbers are small. Scale and shift are learned, one of each for every dimension."
    )


here = runtime.here()
ui.page_header(
    "layer_norm",
    "What does LayerNorm do to a token's numbers?",
    "It moves them to mean 0 and variance 1, each token by itself, whatever the others hold. Then every dimension gets a learned "
    "scale and shift.",
)
site, whole = controls(here.config.n_layers, len(here.ids))
layer = None if site == "final" else here.layer
first = max(0, len(here.ids) - layer_norm_views.WINDOW)
trace = here.trace
one = runtime.compute(lambda: trace.layer_norm(layer, site, (here.position,)))
many = runtime.compute(lambda: trace.layer_norm(layer, site, range(first, len(here.ids)))) if whole else one
place = SITES[site] if layer is None else f"layer {layer}, {SITES[site]}"
if whole:
    ui.note(
        f"{place.capitalize()}: " + (f"the newest {len(many.before)} of {len(here.ids):,} tokens." if first else "all tokens.")
    )
else:
    ui.note(
        f"{place.capitalize()}, token {here.tokens[here.position]} at position {here.position}. Click another in the timeline."
    )
before_and_after(many, "Mean of the tokens" if whole else "This token")

far = layer_norm_views.outliers(many)
st.subheader("Dimensions that stand out", anchor=False)
count = layer_norm_views.far_dimensions(many)
ui.note(
    f"{count} of {here.config.emb_dim} dimensions lie more than {layer_norm_views.FAR:.0f} spreads from the mean. "
    "In a bell curve of this size there would be none."
    if count
    else f"No dimension lies more than {layer_norm_views.FAR:.0f} spreads from the mean. These are the farthest."
)
cells = [[str(int(r[0])), *(markup.significant(float(v)) for v in r[1:])] for r in far.itertuples(index=False)]
ui.table(["Dimension", "Before", "In spreads", "Scale", "Shift", "After"], cells, numeric=range(6))
st.subheader("The formula, with these numbers", anchor=False)
the_formula(one, int(np.abs(one.normalized[0]).argmax()))
ui.self_check(layer_norm_views.self_checks(many))
ui.source(LayerNorm)

st.subheader("From layer to layer", anchor=False)
positions = range(max(first, len(here.ids) - 32), len(here.ids)) if whole else (here.position,)
depth = runtime.compute(lambda: layer_norm_views.over_depth(trace, site, positions, here.config.n_layers))
for what, log in (("spread", True), ("mean", False)):
    figure = line_over_layers(
        {"before LayerNorm": depth[f"{what}_before"], "after": depth[f"{what}_after"]},
        title=f"{what.capitalize()} of a token's numbers over the layers",
        value_title="standard deviation" if log else "mean",
        stages=("residual", "layer_norm"),
        layer_names=list(depth["layer"]),
        log_y=log,
        mode=ui.mode(),
    )
    ui.chart(figure, name=f"layer-norm-{what}-over-depth", data=depth)
layer_norm_lessons.classroom()
layer_norm_lessons.stack()
ui.terms("LayerNorm", "BatchNorm", "residual stream", "layer", "parameter")
