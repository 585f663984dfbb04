"""The experiment of the shortcuts page: how much gradient reaches each layer of an untrained network, without and with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
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
        np.abs(data[column] - lessons.PUBLISHED_GRADIENTS[shortcuts]).max()
        for column, shortcuts in (("without", False), ("with", True))
    ]
    return Check("Published gradients", "These ten numbers against the published ones", float(max(deviations)), 5e-7)


@st.fragment
def experiment() -> None:
    """Controls, the two lines, the numbers, and what they say."""
    st.subheader("An untrained network, without and with shortcuts", anchor=False)
    st.markdown(
        "Demonstration with random weights; none of it comes from the model on the left. One input goes through a few linear "
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
    shown = data.replace(0.0, np.nan)  # a logarithmic axis has no place for 0
    figure = line_over_layers(
        {"without shortcuts": shown["without"], "with shortcuts": shown["with"]},
        title="Gradient that reaches each layer",
        value_title="mean absolute gradient",
        stages=("reference", "residual"),
        log_y=True,
        mode=ui.mode(),
    )
    ui.chart(figure, name="gradients-and-shortcuts", data=data)
    for column, words in (("without", "without shortcuts"), ("with", "with shortcuts")):
        ui.note(_reading(data[column].to_numpy(), words))
    if depth <= MOST_ROWS:
        rows = [[str(row.layer), f"{row.without:.6f}", f"{row[3]:.6f}"] for row in data.itertuples()]
        ui.table(["Layer", "Without shortcuts", "With shortcuts"], rows, numeric=(0, 1, 2))
    if (depth, width, activation, seed) == (DEPTH, WIDTH, ACTIVATION, SEED):
        ui.self_check(published_check(data))
    ui.note(
        "A shortcut is there wherever a layer's input and output have the same shape: everywhere but at the last layer, which narrows "
        "to one number. Shortcuts keep the gradient from fading. They do not keep it from growing: a deep GPT needs LayerNorm as well."
    )
    ui.source(lessons.mean_gradients)


def _reading(gradients: np.ndarray, words: str) -> str:
    """One sentence on what became of the gradient between the last layer and the first."""
    first, last = float(gradients[0]), float(gradients[-1])
    start = words.capitalize()
    if not gradients.any():
        return f"{start}, no gradient reaches any layer: the last activation function is flat where its input fell. Take another seed."
    if first == 0:
        return f"{start}, no gradient at all reaches layer 0; layers without one are left out of the figure."
    return f"{start}, layer 0 gets {markup.significant(first / last)} times the gradient of the last layer."
