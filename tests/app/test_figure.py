"""Which figures our own component draws, and what it sends to the browser."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import numpy as np
import pytest

from app import charts
from app.charts import Figure, dots
from app.components import figure as figures
from app.components import pack

NAN = float("nan")
DRAWN: dict[str, Callable[[], Figure]] = {
    "grouped_bars": lambda: charts.grouped_bars(
        {"a": [1, NAN], "b": [2, 3]}, labels=["x", "y"], title="t", value_title="v", unit="%"
    ),
    "histogram": lambda: charts.histogram({"a": [1, 2]}, [0, 1, 2], title="t", x_title="x"),
    "line_over_layers": lambda: charts.line_over_layers({"a": [1, NAN, 3]}, title="t", value_title="v", log_y=True),
    "curves": lambda: charts.curves({"a": [1, 2]}, [0, 1], title="t", x_title="x", value_title="v"),
    "scatter_2d": lambda: charts.scatter_2d([[0, 1]], labels=["x"], title="t", x_title="x", y_title="y", highlight=0),
    "log_dots": lambda: dots.log_dots(
        {"a": [1, 10]}, labels=["x", "y"], title="t", value_title="v", written=str, limits={"l": 5}
    ),
    "heatmap": lambda: charts.heatmap([[1, NAN]], row_tokens=["x"], col_tokens=["y", "z"], title="t"),
    "strip": lambda: charts.strip([1, 2, 3], row_names=["x"], title="t"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_simple_builder_makes_what_the_component_draws(name: str) -> None:
    assert figures.can_draw(DRAWN[name]())


def test_a_treemap_and_an_empty_figure_are_left_to_plotly() -> None:
    assert not figures.can_draw(charts.treemap([charts.Area("all", "all", "", 10)], title="t", unit=""))
    assert not figures.can_draw(Figure([], {}))


@pytest.mark.parametrize(
    "change",
    [
        {"layout_sliders": [{"steps": [{"method": "skip"}]}],},
        {"layout_updatemenus": [{"buttons": [{"method": "skip"}]}]},
        {"layout_barmode": "stack"},
        {"layout_xaxis_rangebreaks": [{"values": [1]}]},
        {"layout": {"yaxis2": {"title": "a second axis"}}},
        {"layout": {"annotations": [{"text": "with an arrow", "x": 0, "y": 0}]}},
        {"layout": {"shapes": [{"type": "path", "path": "M0,0"}]}},
        {"data": [{"fill": "tozeroy"}]},
        {"data": [{"line": {"shape": "hv"}}]},
        {"data": [{"marker": {"color": [1, 2]}}]},
    ],
)  # fmt: skip
def test_whatever_the_component_does_not_know_is_left_to_plotly(change: dict[str, object]) -> None:
    figure = DRAWN["curves"]()
    assert figures.can_draw(figure)
    changed = figure.plotly().update(**change)
    assert not figures.can_draw(Figure([trace.to_plotly_json() for trace in changed.data], changed.layout.to_plotly_json()))


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_sent_is_what_plotly_draws_in_the_export(name: str) -> None:
    figure = DRAWN[name]().plotly()
    sent = json.loads(json.dumps(figures.spec(DRAWN[name]()), allow_nan=False))
    assert set(sent) == {"data", "layout"}
    assert sent["layout"]["meta"]["alt"] == figure.layout.meta["alt"]
    assert sent["layout"]["title"]["text"] == figure.layout.title.text
    assert [trace["type"] for trace in sent["data"]] == [trace.type for trace in figure.data]
    for trace, given in zip(figure.data, sent["data"], strict=True):
        for field in ("x", "y", "z"):
            if field in given:
                assert np.allclose(np.array(given[field], dtype=float), np.asarray(trace[field], dtype=float), equal_nan=True)


def test_numbers_travel_as_short_lists_whole_ones_exactly_and_gaps_as_null() -> None:
    values = [1 / 3, -163_037_184.0, 1.23456789e-12, NAN, math.inf, 0.0, 1e300]
    figure = charts.curves({"a": values}, range(7), title="t", x_title="x", value_title="v")
    sent = figures.spec(figure)["data"][0]["y"]
    assert sent == [0.3333333, -163_037_184.0, 1.234568e-12, None, None, 0.0, 1e300]


@pytest.mark.parametrize(
    ("build", "most"),
    [
        (lambda random: charts.histogram({"a": [5] * 60, "b": [7] * 60}, np.linspace(-4, 4, 61), title="t", x_title="x"), 8_000),
        (lambda random: charts.strip(random.normal(size=(3, 768)), row_names=list("abc"), title="t"), 32_000),
        (lambda random: charts.line_over_layers({"a": random.random(48)}, title="t", value_title="v"), 4_000),
        (lambda random: charts.heatmap(random.random((64, 64)), row_tokens=["␣token"] * 64, col_tokens=["␣token"] * 64, title="t"), 250_000),
    ],
)  # fmt: skip
def test_few_bytes_are_sent(build: Callable[[np.random.Generator], Figure], most: int) -> None:
    figure = build(np.random.default_rng(0))
    assert len(pack(figures.spec(figure))) < most
