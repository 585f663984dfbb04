"""The experiment of the shortcuts page: how much gradient reaches each layer of an untrained network, without and with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app import activations, markup, ui
from app.charts import line_over_layers
from gptcore import lessons
from gptcore.checks import Check

DEPTH, WIDTH, ACTIVATION, SEED = 5, 3, "gelu_tanh", 123  # as published
MOST_ROWS = 12  # of the table; beyond, the figure and its export have the numbers


def gradient_table(depth: int, width: int, activation: str, seed: int) -> pd.DataFrame:
    """layer (0 is the first), without, with: mean absolute gradient of the layer's weights, without and with shortcuts."""
    without, with_shortcuts = (lessons.mean_gradients(s, depth, width, activation, seed) for s in (False, True))
    return pd.DataFrame({"layer": range(depth), "without": without, "with": with_shortcuts})


def published_check(data: pd.DataFrame) -> Check:
    """How far the gradients at the published settings lie from the printed figures, which have six decimals."""
    deviations = [
        np.abs(data[column].to_numpy() - np.array(lessons.PUBLISHED_GRADIENTS[shortcuts])).max()
        for column, shortcuts in (("without", False), ("with", True))
    ]
    return Check("As published", "These ten numbers against the published ones", float(max(deviations)), 5e-7)


def gradient_figure(data: pd.DataFrame) -> go.Figure:
    """Both columns of `gradient_table` over the layers, on a logarithmic axis, which has no place for a gradient of 0."""
    shown = data.replace(0.0, np.nan)
    return line_over_layers(
        {"without shortcuts": shown["without"], "with shortcuts": shown["with"]},
        title="Gradient that reaches each layer",
        value_title="mean absolute gradient",
        stages=("dart", "residual"),
        log_y=True,
        mode=ui.mode(),
    )


@st.fragment
def experiment() -> None:
    """Controls, the two lines, the numbers, and what they say."""
    st.subheader("An untrained network, without and with shortcuts", anchor=False)
    st.markdown(
        "Demonstration with random weights; none of it comes from the model in view. One input goes through a few linear "
        "layers, each followed by an activation function. The error at the end is sent back as a gradient. "
        "How much of it reaches each layer?"
    )
    columns = st.columns(4)
    depth = columns[0].slider("Layers", *lessons.DEPTHS, DEPTH, key="experiment_depth")
    width = columns[1].slider("Width", 1, lessons.WIDTHS[1], WIDTH, key="experiment_width")
    names = list(lessons.ACTIVATIONS)
    activation = columns[2].selectbox("Activation", names, format_func=activations.name, key="experiment_activation")
    seed = int(columns[3].number_input("Seed", 0, 9999, SEED, key="experiment_seed"))
    data = gradient_table(depth, width, activation, seed)
    left, right = st.columns([5, 3], gap="large")
    with left:
        ui.chart(gradient_figure(data), name="gradients-and-shortcuts", data=data)
    with right:
        if depth <= MOST_ROWS:
            rows = [[str(row.layer), f"{row.without:.6f}", f"{row[3]:.6f}"] for row in data.itertuples()]
            ui.table(["Layer", "Without", "With shortcuts"], rows, numeric=(0, 1, 2))
        ui.note(" ".join(_reading(data[name].to_numpy(), f"{name} shortcuts") for name in ("without", "with")))
    if (depth, width, activation, seed) == (DEPTH, WIDTH, ACTIVATION, SEED):
        ui.self_check(published_check(data))
    ui.note(
        "A shortcut is there wherever a layer's input and output have the same shape: everywhere but at the last layer, which narrows "
        "to one number (unless the width is 1). Shortcuts keep the gradient from fading. They do not keep it from growing: a deep GPT "
        "needs LayerNorm as well."
    )
    ui.source(lessons.mean_gradients)


def _reading(gradients: np.ndarray, words: str) -> str:
    """One sentence on what became of the gradient between the last layer and the first."""
    first, last = float(gradients[0]), float(gradients[-1])
    start = words.capitalize()
    if not gradients.any():
        return f"{start}, no gradient reaches any layer: the last activation function is flat where its input lies. Take another seed."
    if not gradients.all():
        return f"{start}, {int((gradients == 0).sum())} of {len(gradients)} layers get no gradient at all; the figure leaves them out."
    return f"{start}, layer 0 gets {markup.significant(first / last)} times the gradient of the last layer."
