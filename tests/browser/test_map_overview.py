"""All heads side by side in a real browser: what they say, and how one is chosen."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from app.writing.numbers import significant
from tests.browser.map_visitor import Visitor
from tests.browser.visit import no_horizontal_scroll, settled

Open = Callable[..., Visitor]


def middle(visitor: Visitor, layer: int, head: int) -> dict[str, float]:
    """The middle of a thumbnail, from the mark around the one in focus (layer 3, head 5)."""
    left, top, side = visitor.view.locator(".mark.focus").evaluate("m => [m.offsetLeft, m.offsetTop, m.offsetWidth]")
    return {"x": left / 5 * head + side / 2, "y": top / 3 * layer + side / 2}


def test_pointing_at_a_head_says_its_entropy_and_its_strongest_pair(open_map: Open) -> None:
    visitor = open_map(view="overview")
    entropy = visitor.report()["entropy"][7][2]
    visitor.canvas.hover(position=middle(visitor, 7, 2))
    expect(visitor.readout).to_contain_text("layer 7, head 2")
    expect(visitor.readout).to_contain_text(f"mean entropy {significant(round(entropy, 4))} bits")
    expect(visitor.readout).to_contain_text("strongest: ")
    assert visitor.report()["focus"] == [3, 5]


def test_a_click_on_a_head_brings_it_into_focus(open_map: Open) -> None:
    visitor = open_map(view="overview")
    before = visitor.view.locator(".mark.focus").bounding_box()
    with settled(visitor.page):
        visitor.canvas.click(position=middle(visitor, 9, 1))
    assert visitor.report()["focus"] == [9, 1]
    assert visitor.view.locator(".mark.focus").bounding_box() != before
    expect(visitor.view.locator(".layers .lit")).to_have_text("9")
    expect(visitor.view.locator(".heads .lit")).to_have_text("1")


def test_the_keys_go_from_head_to_head_and_enter_chooses(open_map: Open) -> None:
    visitor = open_map(view="overview")
    visitor.canvas.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        visitor.page.keyboard.press(key)
    expect(visitor.readout).to_contain_text("layer 4, head 7")
    with settled(visitor.page):
        visitor.page.keyboard.press("Enter")
    assert visitor.report()["focus"] == [4, 7]


def test_all_heads_fit_a_phone_and_can_be_hit(open_map: Open) -> None:
    visitor = open_map(width=390, height=844, view="overview")
    assert visitor.view.locator(".mark.focus").evaluate("mark => mark.offsetWidth") >= 22
    no_horizontal_scroll(visitor.page)
    assert visitor.view.locator(".scroll").evaluate("box => box.scrollWidth <= box.clientWidth")


def test_the_1200_heads_of_the_largest_model_scroll_in_a_box_of_their_own(open_map: Open) -> None:
    visitor = open_map(width=390, height=844, view="overview", layers=48, heads=25, n=24)
    box = visitor.view.locator(".scroll")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth && box.scrollHeight > box.clientHeight")
    no_horizontal_scroll(visitor.page)
    visitor.canvas.focus()
    for _ in range(18):
        visitor.page.keyboard.press("ArrowRight")
    expect(visitor.readout).to_contain_text("layer 3, head 23")
    expect(visitor.view.locator(".mark.point")).to_be_in_viewport(ratio=1)
    expect(visitor.view.locator(".heads .lit")).to_be_in_viewport(ratio=0.5)
