"""The figure with the movable x: every position of its slider shows the values and slopes at that x."""

from __future__ import annotations

import numpy as np
import pytest

from app.charts.curve_reader import Curve, curve_reader

X = np.linspace(-1, 1, 5)
CURVES = {"square": Curve(X**2, 2 * X, "feed_forward"), "<b>cube</b>": Curve(X**3, 3 * X**2, "reference")}


def test_each_step_of_the_slider_moves_line_marks_and_readings_to_its_x() -> None:
    figure = curve_reader(CURVES, X, at=1, title="Two powers").plotly()
    steps = figure.layout.sliders[0].steps
    assert len(steps) == len(X)
    for i, step in enumerate(steps):
        moved, layout, traces = step.args
        assert moved["x"] == [[X[i]] * 2] * 2
        assert np.allclose(moved["y"], [[X[i] ** 2, X[i] ** 3], [2 * X[i], 3 * X[i] ** 2]], atol=1e-4)
        assert (layout["shapes[0].x0"], layout["shapes[0].x1"]) == (X[i], X[i])
        assert [figure.data[trace].mode for trace in traces] == ["markers", "markers"]
        reading = f"value {X[i] ** 2:.3f}, slope {2 * X[i]:.3f}".replace("-0.000", "0.000").replace("-", "−")
        assert layout["annotations[0].text"].endswith(reading)


def test_it_begins_where_it_is_told_to() -> None:
    figure = curve_reader(CURVES, X, at=3, title="Two powers").plotly()
    assert figure.layout.sliders[0].active == 3 and figure.layout.shapes[0].x0 == X[3]
    assert list(figure.data[-2].y) == [0.25, 0.125]
    assert figure.layout.annotations[0].text == figure.layout.sliders[0].steps[3].args[1]["annotations[0].text"]
    assert "x = 0.5" in figure.layout.meta["alt"] and "value 0.250, slope 1.000" in figure.layout.meta["alt"]


def test_names_are_text_and_not_markup() -> None:
    figure = curve_reader(CURVES, X, at=0, title="Two powers").plotly()
    assert figure.layout.annotations[1].text.startswith("<b>&lt;b&gt;cube&lt;/b&gt;</b>")


def test_a_curve_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="x has 5 points"):
        curve_reader({"short": Curve(X[:4], X, "reference")}, X, at=0, title="Short")
