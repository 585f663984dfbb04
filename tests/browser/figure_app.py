"""A page with nothing but one figure, for test_figure.py. Query parameters: kind, and dark through the browser."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import charts, state, ui
from app.charts import dots, lens_grid

HOSTILE = ["<img src=x onerror=alert(1)>", "<b>bold</b>", "&amp;", "${x}", "%{y}", "line␤break"]
WORDS = ["the", "␣cat", "the", "␣sat", "␣on", "␣a"]


def numbers(n: int) -> np.ndarray:
    """n shares that sum to 1, others at every turn."""
    weights = np.arange(1.0, n + 1) if state.remembered("turn", 0) % 2 == 0 else np.arange(n, 0.0, -1)
    return weights / weights.sum()


def drawn(kind: str, labels: list[str]) -> go.Figure:
    mode = ui.mode()
    if kind == "bars":
        series = {"first": numbers(6), "second": numbers(6)[::-1]}
        return charts.grouped_bars(
            series, labels=labels, title="Bars of six tokens", value_title="probability", unit="%", mode=mode
        )
    if kind == "signed":
        return charts.grouped_bars(
            {"sum": [1.0, -2, 0.5]}, labels=["a", "b", "c"], title="Signed bars", value_title="sum", unit="", mode=mode
        )
    if kind == "histogram":
        counts = {"before": [0, 10, 40, 10], "after": [5, 25, 25, 5]}
        return charts.histogram(counts, [-2, -1, 0, 1, 2], title="Two histograms", x_title="value", mode=mode)
    if kind == "log":
        series = {"small": [1.0, 10, np.nan, 1000], "large": [10.0, 100, 1000, 1e4]}
        return charts.line_over_layers(series, title="Growing lengths", value_title="length", log_y=True, mode=mode)
    if kind == "points":
        points = np.array([[0, 0], [1, 2], [2, 1], [3, 3], [1.5, 0.5], [0.5, 2.5]])
        return charts.scatter_2d(
            points,
            labels=labels,
            title="Points in a plane",
            x_title="first",
            y_title="second",
            groups=["a", "b"] * 3,
            highlight=1,
            mode=mode,
        )
    if kind == "dots":
        series = {"one": [1e6, 1e8, 1e11], "two": [2e6, 4e8, 7e11]}
        return dots.log_dots(
            series, labels=["small", "middle", "large one"], title="Sizes", value_title="size", unit="B", written=lambda v: f"{v:.0e}",
            limits={"a card": 1e10}, mode=mode,
        )  # fmt: skip
    if kind == "strip":
        values = np.sin(np.arange(600).reshape(2, 300) / 20) * (1 + state.remembered("turn", 0))
        return charts.strip(values, row_names=["before", "after"], title="Two strips", unit="mV", mode=mode)
    if kind == "lens":
        texts = [[f"w{r}{c}" for c in range(6)] for r in range(4)]
        facts = [[[text, "a line"] for text in row] for row in texts]
        return lens_grid.lens_grid(
            np.linspace(0, 1, 24).reshape(4, 6), texts=texts, facts=facts, settled=[1, None, 2, 0, 3, 1], row_names=["in", "0", "1", "2"],
            col_tokens=labels, title="A grid", value_title="probability", unit="%", top=1, mode=mode,
        )  # fmt: skip
    weights = np.where(np.tri(6) > 0, np.tri(6) / np.arange(1, 7)[:, None], np.nan)
    return charts.heatmap(weights, row_tokens=labels, col_tokens=labels, title="A small map", mode=mode)


ui.style()
kind = st.query_params.get("kind", "bars")
if st.button("Turn"):
    state.remember("turn", state.remembered("turn", 0) + 1)
figure = drawn(kind, HOSTILE if "hostile" in st.query_params else WORDS)
if "plotly" in st.query_params:
    st.plotly_chart(charts.dressed(figure, ui.mode()), theme=None)
else:
    ui.chart(figure, name=f"figure-{kind}", data=lambda: None)
st.code(json.dumps({"turn": state.remembered("turn", 0)}))
