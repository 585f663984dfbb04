"""The component that draws figures, in a real browser: drawn again in place, and saved as pictures."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from app.charts import theme
from tests.browser.figure_app import SHARES
from tests.browser.figure_visitor import Visitor
from tests.browser.map_visitor import rgb
from tests.browser.visit import settled

Open = Callable[..., Visitor]


def test_other_numbers_are_drawn_in_the_same_element_and_equal_ones_not_at_all(open_figure: Open) -> None:
    visitor = open_figure("bars")
    visitor.figure.evaluate("figure => { figure.querySelector('svg').kept = true; performance.clearMeasures(); }")
    with settled(visitor.page):
        visitor.page.get_by_role("button", name="Again").click()
    assert visitor.durations() == []
    with settled(visitor.page):
        visitor.page.get_by_role("button", name="Turn").click()
    visitor.page.wait_for_function("() => performance.getEntriesByName('glass-figure').length === 1")
    assert visitor.figure.locator("svg").evaluate("svg => svg.kept")
    scale = visitor.scale("x", "%", 0.01)
    assert np.allclose([scale(right) for _, _, right, _ in visitor.bars()[0]], np.roll(SHARES, 1), atol=1e-3)


@pytest.mark.timing
def test_a_drawing_takes_less_than_a_frame(open_figure: Open) -> None:
    visitor = open_figure("strip")
    visitor.page.evaluate("performance.clearMeasures()")
    for _ in range(5):
        with settled(visitor.page):
            visitor.page.get_by_role("button", name="Turn").click()
    assert len(visitor.durations()) == 5
    assert statistics.median(visitor.durations()) < 16


def test_what_was_pointed_at_says_its_new_number(open_figure: Open) -> None:
    visitor = open_figure("log")
    visitor.figure.focus()
    visitor.press("ArrowDown", "End")
    assert visitor.said() == ["the", "layer 3", "length 1,000"]
    visitor.press("ArrowDown")
    assert visitor.said()[2] == "length 10,000"
    with settled(visitor.page):
        visitor.page.get_by_role("button", name="Turn").evaluate("button => button.click()")
    assert visitor.said()[2] == "length 20,000"


def test_a_series_is_hidden_from_the_legend_and_stays_so(open_figure: Open) -> None:
    visitor = open_figure("bars")
    item = visitor.figure.get_by_role("button", name="show first")
    item.click()
    assert len(visitor.bars()) == 1
    expect(item).to_have_attribute("aria-pressed", "false")
    with settled(visitor.page):
        visitor.page.get_by_role("button", name="Turn").click()
    assert len(visitor.bars()) == 1
    item.focus()
    visitor.press("Enter")
    assert len(visitor.bars()) == 2
    expect(item).to_be_focused()


def test_another_width_needs_no_new_run_of_the_page(open_figure: Open) -> None:
    visitor = open_figure("points")
    wide, code = visitor.plot(), visitor.page.locator('[data-testid="stCode"]').element_handle()
    visitor.page.set_viewport_size({"width": 600, "height": 900})
    visitor.page.wait_for_function(
        "([figure, width]) => +figure.querySelector('#plot rect').getAttribute('width') < width",
        arg=[visitor.figure.element_handle(), wide[2] - wide[0] - 300],
    )
    assert np.allclose([visitor.scale("x")(x) for x in visitor.marks()], [0, 2, 1.5, 1, 3, 0.5], atol=0.05)
    assert code and code.is_visible()


def test_texts_follow_when_the_theme_changes(open_figure: Open) -> None:
    visitor = open_figure("log")
    visitor.page.emulate_media(color_scheme="dark")
    expect(visitor.figure.locator(".title")).to_have_css("fill", f"rgb{rgb(theme.SURFACES['dark']['ink'])}")


@pytest.mark.parametrize("kind", ["log", "strip"])
def test_the_svg_stands_alone(open_figure: Open, kind: str, tmp_path: Path) -> None:
    visitor = open_figure(kind, dark=True)
    text = visitor.saved("SVG", tmp_path).read_text("utf-8")
    root = ElementTree.fromstring(text)
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("font-family", "").startswith('"Source Sans"')
    assert root[0].tag == f"{name}rect" and root[0].get("fill") == theme.SURFACES["dark"]["paper"]
    assert "var(" not in text and "color(" not in text and "point" not in {e.get("class") for e in root.iter()}
    written = [e for e in root.iter(f"{name}text") if e.text]
    assert {"layer" if kind == "log" else "dimension"} <= {e.text for e in written}
    assert all(e.get("fill") and e.get("font-size") for e in written)
    assert (root.find(f"{name}image") is not None) == (kind == "strip")


def test_the_png_is_the_figure_at_twice_the_size(open_figure: Open, tmp_path: Path) -> None:
    visitor = open_figure("histogram")
    image = Image.open(BytesIO(visitor.saved("PNG", tmp_path).read_bytes())).convert("RGB")
    left, top, right, bottom = visitor.box("")
    assert image.size == (pytest.approx(2 * (right - left + 32), abs=2), pytest.approx(2 * (bottom - top + 32), abs=2))
    bar = visitor.bars()[0][2]
    inside = image.getpixel((int(2 * (bar[0] + 16 + 4)), int(2 * (bar[1] + 16 + 4))))
    residual, paper = rgb(theme.colour("residual", "light")), rgb(theme.SURFACES["light"]["paper"])
    assert np.abs(np.array(inside) - (0.55 * np.array(residual) + 0.45 * np.array(paper))).max() < 8
    assert image.getpixel((3, 3)) == paper
