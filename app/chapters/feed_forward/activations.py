"""Activation functions on the screen: their names, and the part of the feed-forward page that compares their values and slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.activation_names import NAMES, SWIGLU, name
from app.charts import Figure
from app.charts.curve_reader import Curve, curve_reader
from app.components.curve_reader import curve_reader as movable_curves
from app.recent import MB, keeping
from app.runtime import Here
from app.writing.numbers import significant
from app.writing.worked import MOST, latex_number, worked
from gptcore import by_torch, lessons
from gptcore.checks import TOLERANCE, Check

TITLE = "Value and slope of each function"
X = np.linspace(-4, 4, 161)


@keeping(2 * MB)
def curve(activation: str, second_input: float = 1.0) -> Curve:
    """Values and slopes over X. SwiGLU is SiLU times a second input, which is held still here. Kept; not to be changed."""
    if activation == SWIGLU:
        values, slopes = lessons.value_and_slope("silu", X)
        return Curve(values * second_input, slopes * second_input, "dart")
    return Curve(*lessons.value_and_slope(activation, X), NAMES[activation][1])


def curve_table(curves: dict[str, Curve]) -> pd.DataFrame:
    """function, x, value, slope: one line a point."""
    return pd.concat(
        [pd.DataFrame({"function": label, "x": X, "value": c.values, "slope": c.slopes}) for label, c in curves.items()],
        ignore_index=True,
    )


def self_check(activation: str, second_input: float = 1.0) -> Check:
    """The curve that is drawn, and its slope, against PyTorch's kernel and that one's own derivative, over X; SwiGLU's times the
    second input."""
    ours = curve(activation, second_input)
    times = second_input if activation == SWIGLU else 1.0
    values, slopes = by_torch.value_and_slope("silu" if activation == SWIGLU else activation, X)
    apart = max(np.abs(ours.values - times * values).max(), np.abs(ours.slopes - times * slopes).max())
    kernel = f"{significant(second_input)} times PyTorch's own SiLU" if activation == SWIGLU else "PyTorch's own kernel"
    description = (
        f"Value and slope by the formula against {kernel}, from x = −4 to 4, in float64. "
        "Deviation in the function's value, or its slope."
    )
    return Check(name(activation), description, float(apart), TOLERANCE)


def functions(_: Here) -> None:
    """Which functions are drawn."""
    st.pills("Functions", choices.FUNCTIONS_OFFERED, format_func=name, selection_mode="multi", **state.choice(choices.FUNCTIONS))


def chosen_functions() -> list[str]:
    """Those that are drawn, in their order."""
    chosen = state.chosen(choices.FUNCTIONS)
    return [activation for activation in choices.FUNCTIONS_OFFERED if activation in chosen]


def comparison(_: Here) -> None:
    """The functions on one pair of axes with a movable x."""
    if not (shown := chosen_functions()):
        ui.note("Choose at least one function.")
        return
    _curves(shown)
    ui.note(
        "ReLU cuts at 0: whatever lies below is lost, and so is its gradient. GELU, which GPT-2 uses, is smooth and "
        "lets small negative numbers through. SiLU (sigmoid linear unit) is x times its sigmoid; SwiGLU (Swish-gated linear "
        "unit, Swish being another name of SiLU) multiplies it by a second number. Move x and read off what each makes of it."
    )


def in_numbers(_: Here) -> None:
    """What there is to see, and the formulas at this x."""
    _reading()
    _formulas(float(state.chosen(choices.FUNCTIONS_X)), float(state.chosen(choices.SWIGLU_INPUT)))


def checks(_: Here) -> None:
    """Each curve against PyTorch's kernel; the code."""
    second = float(state.chosen(choices.SWIGLU_INPUT))
    ui.self_check([self_check(activation, second) for activation in chosen_functions()])
    ui.source(lessons.gelu_tanh, lessons.gelu_exact, lessons.relu, lessons.silu)


def _curves(shown: Sequence[str]) -> None:
    """The component, and the same picture as a figure when it is asked for."""
    at, second, mode = state.chosen(choices.FUNCTIONS_X), state.chosen(choices.SWIGLU_INPUT), ui.mode()

    def let_go(x: float, factor: float) -> None:
        state.take(choices.FUNCTIONS_X, x)
        state.take(choices.SWIGLU_INPUT, factor)

    def curves() -> dict[str, Curve]:
        return {name(activation): curve(activation, second) for activation in shown}

    def figure() -> Figure:
        return curve_reader(curves(), X, at=int(np.abs(X - at).argmin()), title=TITLE, mode=mode)

    ui.figure_menu("activation-functions", lambda: curve_table(curves()), figure)
    movable_curves(
        {name(activation): curve(activation) for activation in shown},
        X,
        key="activation_functions",
        title=TITLE,
        at=at,
        factor=second,
        factor_name="Second input of SwiGLU",
        scaled=[name(SWIGLU)],
        mode=mode,
        on_let_go=let_go,
    )


def _reading() -> None:
    """What there is to see."""
    lowest_x, lowest = lessons.gelu_minimum()
    apart = float(np.abs(curve("gelu_tanh").values - curve("gelu_exact").values).max())
    ui.note(
        f"GELU is lowest at x = {significant(lowest_x, 4)}, where it is {significant(lowest)}; beyond, it comes back "
        "to 0. Its tanh form, with which GPT-2 was trained, and the exact one differ here by at most "
        f"{significant(apart)}: too little to see, enough to change a model's numbers. "
        "Many of today's models use SwiGLU: one linear layer gives x, another a second number, and SiLU(x) is multiplied by it, "
        "as a gate."
    )


def inside_tanh(x: float) -> float:
    """What stands behind tanh in GELU."""
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def _formulas(x: float, second: float) -> None:
    """The formulas, with the x put in at which the reader was let go, and SwiGLU's second input."""
    n, silu = latex_number, x / (1 + math.exp(-x))
    t = inside_tanh(x)
    gelu = worked(lambda x, t: 0.5 * x * (1 + math.tanh(t)), [x, t], 0.5 * x * (1 + math.tanh(t)))
    product = worked(lambda second, silu: second * silu, [second, silu], second * silu)
    ui.formula(
        rf"""\begin{{aligned}}
        \rule{{0pt}}{{1.1em}} x &= {n(x, MOST)} \\[0.4em]
        t &= \sqrt{{2/\pi}}\,(x + 0.044715\, x^3) \\[0.3em]
        &= {gelu.inputs[1]} \\[0.4em]
        \text{{GELU}}(x) &\approx \tfrac{{1}}{{2}}\, x\, (1 + \tanh t) \\[0.3em]
        &{gelu.out} \\[0.4em]
        \text{{exact GELU}} &= \tfrac{{1}}{{2}}\, x\, (1 + \operatorname{{erf}}(x / \sqrt{{2}})) \\[0.3em]
        &= {n(0.5 * x * (1 + math.erf(x / math.sqrt(2))))} \\[0.4em]
        \text{{ReLU}}(x) &= \max(0, x) = {n(max(0.0, x), MOST)} \\[0.4em]
        \text{{SiLU}}(x) &= x / (1 + e^{{-x}}) = {product.inputs[1]} \\[0.4em]
        \text{{SwiGLU}} &= {product.inputs[0]} \cdot \text{{SiLU}}(x) \\[0.3em]
        &{product.out}
        \end{{aligned}}"""
    )
