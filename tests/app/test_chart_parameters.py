"""What a chapter asks of a figure is a parameter of its builder."""

from __future__ import annotations

import numpy as np
import pytest

from app.charts import VerticalLine, curves, grouped_bars, line_over_layers, parted_strip
from app.charts.theme import colour

NAMES = {"title": "t", "value_title": "v"}


def test_vertical_lines_stand_where_they_are_asked_for_and_never_outside_the_plot() -> None:
    lines = [VerticalLine(2), VerticalLine(1.5, "reference", "dash", 2), VerticalLine(9)]
    figure = curves({"a": [1, 2, 3]}, [1, 2, 3], x_title="x", vertical_lines=lines, **NAMES)
    drawn = [(s["x0"], s["x1"], s["line"]["dash"], s["line"]["width"], s["line"]["color"]) for s in figure.layout["shapes"]]
    assert drawn == [(2, 2, "dot", 1, colour("residual", "light")), (1.5, 1.5, "dash", 2, colour("reference", "light"))]
    assert "shapes" not in curves({"a": [1, 2]}, [1, 2], x_title="x", **NAMES).layout


def test_curves_take_marks_a_step_and_a_start_at_zero() -> None:
    figure = curves({"a": [5]}, [3], x_title="x", marks=True, x_step=2, from_zero=True, **NAMES)
    assert figure.data[0]["mode"] == "lines+markers"
    assert (figure.layout["xaxis"]["dtick"], figure.layout["yaxis"]["rangemode"]) == (2, "tozero")


@pytest.mark.parametrize(("top", "between"), [(150, True), (900, False)])
def test_a_logarithmic_axis_names_2_and_5_only_where_there_is_room(top: float, between: bool) -> None:
    axis = curves({"a": [1, top]}, [0, 1], x_title="x", log_y=True, **NAMES).layout["yaxis"]
    assert axis["type"] == "log" and "logarithmic" in axis["title"]["text"]
    assert {"1", "10", "100", "1,000"} <= set(axis["ticktext"]) and ("20" in axis["ticktext"]) == between
    with pytest.raises(ValueError, match="goes down to 0"):
        curves({"a": [0, top]}, [0, 1], x_title="x", log_y=True, **NAMES)


def test_layers_take_a_title_and_a_range() -> None:
    layout = line_over_layers({"a": [0.5, 1]}, layer_title="layer <in>", y_range=(-1, 1), **NAMES).layout
    assert (layout["xaxis"]["title"]["text"], layout["yaxis"]["range"]) == ("layer &lt;in&gt;", (-1, 1))
    assert line_over_layers({"a": [0.5, 1]}, from_zero=True, **NAMES).layout["yaxis"]["rangemode"] == "tozero"


def test_errors_are_whiskers_of_the_first_series_in_place_of_its_numbers() -> None:
    figure = grouped_bars({"a": [0.5, 0.2], "b": [0.4, 0.3]}, labels=["x", "y"], unit="%", errors=[0.1, 0.05], **NAMES)
    first, second = figure.data
    assert first["error_x"]["array"].tolist() == [0.1, 0.05] and first["textposition"] == "none"
    assert "error_x" not in second and second["textposition"] == "outside"
    with pytest.raises(ValueError, match="errors"):
        grouped_bars({"a": [0.5, 0.2]}, labels=["x", "y"], unit="%", errors=[0.1], **NAMES)


def test_bars_take_the_height_of_a_row_and_the_most_ticks() -> None:
    bars = {"a": np.linspace(0, 1, 10)}
    low, high = (grouped_bars(bars, labels=["x"] * 10, unit="%", row_height=h, most_ticks=5, **NAMES).layout for h in (20, 30))
    assert high["height"] - low["height"] == 100 and low["xaxis"]["nticks"] == 5


def test_each_part_of_a_strip_has_a_scale_of_its_own_and_says_its_largest_number() -> None:
    figure = parted_strip({"query": [[np.nan, np.nan], [4, -8]], "key": [[0.5, 1], [0.25, 0]]}, row_names=["a", "b"], title="t")
    cells = figure.data[0]
    assert np.nanmax(np.abs(cells["z"][:, :2])) == np.nanmax(np.abs(cells["z"][:, 2:])) == 1
    assert cells["customdata"][1].tolist() == [4, -8, 0.25, 0] and cells["text"][0][3] == "key, dimension 1"
    assert figure.layout["xaxis"]["ticktext"] == ["query ±8", "key ±1"] and figure.layout["xaxis"]["tickvals"] == [0.5, 2.5]
    assert [shape["x0"] for shape in figure.layout["shapes"]] == [1.5] and "query ±8" in figure.layout["meta"]["alt"]
