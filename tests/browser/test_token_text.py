"""The text as chips in a real browser: what it says under the pointer and the keys, what it tells Python, and its picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.token_text_app import HOSTILE
from tests.browser.visit import Visit, assert_silent, at_rest, no_horizontal_scroll, settled

Open = Callable[..., Page]


@pytest.fixture
def open_text(bench: Visit) -> Open:
    """open_text(width=900, **query parameters) -> the page, when the chips are there."""

    def opened(width: int = 900, **query: object) -> Page:
        page = bench("token_text", query, width=width, height=800)
        page.wait_for_selector(".chip", timeout=30_000)
        at_rest(page)
        return page

    return opened


def test_the_token_pointed_at_is_explained_until_the_pointer_leaves(open_text: Open) -> None:
    page = open_text()
    readout = page.locator(".readout")
    expect(readout).to_have_text("Point at a token.")
    page.locator(".chip").nth(3).hover()
    expect(readout).to_have_text("ord fact 3more")
    page.mouse.move(5, 700)
    expect(readout).to_have_text("Point at a token.")


def test_pointing_moves_nothing_on_the_page(open_text: Open) -> None:
    page = open_text()
    before = page.locator(".text").bounding_box()
    page.locator(".chip").nth(2).hover()
    assert page.locator(".text").bounding_box() == before


def test_a_click_keeps_the_token_and_tells_python(open_text: Open) -> None:
    page = open_text()
    with settled(page):
        page.locator(".chip").nth(4).click()
    assert page.locator('[data-testid="stCode"]').inner_text().strip() == "4"
    page.mouse.move(5, 700)
    expect(page.locator(".readout")).to_have_text("␣w4 fact 4more")
    expect(page.locator(".chip.focus")).to_have_text("␣w44")


def test_the_keyboard_goes_from_token_to_token(open_text: Open) -> None:
    page = open_text()
    assert page.locator('.chip[tabindex="0"]').count() == 1
    page.locator(".chip").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".readout")).to_have_text("␣w2 fact 2more")
    page.keyboard.press("End")
    expect(page.locator(".readout")).to_have_text("ord fact 5more")
    with settled(page):
        page.keyboard.press("Enter")
    assert page.locator('[data-testid="stCode"]').inner_text().strip() == "5"
    assert page.locator('.chip[tabindex="0"]').count() == 1


def test_chips_of_one_group_stand_closer_than_groups_and_more_shade_is_darker(open_text: Open) -> None:
    page = open_text()
    boxes = [page.locator(".chip").nth(i).bounding_box() for i in range(4)]
    gaps = [after["x"] - before["x"] - before["width"] for before, after in pairwise(boxes)]
    assert gaps[0] < gaps[1] / 2 and gaps[2] < gaps[1] / 2
    colours = page.locator(".chip").evaluate_all(
        "chips => chips.map((chip) => getComputedStyle(chip).backgroundColor.match(/[\\d.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0))"
    )
    assert all(after < before for before, after in pairwise(colours))


def test_the_picture_has_every_chip_with_its_text_as_text(open_text: Open, tmp_path: Path) -> None:
    page = open_text(hostile=1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save SVG").click()
    assert download.value.suggested_filename == "a-text.svg"
    download.value.save_as(tmp_path / "a.svg")
    svg = ET.parse(tmp_path / "a.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in svg.iter(f"{space}text")]
    assert texts == [part for i, text in enumerate(HOSTILE) for part in (text, str(i))]
    fills = [element.get("fill") for element in svg.iter(f"{space}rect")]
    assert len(fills) == 1 + len(HOSTILE) and len(set(fills)) == len(fills)


def test_hostile_text_stays_text_and_a_long_text_scrolls_in_its_own_box(open_text: Open) -> None:
    page = open_text(hostile=1)
    assert page.locator(".chip .token").all_inner_texts() == HOSTILE
    page.locator(".chip").first.hover()
    expect(page.locator(".readout code")).to_have_text(HOSTILE[0])
    assert_silent(page)
    page = open_text(width=390, n=1024)
    no_horizontal_scroll(page)
    assert page.locator(".text").bounding_box()["height"] < 450
    assert page.locator(".text").evaluate("box => box.scrollHeight > box.clientHeight")
    assert_silent(page)
