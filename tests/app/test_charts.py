"""Figures as data: what they draw, what they say on hover and to a screen reader, and that text stays text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from app import charts
from app.charts import Figure, labels, theme
from app.charts.theme import Mode

MODES: tuple[Mode, ...] = ("light", "dark")
HOSTILE = ["<b>the</b>", " cat", "%{x}", "$a$", "&amp;"]


# ---- text and numbers --------------------------------------------------------------------------------------------------


def test_escaped_text_holds_nothing_that_plotly_reads_as_markup() -> None:
    assert labels.escape("<b>%{x}$a$&amp;") == "&lt;b&gt;%&#123;x&#125;&#36;a&#36;&amp;amp;"


def test_crowded_labels_are_thinned_to_every_kth_position() -> None:
    positions, texts = labels.thinned([f"t{i}" for i in range(100)], 30)
    assert positions == list(range(0, 100, 4))
    assert texts[1] == "t4"
    assert labels.thinned(["a"], 30) == ([0], ["a"])


def test_a_long_title_is_broken_into_lines_that_fit_a_phone() -> None:
    title = "What the last token of the prompt reads in each head of the layer in focus"
    lines = labels.wrapped(title).split("<br>")
    assert " ".join(lines) == title
    assert max(map(len, lines)) <= 46 < len(title)


# ---- the builders ------------------------------------------------------------------------------------------------------

TRIANGLE = np.where(np.tri(5) > 0, np.tri(5) / np.arange(1, 6)[:, None], np.nan)
PARTS = [
    charts.Area("all", HOSTILE[0], "", 10),
    charts.Area("a", HOSTILE[2], "all", 7, "attention"),
    charts.Area("b", HOSTILE[4], "all", 3, "feed_forward"),
]
TITLE = "What <i>this</i> shows"
Build = Callable[[Mode], Figure]
BUILDERS: dict[str, Build] = {
    "heatmap": lambda mode: charts.heatmap(TRIANGLE, row_tokens=HOSTILE, col_tokens=HOSTILE, title=TITLE, mode=mode),
    "strip": lambda mode: charts.strip(TRIANGLE, row_names=HOSTILE, title=TITLE, unit="mV", mode=mode),
    "grouped_bars": lambda mode: charts.grouped_bars(
        {HOSTILE[0]: TRIANGLE[4], "after": TRIANGLE[4]}, labels=HOSTILE, title=TITLE, value_title="chance", unit="%", mode=mode
    ),
    "histogram": lambda mode: charts.histogram(
        {HOSTILE[0]: [1, 2, 3], "after": [0, 5, 0]}, [-1, 0, 1, 2], title=TITLE, x_title="activation", unit="mV", mode=mode
    ),
    "line_over_layers": lambda mode: charts.line_over_layers(
        {HOSTILE[0]: [1, 2, 4], "after": [3, 2, np.nan]}, title=TITLE, value_title="length", unit="mV", log_y=True, mode=mode
    ),
    "curves": lambda mode: charts.curves(
        {HOSTILE[0]: [0, 1]}, [0, 1], title=TITLE, x_title="input", value_title="output", unit="mV", mode=mode
    ),
    "scatter_2d": lambda mode: charts.scatter_2d(
        np.eye(5)[:, :2], labels=HOSTILE, title=TITLE, x_title="first", y_title="second", unit="mV", highlight=1, mode=mode
    ),
    "waterfall": lambda mode: charts.waterfall(
        [1.0, -2.0, 0.5],
        labels=HOSTILE[:3],
        stages=["attention", "feed_forward", "attention"],
        kinds=[HOSTILE[0], "after", HOSTILE[0]],
        title=TITLE,
        value_title="share",
        total_title="sum",
        unit="mV",
        mode=mode,
    ),
    "token_tree": lambda mode: charts.token_tree(
        [charts.Block(HOSTILE[0], 0.9, 4, 0, 0, "present"), charts.Block(HOSTILE[2], 0.1, 5, 1, 0, "left")],
        title=TITLE,
        mode=mode,
    ),
    "treemap": lambda mode: charts.treemap(PARTS, title=TITLE, unit="mV", mode=mode),
}
each_builder = pytest.mark.parametrize("name", BUILDERS)


def strings(figure: go.Figure) -> list[str]:
    """Every string of the figure but its alt text, which is no markup."""

    def walk(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [s for key, v in value.items() if key not in {"meta", "template"} for s in walk(v)]
        if isinstance(value, list):
            return [s for v in value for s in walk(v)]
        return [value] if isinstance(value, str) else []

    return walk(json.loads(figure.to_json()))


@each_builder
@pytest.mark.parametrize("mode", MODES)
def test_every_figure_says_what_it_shows_to_those_who_cannot_see_it(name: str, mode: Mode) -> None:
    figure = BUILDERS[name](mode).plotly()
    alt = figure.layout.meta["alt"]
    assert TITLE in alt
    assert alt.endswith(".")
    assert "nan" not in alt
    unit = "%" if name in {"heatmap", "grouped_bars", "token_tree"} else "mV"
    assert unit in alt


@each_builder
def test_every_figure_has_a_title_and_a_unit_on_the_screen(name: str) -> None:
    figure = BUILDERS[name]("light").plotly()
    assert figure.layout.title.text.startswith("What &lt;i&gt;this&lt;/i&gt; shows")
    titles = [figure.layout.title.text, figure.layout.xaxis.title.text or "", figure.layout.yaxis.title.text or ""]
    assert any("(%)" in title or "(mV)" in title for title in titles)


@each_builder
@pytest.mark.parametrize("mode", MODES)
def test_every_figure_can_wear_the_template_of_its_mode(name: str, mode: Mode) -> None:
    pio.templates.default = "plotly"  # as whoever draws with plotly may set it
    assert BUILDERS[name](mode).plotly().layout.template.to_plotly_json() == {}
    figure = charts.dressed(BUILDERS[name](mode), mode)
    assert figure.layout.template.to_plotly_json() == theme.template(mode).to_plotly_json()
    assert figure.layout.height > 0
    assert figure.layout.width is None, "its width is its container's"


@each_builder
def test_text_of_users_and_models_stays_text(name: str) -> None:
    texts = strings(BUILDERS[name]("light").plotly())
    assert any("&lt;b&gt;the&lt;/b&gt;" in text for text in texts)
    assert not any(raw in text for text in texts for raw in ("<b>the", "<i>this", "$a$"))
    assert "%{x}" not in texts


@each_builder
def test_hover_shows_the_value_with_its_unit(name: str) -> None:
    figure = BUILDERS[name]("light").plotly()
    trace = figure.data[0]
    assert trace.hovertemplate.endswith("<extra></extra>")
    said = json.dumps(trace.to_plotly_json(), default=lambda array: array.tolist())
    assert (" %" in said) if name in {"heatmap", "grouped_bars", "token_tree"} else ("mV" in said)


def test_figures_as_a_page_of_their_own_have_the_background_of_their_mode_and_stay_what_they_are() -> None:
    figure = BUILDERS["curves"]("dark")
    before = figure.plotly().to_json()
    page = charts.stand_alone([figure, BUILDERS["strip"]("dark")], "dark")
    assert f'"paper_bgcolor":"{theme.SURFACES["dark"]["paper"]}"' in page
    assert f"background: {theme.SURFACES['dark']['paper']};" in page and page.count('role="img" aria-label="') == 2
    assert page.count("<script") >= 2 and len(page) > 4_000_000, "plotly itself is in it"
    assert figure.plotly().to_json() == before
    assert page.count("Plotly.newPlot(") == 2 and page.rstrip().endswith("</html>")


def test_equal_tokens_keep_a_column_each() -> None:
    tokens = ["the", " cat", "the"]
    figure = charts.heatmap(np.eye(3), row_tokens=tokens, col_tokens=tokens, title="t").plotly()
    assert list(figure.layout.xaxis.tickvals) == [0, 1, 2]
    assert list(figure.layout.xaxis.ticktext) == tokens
    assert figure.data[0].x is None, "columns are positions, not names"
    assert np.asarray(figure.data[0].z).shape == (3, 3)


def test_hover_of_a_map_names_both_tokens_with_their_positions() -> None:
    figure = charts.heatmap(TRIANGLE, row_tokens=HOSTILE, col_tokens=HOSTILE, title="t").plotly()
    assert list(figure.data[0].customdata[3][1]) == ["&#36;a&#36; (3)", " cat (1)", "25.0 %"]


def test_what_is_left_out_shows_the_card_and_not_the_colour_of_zero() -> None:
    figure = charts.heatmap(TRIANGLE, row_tokens=HOSTILE, col_tokens=HOSTILE, title="t").plotly()
    assert np.isnan(figure.data[0].z[0][1])
    assert figure.data[0].hoverongaps is False
    assert figure.layout.plot_bgcolor == theme.SURFACES["light"]["card"] != figure.data[0].colorscale[0][1]


@pytest.mark.parametrize(
    ("scale", "values", "top", "ends"),
    [
        ("probability", [[0.2]], None, (0, 1)),
        ("probability", [[0.2]], 0.5, (0, 0.5)),
        ("signed", [[-3.0]], None, (-3, 3)),
        ("signed", [[0.0]], None, (-1, 1)),
        ("signed", [[np.nan]], None, (-1, 1)),
    ],
)
def test_a_quantity_keeps_its_scale(scale: Any, values: list[list[float]], top: float | None, ends: tuple[float, float]) -> None:
    trace = charts.heatmap(values, row_tokens=["a"], col_tokens=["b"], title="t", unit="", scale=scale, top=top).plotly().data[0]
    assert (trace.zmin, trace.zmax) == ends


def test_the_alt_text_of_a_map_names_its_largest_cell() -> None:
    values = np.array([[0.1, 0.2], [0.7, 0.0]])
    figure = charts.heatmap(values, row_tokens=["a", "b"], col_tokens=["c", "d"], title="Map").plotly()
    assert figure.layout.meta["alt"] == (
        "Heat map: Map. 2 rows (query token) by 2 columns (key token); attention weight (%) from 0.0 % to 70.0 %, "
        "largest at row b (1), column c (0)."
    )
    one = charts.heatmap([[1.0]], row_tokens=["a"], col_tokens=["a"], title="Map").plotly()
    assert "1 row (query token) by 1 column (key token);" in one.layout.meta["alt"]


def test_a_map_of_64_tokens_stays_far_below_a_megabyte() -> None:
    tokens = ["␣tokens"] * 64
    figure = charts.heatmap(np.full((64, 64), 1 / 64), row_tokens=tokens, col_tokens=tokens, title="t").plotly()
    assert len(figure.to_json()) < 400_000


def test_bars_leave_room_for_the_numbers_beside_them() -> None:
    both = charts.grouped_bars({"a": [2.0, -1.0]}, labels=["x", "y"], title="t", value_title="v", unit="").plotly()
    positive = charts.grouped_bars({"a": [2.0, 1.0]}, labels=["x", "y"], title="t", value_title="v", unit="").plotly()
    assert both.layout.xaxis.range == (-2.5, 2.5)
    assert positive.layout.xaxis.range == (0, 2.5)
    assert both.data[0].text == ("2", "−1")


def test_series_differ_by_more_than_colour() -> None:
    figure = charts.line_over_layers({"a": [1, 2], "b": [2, 1]}, title="t", value_title="v").plotly()
    first, second = figure.data
    assert first.line.dash != second.line.dash
    assert first.marker.symbol != second.marker.symbol


def test_a_low_figures_legend_lies_below_and_only_where_there_is_more_than_one_series() -> None:
    bars = {"labels": ["x", "y"], "title": "t", "value_title": "v", "unit": ""}
    one, two = (charts.grouped_bars({name: [1, 2] for name in names}, **bars).plotly() for names in ("a", "ab"))
    assert (one.layout.showlegend, two.layout.showlegend) == (False, True)
    assert two.layout.margin.b > one.layout.margin.b
    assert theme.template("light").layout.legend.orientation == "h"


def test_the_legend_of_lines_stands_above_them_in_sight() -> None:
    one, two = (charts.line_over_layers({name: [1, 2] for name in names}, title="t", value_title="v") for names in ("a", "ab"))
    assert two.layout["margin"]["t"] > one.layout["margin"]["t"] and two.layout["margin"]["b"] == one.layout["margin"]["b"]


def test_the_legend_of_a_tall_figure_stands_above_the_plot_and_moves_nothing_else() -> None:
    bars = {"labels": [str(i) for i in range(20)], "title": "t", "value_title": "v", "unit": ""}
    one, two = (charts.grouped_bars({name: range(20) for name in names}, **bars, row_height=40) for names in ("a", "ab"))
    assert two.layout["margin"]["t"] > one.layout["margin"]["t"] and two.layout["margin"]["b"] == one.layout["margin"]["b"]
    heading, height = one.layout["margin"]["t"], two.layout["height"]
    assert two.plotly().layout.legend.y == pytest.approx(1 - heading / height)  # right under the heading


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: charts.heatmap([[1, 2]], row_tokens=["a"], col_tokens=["b"], title="t"), "1 row and 1 column"),
        (lambda: charts.strip([1, 2], row_names=["a", "b"], title="t"), "2 row"),
        (lambda: charts.grouped_bars({"a": [1]}, labels=["x", "y"], title="t", value_title="v", unit=""), "2 labels"),
        (lambda: charts.histogram({"a": [1, 2]}, [0, 1], title="t", x_title="x"), "1 labels or bins"),
        (lambda: charts.line_over_layers({"a": [0, 1]}, title="t", value_title="v", log_y=True), "above 0"),
        (lambda: charts.line_over_layers({"a": [1, 2], "b": [1]}, title="t", value_title="v"), "one value for each x"),
        (lambda: charts.line_over_layers({"a": [1]}, title="t", value_title="v", layer_names=["x", "y"]), "2 layer names"),
        (lambda: charts.curves({k: [1] for k in "abc"}, [1], title="t", x_title="x", value_title="v"), "name a stage"),
        (lambda: charts.scatter_2d([[1, 2, 3]], labels=["a"], title="t", x_title="x", y_title="y"), "two numbers"),
        (lambda: charts.treemap([*PARTS, charts.Area("c", "c", "nowhere", 1)], title="t", unit=""), "nowhere"),
        (lambda: charts.treemap([*PARTS, PARTS[1]], title="t", unit=""), "1 repeated"),
    ],
)
def test_data_that_do_not_fit_are_refused_with_their_sizes(build: Callable[[], Figure], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@each_builder
def test_figures_of_a_single_thing_can_be_drawn(name: str) -> None:
    one = {
        "heatmap": lambda: charts.heatmap([[1.0]], row_tokens=["a"], col_tokens=["a"], title="t"),
        "token_tree": lambda: charts.token_tree([charts.Block("a", 1.0, 0, 0, 0, "present")], title="t"),
        "waterfall": lambda: charts.waterfall(
            [0.0], labels=["a"], stages=["attention"], kinds=["k"], title="t", value_title="v", total_title="sum"
        ),
        "strip": lambda: charts.strip([0.0], row_names=["a"], title="t"),
        "grouped_bars": lambda: charts.grouped_bars({"a": [0.0]}, labels=["x"], title="t", value_title="v", unit="%"),
        "histogram": lambda: charts.histogram({"a": [0]}, [0, 1], title="t", x_title="x"),
        "line_over_layers": lambda: charts.line_over_layers({"a": [np.nan]}, title="t", value_title="v"),
        "curves": lambda: charts.curves({"a": [1]}, [0], title="t", x_title="x", value_title="v"),
        "scatter_2d": lambda: charts.scatter_2d([[0, 0]], labels=["a"], title="t", x_title="x", y_title="y"),
        "treemap": lambda: charts.treemap(PARTS[:1], title="t", unit=""),
    }[name]().plotly()
    assert one.layout.meta["alt"]
    assert "nan" not in one.layout.meta["alt"]
