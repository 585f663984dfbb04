"""Activation functions on the screen: their names, and the figure that compares their values and slopes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app import markup, ui
from app.charts import Mode
from app.charts.curve_reader import Curve, curve_reader
from gptcore import lessons

# gptcore's name -> (name on the screen, colour)
NAMES: dict[str, tuple[str, str]] = {
    "gelu_tanh": ("GELU, tanh form", "feed_forward"),
    "gelu_exact": ("GELU, exact", "ablation"),
    "relu": ("ReLU", "reference"),
    "silu": ("SiLU", "embeddings"),
    "tanh": ("tanh", "attention"),
    "sigmoid": ("sigmoid", "tokens"),
}
SWIGLU = "SwiGLU"
CHOICES = ["GELU, tanh form", "GELU, exact", "ReLU", "SiLU", SWIGLU]
X = np.linspace(-4, 4, 161)


def name(activation: str) -> str:
    """An activation of gptcore.lessons as the screen names it."""
    return NAMES[activation][0]


def curve(label: str, second_input: float) -> Curve:
    """Values and slopes over X of one of CHOICES. SwiGLU is SiLU times a second input, which is held still here."""
    if label == SWIGLU:
        values, slopes = lessons.value_and_slope("silu", X)
        return Curve(values * second_input, slopes * second_input, "dart")
    activation = next(key for key, (shown, _) in NAMES.items() if shown == label)
    return Curve(*lessons.value_and_slope(activation, X), NAMES[activation][1])


def curve_table(curves: dict[str, Curve]) -> pd.DataFrame:
    """function, x, value, slope: one line a point."""
    return pd.concat(
        [pd.DataFrame({"function": label, "x": X, "value": c.values, "slope": c.slopes}) for label, c in curves.items()],
        ignore_index=True,
    )


@lru_cache(maxsize=64)
def drawn(labels: tuple[str, ...], second_input: float, mode: Mode) -> tuple[dict[str, Curve], go.Figure]:
    """The curves and their figure, which begins at GELU's lowest point. Kept, since no model has a part in it; not to be changed."""
    curves = {label: curve(label, second_input) for label in labels}
    at = int(np.abs(X - lessons.gelu_minimum()[0]).argmin())
    return curves, curve_reader(curves, X, at=at, title="Value and slope of each function", mode=mode)


@st.fragment
def comparison() -> None:
    """The functions on one pair of axes with a movable x, and what to see there."""
    st.subheader("Why GELU, and not a plain corner?", anchor=False)
    st.markdown(
        "**ReLU** cuts at 0: whatever lies below is lost, and so is its gradient. **GELU**, which GPT-2 uses, bends smoothly and "
        "lets small negative numbers through. Move x and read both values and slopes."
    )
    shown = st.pills("Functions", CHOICES, selection_mode="multi", default=CHOICES[:1] + CHOICES[2:3], key="functions")
    if not shown:
        ui.note("Choose at least one function.")
        return
    second = 0.5
    if SWIGLU in shown:
        second = st.slider("Second input of SwiGLU", -2.0, 2.0, second, 0.1, key="second_input")
    curves, figure = drawn(tuple(label for label in CHOICES if label in shown), second, ui.mode())
    ui.chart(figure, name="activation-functions", data=lambda: curve_table(curves))
    lowest_x, lowest = lessons.gelu_minimum()
    tanh, exact = (lessons.value_and_slope(form, X)[0] for form in ("gelu_tanh", "gelu_exact"))
    ui.note(
        f"GELU is lowest at x = {markup.significant(lowest_x, 4)}, where it is {markup.significant(lowest)}; beyond, it comes back "
        "to 0. Its tanh form, with which GPT-2 was trained, and the exact one differ here by at most "
        f"{markup.significant(float(np.abs(tanh - exact).max()))}: too little to see, enough to change a model's numbers. "
        "Many of today's models use SwiGLU: one linear layer gives x, another a second number, and SiLU(x) is multiplied by it, "
        "as by a tap."
    )
    ui.formula(
        r"""\begin{aligned}
        \text{GELU}(x) &\approx \tfrac{1}{2}\, x\, (1 + \tanh t), \\
        t &= \sqrt{2/\pi}\,(x + 0.044715\, x^3) \\
        \text{ReLU}(x) &= \max(0, x) \\
        \text{SiLU}(x) &= x / (1 + e^{-x})
        \end{aligned}"""
    )
    ui.source(lessons.gelu_tanh, lessons.gelu_exact, lessons.relu, lessons.silu)
