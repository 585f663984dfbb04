"""The grid of the logit lens: what a cell says when it is pointed at, where a click leads, keys, a phone, the saved picture."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import gptcore
from app.server import assets
from tests.app.test_palette import contrast
from tests.browser.visit import Visit, assert_silent, no_horizontal_scroll, text_and_ground

PROMPT = "Once upon a time, there was a king"
PATH = f"/lens?prompt={PROMPT}&layer=5"


def cell(page: Page, depth: int, column: int) -> Locator:
    return page.locator(f'.lens button[data-cell="{depth},{column}"]')


@pytest.fixture(scope="module")
def lens() -> gptcore.lens.Lens:
    model = gptcore.load("storyteller")
    return model.trace(model.tokenizer.encode(PROMPT)).lens(top=10)


def test_a_cell_names_its_ten_likeliest_tokens_and_measures(visit: Visit, lens: gptcore.lens.Lens) -> None:
    page = visit(PATH, width=1440)
    cell(page, 7, 5).hover()
    tip = page.locator(".tip:not([hidden])").first
    expect(tip).to_contain_text("block 6, after")
    shown = [float(text.removesuffix(" %")) for text in tip.locator("li span").all_inner_texts()]
    assert shown == pytest.approx(100 * lens.probs[5, 7], abs=0.051)
    expect(tip).to_contain_text(f"the final prediction: {lens.target_rank[5, 7] + 1:,}")
    numbers = [float(number) for number in re.findall(r"(?:entropy|divergence) ([\d.]+)", tip.inner_text())]
    assert numbers == pytest.approx([lens.entropy[5, 7], lens.divergence[5, 7]], rel=6e-3)
    assert_silent(page)


def test_a_darker_cell_is_a_larger_share_and_a_settled_column_is_marked(visit: Visit, lens: gptcore.lens.Lens) -> None:
    page = visit(PATH, width=1440)
    expect(cell(page, 12, 8)).to_be_visible()
    light = [sum(bytes.fromhex(shade[1:])) for _, shade in text_and_ground(page.locator(".lens tbody button"))]
    probability = lens.probs[:, :, 0].T.ravel()
    order = np.argsort(probability)
    assert (np.diff(np.array(light)[order]) <= 3).all()  # rounding apart, never lighter
    wrong = [np.flatnonzero(column != column[-1]) for column in lens.token_ids[:, :, 0]]
    settled = {f"{depths[-1] + 1 if len(depths) else 0},{column}" for column, depths in enumerate(wrong)}
    marked = page.locator(".lens td.settled button").evaluate_all("cells => cells.map((cell) => cell.dataset.cell)")
    assert set(marked) == settled and len(marked) == len(settled)


@pytest.mark.parametrize("colouring", ["probability", "entropy", "rank", "divergence"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_word_in_every_cell_can_be_read(visit: Visit, dark: bool, colouring: str) -> None:
    page = visit(f"{PATH}&lens_colour={colouring}", width=1440, dark=dark)
    expect(cell(page, 12, 8)).to_be_visible()
    pairs = text_and_ground(page.locator(".lens tbody button"))
    assert len({shade for _, shade in pairs}) > 30
    assert min(contrast(word, shade) for word, shade in pairs) >= 4.5


def test_a_click_keeps_the_cell_in_focus_and_in_the_link(visit: Visit) -> None:
    page = visit(PATH, width=1440)
    cell(page, 9, 3).click()
    expect(page).to_have_url(re.compile("layer=8.*position=3"))
    expect(cell(page, 9, 3)).to_have_class(re.compile("chosen"))
    expect(page.locator(".lens button.chosen")).to_have_count(1)
    expect(page.locator("figure[aria-label*='Likeliest after block 8']")).to_be_visible()
    cell(page, 0, 2).click()
    expect(page).to_have_url(re.compile("lens_input=1.*position=2|position=2.*lens_input=1"))
    expect(page.locator("figure[aria-label*='Likeliest before block 0']")).to_be_visible()
    assert_silent(page)


def test_arrow_keys_walk_the_grid_and_enter_chooses(visit: Visit) -> None:
    page = visit(PATH, width=1440)
    cell(page, 6, 8).focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    expect(cell(page, 5, 6)).to_be_focused()
    expect(page.locator(".tip:not([hidden])").first).to_contain_text("block 4, after")
    page.keyboard.press("Escape")
    expect(page.locator(".lens .tip")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("layer=4.*position=6"))
    expect(cell(page, 5, 6)).to_be_focused()  # a run of the script takes nothing out of the hand


def test_another_colouring_changes_the_colours_and_sends_no_cells_again(visit: Visit) -> None:
    page = visit(PATH, width=1440)
    colours = "cells => cells.map((cell) => getComputedStyle(cell).backgroundColor)"
    before = page.locator(".lens button[data-cell]").evaluate_all(colours)
    page.evaluate(
        """async (path) => {
            const { shelf } = await import(new URL(path, document.baseURI));
            shelf.addEventListener('lens_grid:cells', () => (window.cellsAgain = true));
        }""",
        assets.folder() + "shared/shelf.js",
    )
    page.get_by_test_id("stMain").get_by_text("Divergence", exact=True).click()
    expect(page).to_have_url(re.compile("lens_colour=divergence"))
    expect(page.locator(".lens .scale")).to_contain_text("divergence from the final distribution")
    assert page.locator(".lens button[data-cell]").evaluate_all(colours) != before
    assert page.evaluate("window.cellsAgain") is None


def test_a_phone_shows_the_column_in_focus_beside_the_names_of_the_rows(visit: Visit) -> None:
    page = visit(PATH, width=390, height=844, touch=True)
    expect(cell(page, 6, 8)).to_have_class(re.compile("chosen"))
    names, chosen = page.locator(".lens th").first.bounding_box(), cell(page, 6, 8).bounding_box()
    assert names is not None and chosen is not None
    assert names["x"] + names["width"] <= chosen["x"] and chosen["x"] + chosen["width"] <= 390
    cell(page, 8, 7).tap()
    expect(page).to_have_url(re.compile("layer=7.*position=7"))
    no_horizontal_scroll(page)


def test_the_grid_has_one_menu_in_its_corner_for_the_keyboard_and_the_finger(visit: Visit) -> None:
    page = visit(PATH, width=1440)
    menu = page.get_by_role("button", name="Menu: logit lens", exact=True)
    box, grid = menu.bounding_box(), page.locator(".lens").bounding_box()
    assert box is not None and grid is not None and min(box["width"], box["height"]) >= 24
    assert 0 <= grid["y"] - box["y"] <= 40 and abs(grid["x"] + grid["width"] - box["x"] - box["width"]) < 3
    menu.focus()
    page.keyboard.press("Enter")
    opened = page.get_by_test_id("stPopoverBody")
    expect(opened.get_by_role("button", name="Numbers as CSV")).to_be_visible()
    expect(opened.get_by_text("trace.lens(")).to_be_visible()
    opened.get_by_role("button", name="Copy the link to this view").click()
    expect(opened.get_by_role("button", name="Copied").or_(opened.get_by_label("The link to this view"))).to_be_visible()
    with page.expect_download() as download:
        opened.get_by_role("button", name="Picture as PNG").press("Enter")
    assert download.value.suggested_filename == "the-likeliest-next-token-layer-by-layer.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    phone = visit(PATH, width=390, height=844, touch=True)
    phone.get_by_role("button", name="Menu: logit lens", exact=True).tap()
    expect(phone.get_by_role("button", name="Numbers as CSV")).to_be_visible()


def test_the_sentence_on_a_phone_shows_whole_lines_and_no_sliver_of_another(visit: Visit) -> None:
    long = "/lens?prompt=Once+upon+a+time+there+was+a+king+who+lived+in+a+castle+by+the+sea+and+he+had+a+daughter"
    for position in (0, 9, 18):
        page = visit(f"{long}&position={position}", width=390, height=844, touch=True)
        text = page.locator(".prose")
        expect(text.locator(".focus")).to_be_in_viewport()
        top, seen, line = text.evaluate(
            "list => [list.scrollTop, list.clientHeight, parseFloat(getComputedStyle(list).lineHeight)]"
        )
        # Between two lines are 8 pixels without ink.
        assert abs(top - line * round(top / line)) < 3 and abs(seen - 2 * line - 4) < 1.5, (position, top, seen, line)
