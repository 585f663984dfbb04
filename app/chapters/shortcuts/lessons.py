"""The experiment of the shortcuts page: how much gradient reaches each layer of an untrained network, without and with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import activation_names, choices, state, ui
from app.beats import Try
from app.charts import Figure, Mode, line_over_layers
from app.choices import Choice
from app.recent import MB, keeping
from app.runtime import Here
from app.writing.numbers import fine_percent, fixed, significant
from app.writing.worked import as_one, latex_number, worked
from gptcore import lessons
from gptcore.checks import Check

# The default of each is the published experiment.
SETTINGS: tuple[Choice[Any], ...] = (choices.GRADIENT_DEPTH, choices.GRADIENT_WIDTH, choices.GRADIENT_BEND, choices.GRADIENT_SEED)
CHAIN_TOLERANCE = 1e-9  # both ways are in float64, and 64 layers add up their rounding
MOST_ROWS = 8  # of the table, as high as the figure beside it; the figure's menu has the rest


@keeping(2 * MB)
def gradient_table(depth: int, width: int, activation: str, seed: int) -> pd.DataFrame:
    """layer (0 is the first), without, with: mean absolute gradient of the layer's weights, without and with shortcuts.

    Kept, since no model has a part in it; not to be changed.
    """
    without, with_shortcuts = (lessons.mean_gradients(s, depth, width, activation, seed) for s in (False, True))
    return pd.DataFrame({"layer": range(depth), "without": without, "with": with_shortcuts})


def published_check(data: pd.DataFrame) -> Check:
    """How far the gradients at the published settings lie from the printed figures, which have six decimals."""
    deviations = [
        np.abs(data[column].to_numpy() - np.array(lessons.PUBLISHED_GRADIENTS[shortcuts])).max()
        for column, shortcuts in (("without", False), ("with", True))
    ]
    said = "These ten numbers against the published ones, which have six decimals. Deviation in units of the gradient."
    return Check("As published", said, float(max(deviations)), 5e-7)


@keeping(2 * MB)
def chain_rule_check(depth: int, width: int, activation: str, seed: int) -> Check:
    """The gradients of any settings, which nobody has printed, against a second way to them. Kept too."""
    data, apart = gradient_table(depth, width, activation, seed), 0.0
    for column, shortcuts in (("without", False), ("with", True)):
        again = lessons.mean_gradients_by_hand(shortcuts, depth, width, activation, seed)
        apart = max(apart, *(np.abs(data[column] - again) / np.maximum(again, np.finfo(float).tiny)))
    said = (
        "Autograd's gradients against the chain rule worked out backwards by hand. Deviation as a share of each layer's gradient."
    )
    return Check("Chain rule", said, float(apart), CHAIN_TOLERANCE)


@keeping(2 * MB)
def gradient_figure(depth: int, width: int, activation: str, seed: int, mode: Mode) -> Figure:
    """Both columns of `gradient_table` over the layers as shares of their last layer's, since the two networks have different errors; on
    a logarithmic axis, which has no place for a gradient of 0. Kept too."""
    table = gradient_table(depth, width, activation, seed)
    last = table.iloc[-1].replace(0.0, np.nan)
    shown = (table / last).replace(0.0, np.nan)
    return line_over_layers(
        {"without shortcuts": shown["without"], "with shortcuts": shown["with"]},
        title="Gradient that reaches each layer, as a share of the last layer's",
        value_title="mean absolute gradient / that of the last layer",
        stages=("ablation", "residual"),
        log_y=True,
        mode=mode,
    )


def chosen_experiment() -> tuple[int, int, str, int]:
    """Depth, width, activation and seed."""
    return (
        state.chosen(choices.GRADIENT_DEPTH), state.chosen(choices.GRADIENT_WIDTH), str(state.chosen(choices.GRADIENT_BEND)),
        state.chosen(choices.GRADIENT_SEED),
    )  # fmt: skip


def is_published() -> bool:
    """Whether the settings are those of the published experiment."""
    return all(state.chosen(choice) == choice.default for choice in SETTINGS)


def experiment(_: Here) -> None:
    """The two lines."""
    chosen = chosen_experiment()
    ui.chart(gradient_figure(*chosen, ui.mode()), name="gradients-and-shortcuts", data=gradient_table(*chosen))
    ui.note(
        "Demonstration with random weights; none of it comes from the model in view. One input goes through a few linear "
        "layers, each followed by an activation function. The error at the end is sent back as a gradient. "
        "How much of it reaches each layer?"
    )


def says_experiment(_: Here) -> str:
    """Which share of the last layer's gradient reaches the first, without and with shortcuts."""
    data = gradient_table(*chosen_experiment())
    shares = {name: _share(data[name].to_numpy(), name) for name in ("without", "with")}
    if shares["without"] is None or shares["with"] is None:
        return " ".join(_reading(data[name].to_numpy(), name) for name in ("without", "with"))
    (layer, without), (other, with_shortcuts) = shares["without"], shares["with"]
    said = (
        f"Without shortcuts, {fine_percent(without)} of the last layer's gradient reaches layer {layer}; with them, {fine_percent(with_shortcuts)}"
        f"{f' reaches layer {other}' if other != layer else ''}"
    )
    if with_shortcuts > without:
        return f"{said}: **{significant(with_shortcuts / without)} times** as much." if without else f"{said}."
    return f"{said}. With these settings the shortcuts do not help."


def _share(gradients: np.ndarray, name: str) -> tuple[int, float] | None:
    """The layer that is compared with the last, and its share; None where nothing can be compared."""
    i = _lowest(gradients, name)
    return (i, float(gradients[i] / gradients[-1])) if gradients[-1] else None


def try_experiment(_: Here) -> Sequence[Try]:
    """Deeper networks, another activation function, and back."""
    depth, _width, bend, _seed = chosen_experiment()
    tries = [
        Try(f"{value} layers. How much is left without shortcuts?", shown=((choices.GRADIENT_DEPTH, value),))
        for value in (20, 64) if value != depth
    ]  # fmt: skip
    if bend != "sigmoid":
        tries.append(Try("Sigmoid instead of GELU: flat nearly everywhere", shown=((choices.GRADIENT_BEND, "sigmoid"),)))
    if not is_published():
        tries = [
            *tries[:2],
            Try("Back to the published experiment", shown=tuple((choice, choice.default) for choice in SETTINGS)),
        ]
    return tries


def in_numbers(_: Here) -> None:
    """The gradients as they are, what a layer makes of them, and how to read it."""
    depth, width, bend, seed = chosen_experiment()
    data = gradient_table(depth, width, bend, seed)
    shown = data.head(MOST_ROWS)
    rows = [[str(row.layer), _decimals(row.without), _decimals(row[3])] for row in shown.itertuples()]
    ui.table(["Layer", "Without", "With shortcuts"], rows, numeric=(0, 1, 2))
    rest = len(data) - len(shown)
    ui.note(
        (f"The first {len(shown)} of {len(data)} layers; the figure's menu (⋯) has all. " if rest else "")
        + " ".join(_reading(data[name].to_numpy(), name) for name in ("without", "with"))
        + _drawn_again(depth, width, bend, seed)
    )
    _formula(data)
    ui.note(
        "g is a layer's mean absolute gradient; the number with the exponent is what one layer makes of it, on average. "
        "A shortcut is there wherever a layer's input and output have the same shape: everywhere but at the last layer, which narrows "
        "to one number (unless the width is 1). Shortcuts keep the gradient from fading. They do not keep it from growing: a deep GPT "
        "needs LayerNorm as well."
    )


def checks(_: Here) -> None:
    """Against the printed figures, or against the chain rule by hand; the code."""
    chosen = chosen_experiment()
    ui.self_check(published_check(gradient_table(*chosen)) if is_published() else chain_rule_check(*chosen))
    if is_published():
        ui.note("As published: Sebastian Raschka, “Build a Large Language Model (From Scratch)”, section 4.4.")
    ui.source(lessons.mean_gradients, lessons.last_layer_draws)


def _decimals(value: float) -> str:
    """Six decimals, as published, where they say something."""
    return fixed(value, 6) if 1e-6 <= value < 100 or value == 0 else significant(value)


def controls(_: Here) -> None:
    """Depth, width, activation and seed."""
    st.slider("Layers", *lessons.DEPTHS, **state.choice(choices.GRADIENT_DEPTH))
    st.slider("Width", *lessons.WIDTHS, **state.choice(choices.GRADIENT_WIDTH))
    left, right = st.columns(2)
    left.selectbox(
        "Activation", choices.GRADIENT_BEND.options, format_func=activation_names.name, **state.choice(choices.GRADIENT_BEND)
    )
    right.number_input("Seed", 0, 9999, step=1, **state.choice(choices.GRADIENT_SEED))


def _formula(data: pd.DataFrame) -> None:
    """What a layer multiplies the gradient by, on average over the layers, without and with shortcuts."""
    lines = [_ratio(data[name].to_numpy(), name) for name in ("without", "with")]
    ui.formula(r"\begin{aligned} \rule{0pt}{1.9em} " + r" \\[0.9em] ".join(lines) + r" \end{aligned}")


def _ratio(gradients: np.ndarray, name: str) -> str:
    """One line of the formula; where the last layer gets nothing, there is nothing to divide by."""
    i, last = _lowest(gradients, name), len(gradients) - 1
    above, below = float(gradients[i]), float(gradients[last])
    if not below:
        return rf"\text{{{name}: }} g_{{{i}}} &= {latex_number(above)}, \quad g_{{{last}}} = 0"
    ratio = worked(lambda above, below: above / below, [above, below], above / below)
    numbers = rf"\frac{{{ratio.inputs[0]}}}{{{ratio.inputs[1]}}} \\[1.1em] &{ratio.out}"
    return rf"\text{{{name}: }} \frac{{g_{{{i}}}}}{{g_{{{last}}}}} &= {numbers}{_power(above / below, last - i)}"


def _lowest(gradients: np.ndarray, name: str) -> int:
    """The layer that is compared with the last: layer 0. With shortcuts the gradient also comes down past a layer that takes none
    of it: then the lowest that takes some."""
    taking = np.flatnonzero(gradients[:-1])
    return int(taking[0]) if name == "with" and len(taking) else 0


def _power(ratio: float, layers: int) -> str:
    """The ratio as a power of what one layer makes of it; nothing where that is the ratio itself, or 0."""
    if layers < 2 or not ratio:
        return ""
    power = worked(lambda base: base**layers, [ratio ** (1 / layers)], ratio)
    return f" {power.relation} {as_one(power.inputs[0])}^{{{layers}}}"


def _reading(gradients: np.ndarray, name: str) -> str:
    """What became of the gradient between the last layer and the first. name: "without" or "with"."""
    start, n, none = f"{name.capitalize()} shortcuts,", len(gradients), int((gradients == 0).sum())
    if none == n:
        return f"{start} no gradient reaches any layer: the last but one gives only zeros, where its activation function is flat."
    said = []
    if none:
        whose = "1 layer gets" if none == 1 else f"{none} layers get"
        why = (
            "a layer whose activation function is flat for all that it is given lets nothing through"
            if name == "without"
            else "the activation function is flat for all that it is given there, and the gradient passes by on the shortcut"
        )
        said.append(f"{start} {whose} no gradient, and no point in the figure: {why}.")
    i = _lowest(gradients, name)
    if gradients[i] and gradients[-1]:
        ratio = significant(float(gradients[i] / gradients[-1]))
        said.append(f"{start} layer {i} gets {ratio} times the gradient of the last layer.")
    return " ".join(said)


@keeping(2 * MB)
def _drawn_again(depth: int, width: int, activation: str, seed: int) -> str:
    """Why the last layer is not the first that the seed gives; nothing where it is. Kept too."""
    draws = lessons.last_layer_draws(depth, width, activation, seed)
    if draws == 1:
        return ""
    before = "the one before" if draws == 2 else f"the {draws - 1} before"
    return (
        f" The last layer is draw {draws} of this seed: with {before} it, the last activation function was flat "
        f"(a slope below {significant(lessons.LEAST_SLOPE)}) in at least one of the two networks, and next to nothing would have been sent back."
    )
