"""Two settings side by side in a real browser: both follow the hand at once, and Python hears of it when the hand lets go."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from app.writing.numbers import percent
from tests.browser.sliders import grab, redraw_times
from tests.browser.visit import Visit, assert_silent, at_rest, no_horizontal_scroll, settled, wait_for_runs, wait_ready

SLIDERS = ("Temperature", "Top-k", "Top-p", "Min-p")


class Visitor:
    """A window on the page with both settings."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.sides = page.locator(".bench .side").all()

    def slider(self, side: int, name: str) -> Locator:
        return self.sides[side].get_by_role("slider", name=name)

    def facts(self, side: int) -> list[str]:
        return self.sides[side].locator("dd").all_inner_texts()

    def effects(self, side: int) -> list[str]:
        return self.sides[side].locator(".effect").all_inner_texts()

    def bars(self) -> list[str]:
        """The numbers beside the bars, those of the first setting first."""
        return self.page.locator(".bench .marks text").all_text_contents()

    def report(self) -> list[dict[str, Any]]:
        """What Python knows of both."""
        return json.loads(self.page.locator('[data-testid="stCode"]').inner_text())


@pytest.fixture
def open_bench(bench: Visit) -> Callable[..., Visitor]:
    """open_bench(width=1280, height=1000, **query parameters) -> a Visitor, when all is drawn."""

    def opened(width: int = 1280, height: int = 1000, **query: object) -> Visitor:
        page = bench("two_settings", query, width=width, height=height)
        page.wait_for_selector(".bench:not(.waiting)")
        (wait_ready if "outside" in query else at_rest)(page)
        return Visitor(page)

    return opened


def agrees(visitor: Visitor) -> None:
    """Everything that the browser shows is what Python has computed."""
    report = visitor.report()
    assert visitor.bars() == [percent(p) for one in report for p in one["final"]]
    for side, one in enumerate(report):
        kept, bits, drawn = visitor.facts(side)
        assert kept.startswith(f"{one['kept'][-1]:,} of ") and f", {percent(one['mass'])} of" in kept
        assert float(bits.split()[0]) == pytest.approx(one["bits"], abs=0.0051)
        assert drawn.endswith(percent(one["final"][one["rank"]]) if one["rank"] < 12 else " %")
        before = one["kept"][0]
        for effect, left, cut in zip(visitor.effects(side)[1:], one["kept"][1:], one["cut"][1:], strict=True):
            assert effect == ("cuts nothing" if left == before else f"keeps {left:,}, cuts {percent(cut)}")
            before = left


def test_bars_and_words_say_what_python_says_after_any_change(open_bench: Any) -> None:
    visitor = open_bench(size=50257)
    agrees(visitor)
    for side, name, key in ((0, "Top-k", "Home"), (0, "Temperature", "PageUp"), (1, "Min-p", "PageUp"), (1, "Top-p", "PageDown")):
        with settled(visitor.page):
            visitor.slider(side, name).press(key)
        agrees(visitor)
    assert visitor.report()[0]["settings"]["top_k"] == 1
    assert_silent(visitor.page)


def test_a_drag_moves_the_bars_before_it_is_let_go_and_leaves_the_other_setting_alone(open_bench: Any) -> None:
    visitor = open_bench()
    before = visitor.bars()
    left, width, y = grab(visitor.slider(1, "Temperature"))
    visitor.page.mouse.move(left + 0.6 * width, y, steps=5)
    expect(visitor.page.locator(".bench .marks text").nth(12)).not_to_have_text(before[12])
    during = visitor.bars()
    assert during[:12] == before[:12]
    shown = float(visitor.sides[1].locator("output").first.inner_text())
    assert shown > 1.5 and visitor.report()[1]["settings"]["temperature"] == 0.8
    with settled(visitor.page):
        visitor.page.mouse.up()
    assert visitor.report()[1]["settings"]["temperature"] == pytest.approx(shown)
    assert visitor.report()[0]["settings"]["temperature"] == 1
    assert visitor.bars() == during, "nothing jumps when Python answers"
    agrees(visitor)


def test_a_drag_survives_runs_of_the_page_that_set_something_else(open_bench: Any) -> None:
    visitor = open_bench(outside=2)  # every 150 ms the page sets 2.0 or 2.1 by itself
    output = visitor.sides[0].locator("output").first
    expect(output).to_have_text("2.10")
    left, width, y = grab(visitor.slider(0, "Temperature"))
    visitor.page.mouse.move(left + 0.1 * width, y, steps=3)
    held = output.inner_text()
    assert float(held) < 0.8
    for _ in range(5):
        wait_for_runs(visitor.page, 1)
        assert output.inner_text() == held
    visitor.page.mouse.up()
    expect(output).to_have_text("2.10")


def test_the_longest_axis_ends_at_100_percent(open_bench: Any) -> None:
    visitor = open_bench()
    visitor.slider(0, "Temperature").press("Home")
    expect(visitor.page.locator(".bench .marks text").first).to_have_text("100.0 %")
    ticks = visitor.page.locator(".bench .ticks.x text").all_text_contents()
    assert ticks == ["0", "25 %", "50 %", "75 %", "100 %"]


@pytest.mark.timing
@pytest.mark.parametrize("name", SLIDERS)
def test_a_redraw_over_gpt2s_vocabulary_takes_less_than_a_frame(open_bench: Any, name: str) -> None:
    """Where other programs hold the processors, only the fastest quarter is the component's; on a free machine so is the median."""
    visitor = open_bench(size=50257)
    before = visitor.bars()
    times = redraw_times(visitor.slider(1, name))
    assert len(times) == 61 and visitor.bars() != before
    assert 0 < times[15] < 16


@pytest.mark.parametrize("width", [390, 800, 1440])
def test_it_fits_the_window_and_no_text_lies_over_another(open_bench: Any, width: int) -> None:
    visitor = open_bench(width=width, height=844)
    visitor.slider(1, "Temperature").press("Home")  # has the longest words
    no_horizontal_scroll(visitor.page)
    for side in visitor.sides:
        boxes = side.locator("output, .effect, h2, dd").evaluate_all(
            "all => all.map((e) => { const r = document.createRange(); r.selectNodeContents(e); const b = r.getBoundingClientRect();"
            " return [b.top, b.bottom, b.right]; })"
        )
        edge = side.bounding_box()
        assert all(right <= edge["x"] + edge["width"] + 0.5 for *_, right in boxes)
        assert all(lower[0] >= upper[1] - 3 for upper, lower in pairwise(boxes))


# --- On its page ---------------------------------------------------------------------------------------------------------------


def test_on_the_page_a_drag_is_sent_at_its_end_into_the_address_and_the_formula(visit: Any) -> None:
    page = visit("/sampling?prompt=Once+upon+a+time&open=maths")
    second = page.get_by_role("region", name="Setting B, also used on Write")
    slider = second.get_by_role("slider", name="Temperature")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 9 + slider.evaluate("(e) => e.valueAsNumber / e.max") * (box["width"] - 18), y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], y, steps=4)
    shown = second.locator("output").first
    expect(shown).not_to_have_text("0.80")
    assert "temperature" not in page.url, "the drag itself is not sent"
    with settled(page):
        page.mouse.up()
    value = f"{float(shown.inner_text()):g}"
    expect(page).to_have_url(re.compile(rf"[?&]temperature={re.escape(value)}(&|$)"))
    expect(page.get_by_test_id("stMain").locator("annotation").first).to_contain_text(f"/ {value}}}")
    with settled(page):
        page.get_by_role("region", name="Setting A").get_by_role("slider", name="Top-k").press("Home")
    expect(page).to_have_url(re.compile(r"[?&]first_top_k=1(&|$)"))
    assert_silent(page)


def test_a_link_restores_both_settings_also_for_the_nine_words(visit: Any) -> None:
    page = visit("/sampling?first_top_k=3&top_p=0.9&temperature=5&logits=nine_words", width=390, height=844, touch=True)
    first, second = (page.get_by_role("region", name=name) for name in ("Setting A", "Setting B"))
    expect(first.get_by_role("slider", name="Top-k")).to_have_attribute("aria-valuetext", "3")
    expect(second.get_by_role("slider", name="Top-p")).to_have_attribute("aria-valuetext", "0.9")
    expect(second.get_by_role("slider", name="Temperature")).to_have_attribute("aria-valuetext", "5.00")
    # Nine words: 40 are all of them, and the thumb says so.
    top_k = second.get_by_role("slider", name="Top-k")
    assert top_k.evaluate("(e) => e.value === e.max")
    expect(first.locator("dd").first).to_contain_text("3 of 9 tokens")
    figure = page.get_by_role("figure").or_(page.locator("figure.figure"))
    assert "forward" in str(figure.first.get_attribute("aria-label"))
    no_horizontal_scroll(page)
    with settled(page):
        page.get_by_test_id("stMain").get_by_text("The next token of your text").click()
    expect(first.locator("dd").first).to_contain_text("3 of 8,192 tokens")
    assert top_k.evaluate("(e) => e.value < e.max"), "the scale of top-k follows the vocabulary"
    assert_silent(page)


def test_the_figure_is_saved_as_it_stands(open_bench: Any, tmp_path: Path) -> None:
    visitor = open_bench()
    visitor.slider(0, "Temperature").press("Home")
    expect(visitor.page.locator(".bench .marks text").first).to_have_text("100.0 %")
    figure = visitor.page.locator(".bench figure")
    for kind in ("SVG", "PNG"):
        figure.hover(position={"x": 5, "y": 5})
        with visitor.page.expect_download() as download:
            figure.get_by_role("button", name=kind).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert path.name == f"both.{kind.lower()}"
    assert "100.0 %" in (tmp_path / "both.svg").read_text("utf-8")
    assert (tmp_path / "both.png").stat().st_size > 5_000
