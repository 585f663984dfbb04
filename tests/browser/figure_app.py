"""A page with nothing but one figure, for test_figure.py. Query parameters: kind, and hostile for tokens that look like markup."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from app import charts, state, ui
from app.charts import Figure, dots
from app.components import figure as figures
from app.palette import Mode

HOSTILE = ["<img src=x onerror=alert(1)>", "<b>bold</b>", "&amp;", "${x}", "%{y}", "<br>"]
WORDS = ["the", "␣cat", "the", "␣sat", "␣on", "␣a"]
SHARES = np.array([0.4, 0.2, 0.15, 0.12, 0.08, 0.05])


def bars(labels: list[str], turn: int, mode: Mode) -> Figure:
    series = {"first": np.roll(SHARES, turn), "second": SHARES[::-1]}
    return charts.grouped_bars(series, labels=labels, title="Six tokens", value_title="probability", unit="%", mode=mode)


def tiny(labels: list[str], turn: int, mode: Mode) -> Figure:
    series = {"first": SHARES * 5e-5}
    return charts.grouped_bars(series, labels=labels, title="Nearly 0", value_title="probability", unit="%", mode=mode)


def tiny_line(labels: list[str], turn: int, mode: Mode) -> Figure:
    series = {labels[0]: SHARES * 5e-5}
    return charts.line_over_layers(series, title="A line near 0", value_title="probability", unit="%", mode=mode)


def signed(labels: list[str], turn: int, mode: Mode) -> Figure:
    values = [1.0, -2.0, 0.5, 0.0, 2.0, -1.0]
    return charts.grouped_bars({"sum": values}, labels=labels, title="Sums", value_title="sum", unit="", mode=mode)


def histogram(labels: list[str], turn: int, mode: Mode) -> Figure:
    counts = {"before": [0, 10, 40, 10], labels[0]: [5, 25, 25, 5]}
    return charts.histogram(counts, [-2, -1, 0, 1, 2], title="Two histograms", x_title="value", unit="mV", mode=mode)


def log(labels: list[str], turn: int, mode: Mode) -> Figure:
    series = {labels[0]: [1.0, 10, np.nan, 1000], "large": [10.0, 100, 1000, 10_000 * (1 + turn)]}
    return charts.line_over_layers(series, title="Growing lengths", value_title="length", log_y=True, mode=mode)


def points(labels: list[str], turn: int, mode: Mode) -> Figure:
    at = np.array([[0, 0], [1, 2], [2, 1], [3, 3], [1.5, 0.5], [0.5, 2.5]])
    return charts.scatter_2d(
        at, labels=labels, title="Points", x_title="first", y_title="second", groups=["a", "b"] * 3, highlight=1, mode=mode
    )


def crowd(labels: list[str], turn: int, mode: Mode) -> Figure:
    """60 points, more than have room for a label; the ringed one, alone in its label, stands between four others."""
    at = np.random.default_rng(1).normal(size=(60, 2))
    at[7], at[8:12] = 0, [[0.12, 0], [-0.12, 0], [0, 0.15], [0, -0.15]]
    texts = [labels[1] if i == 7 else labels[0] for i in range(60)]
    return charts.scatter_2d(
        at,
        labels=texts,
        title="A crowd",
        x_title="first",
        y_title="second",
        groups=["a"] * 5 + ["b"] * 55,
        highlight=7,
        mode=mode,
    )


def log_dots(labels: list[str], turn: int, mode: Mode) -> Figure:
    series = {"one": [1e6, 1e7, 1e8, 1e9, 1e10, 1e11], "two": [2e6, 2e7, 2e8, 2e9, 2e10, 7e11]}
    return dots.log_dots(
        series, labels=labels, title="Sizes", value_title="size", unit="B", written=lambda v: f"{v / 1e6:,g} MB",
        limits={"a card": 1e9}, mode=mode,
    )  # fmt: skip


def strip(labels: list[str], turn: int, mode: Mode) -> Figure:
    values = np.sin(np.arange(600).reshape(2, 300) / 20) * (1 + turn)
    return charts.strip(values, row_names=["before", labels[0]], title="Two strips", unit="mV", mode=mode)


def heatmap(labels: list[str], turn: int, mode: Mode) -> Figure:
    weights = np.where(np.tri(6) > 0, np.tri(6) / np.arange(1, 7)[:, None], np.nan)
    return charts.heatmap(weights, row_tokens=labels, col_tokens=labels, title="A small map", mode=mode)


KINDS: dict[str, Callable[[list[str], int, Mode], Figure]] = {
    f.__name__: f for f in (bars, tiny, tiny_line, signed, histogram, log, points, crowd, log_dots, strip, heatmap)
}
if st.button("Turn"):
    state.remember("turn", state.remembered("turn", 0) + 1)
st.button("Again")
turn = state.remembered("turn", 0)
kind = st.query_params.get("kind", "bars")
figure = KINDS[kind](HOSTILE if "hostile" in st.query_params else WORDS, turn, ui.mode())
ui.chart(figure, name=f"figure-{kind}", data=pd.DataFrame({"turn": [turn]}))
st.code(json.dumps(figures.spec(figure)))
