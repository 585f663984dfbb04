"""The pages of the lab in a real browser: a click on a cell, a switch that acts on other pages, every beat on a phone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from app import choices
from app.shell.navigation import LAB, PAGES
from tests.browser.visit import assert_silent, look_at

TWICE = "The cat ran over the hill. The cat ran over the"
OURS = [entry.file for entry in PAGES if entry.group == LAB and entry.file != "learning"]


def click_cell(page: Any, title: str, row: int, column: int) -> None:
    """Point at a cell of a map, and click it."""
    view = page.get_by_role("region", name=title)
    canvas = view.locator("canvas.cells")
    canvas.scroll_into_view_if_needed()
    left, top, width, height = map(float, canvas.get_attribute("data-cells").split())
    canvas.click(position={"x": left + (column + 0.5) * width, "y": top + (row + 0.5) * height})


def test_a_click_on_the_board_focuses_and_the_switch_acts_on_every_page_until_one_click_ends_it(visit: Any) -> None:
    page = visit(f"/what_if?{urlencode({'prompt': TWICE})}", width=1440, height=900)
    click_cell(page, "Without each part", 3, 5)
    switch = page.get_by_text("Switch head 3.5 off")
    switch.wait_for()
    readout = page.get_by_role("region", name="Without each part").locator(".readout")
    assert "With it" in readout.inner_text() and "direct share" in readout.inner_text()
    switch.click()
    chip = page.get_by_role("button", name="head 3.5 off · on again")
    chip.wait_for()
    page.wait_for_url(lambda url: "intervention=off_h3.5" in url)
    page.get_by_role("link", name="Attention").first.click()
    page.get_by_role("heading", level=1).filter(has_not_text="silent").wait_for()
    chip.click()
    chip.wait_for(state="detached")
    page.wait_for_url(lambda url: "intervention" not in url)
    assert_silent(page)


def test_a_click_on_the_map_patches_that_cell(visit: Any) -> None:
    page = visit(
        f"/patching?{urlencode({'prompt': 'The cat had a hat', 'other_text': 'The dog had a hat'})}", width=1440, height=900
    )
    click_cell(page, "What comes over", 4, 2)
    page.wait_for_url(lambda url: "patch_layer=4" in url and "patch_position=2" in url)
    assert_silent(page)


def test_arrow_keys_walk_through_the_tree_and_enter_takes_the_text(visit: Any) -> None:
    page = visit(f"/branches?{urlencode({'prompt': 'Once upon a time'})}", width=1440, height=900)
    tree = page.get_by_role("group", name="What could come after this prompt")
    blocks = tree.get_by_role("button")
    blocks.first.focus()
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    held = tree.locator("button:focus")
    said = held.get_attribute("aria-label")
    assert "text 2, position 5" in said and "not written yet" in said
    assert page.locator("[data-testid=stMain] h1").inner_text() == "What else could it have said?"
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "chosen=" in url and "position=5" in url and "left=" in url)
    written = page.get_by_role("group", name="What was written after this prompt")
    assert written.locator("button:focus").get_attribute("aria-label").startswith(said.split(",")[0])
    assert_silent(page)


@pytest.mark.parametrize(("file", "part"), [(file, part) for file in OURS for part in choices.ALL[file].options[1:]])
def test_every_later_beat_fits_a_phone_and_a_desk(visit: Any, file: str, part: str) -> None:
    asked = {"prompt": TWICE, file: part, "exchanging": "1", "intervention": "off_h3.5", "differently": "1"}
    if file == "compare":
        asked["pinned"] = "storyteller~308.745.258~off_f0"
    page = visit(f"/{file}?{urlencode(asked)}", width=390, height=900, dark=True, touch=True)
    page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
    for width in (390, 1440, 320):
        page.set_viewport_size({"width": width, "height": 900})
        look_at(page)
    assert_silent(page)
