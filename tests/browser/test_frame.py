"""What stands around every page: the chapter bar, the way on, and the keys of a lecture."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app import choices
from app.shell.navigation import PAGES
from tests.browser.visit import assert_silent, no_horizontal_scroll, settled

N_PARTS = len(choices.ATTENTION_PART.options)
N_TOKENS = len(choices.TOKENS_PART.options)


def heading(page: Page) -> str:
    page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
    return page.get_by_test_id("stMain").get_by_role("heading", level=1).inner_text()


def press(page: Page, key: str) -> None:
    with settled(page):
        page.keyboard.press(key)


def test_next_leads_through_every_part_of_a_chapter_and_on_to_the_next_one_and_back(visit):
    page = visit("/attention?prompt=The+old+king")
    footer = page.locator("footer")
    assert footer.get_by_label(f"Part 1 of {N_PARTS}").get_attribute("aria-current") == "step"
    main = page.get_by_test_id("stMain")
    for part in range(2, N_PARTS + 1):
        main.evaluate("(main) => main.scrollTo(0, 1e6)")  # as whoever has read to the foot
        with settled(page):
            footer.get_by_role("button", name="Next →").click()
        expect(footer.get_by_label(f"Part {part} of {N_PARTS}")).to_have_attribute("aria-current", "step")
        assert main.evaluate("(main) => main.scrollTop") == 0
    with settled(page):
        footer.get_by_role("button", name="6 LayerNorm →").click()
    page.wait_for_url(re.compile(r"/layer_norm\?"))
    expect(page.locator("header nav [aria-current]")).to_have_text("6 LayerNorm")
    expect(page).to_have_title("LayerNorm · Glass GPT")
    with settled(page):
        footer.get_by_role("button", name="← 5 Attention").click()
    page.wait_for_url(re.compile(r"/attention\?"))
    expect(footer.get_by_label(f"Part {N_PARTS} of {N_PARTS}")).to_have_attribute("aria-current", "step")
    bar = page.locator("header nav ol")
    whole = """(bar) => [...bar.querySelectorAll("a")].filter((a) => {
        const [out, box] = [bar.getBoundingClientRect(), a.getBoundingClientRect()];
        return box.left >= out.left - 0.5 && box.right <= out.right + 0.5;
    }).map((a) => a.textContent)"""
    assert len(bar.evaluate(whole)) == 10  # at the width of a small laptop
    page.set_viewport_size({"width": 1110, "height": 800})
    page.wait_for_function("() => getComputedStyle(document.querySelector('.st-key-frame')) && innerWidth === 1110")
    assert "5 Attention" in bar.evaluate(whole)
    assert_silent(page)


def test_every_page_is_a_link_of_the_bars_that_brings_the_view_along(visit):
    page = visit("/?prompt=The+old+king&seed=7", width=390, touch=True)
    page.locator("header summary").first.click()
    links = page.locator("header .menu a")
    expect(links).to_have_count(len(PAGES))
    assert all(
        "prompt=The+old+king" in address and "seed=7" in address
        for address in links.evaluate_all("(all) => all.map((a) => a.href)")
    )
    with settled(page):
        page.get_by_role("button", name="Next token", exact=True).click()
    page.locator("header summary").first.click()
    lens = page.locator("header").get_by_role("link", name="9 Lens")
    lens.focus()
    assert "chosen=" in (lens.get_attribute("href") or "")  # what is in view now
    with settled(page):
        lens.click()
    page.wait_for_url(re.compile(r"/lens\?.*seed=7"))


def test_a_lecture_is_driven_by_the_keys_of_a_clicker(visit):
    page = visit("/tokens?lecture=1", width=1920, height=1080)
    heading(page)
    expect(page.locator("html")).to_have_class(re.compile("glass-lecture"))
    press(page, "PageDown")
    expect(page.locator("footer").get_by_label(f"Part 2 of {N_TOKENS}")).to_have_attribute("aria-current", "step")
    press(page, "PageUp")
    expect(page.locator("footer").get_by_label(f"Part 1 of {N_TOKENS}")).to_have_attribute("aria-current", "step")
    press(page, "5")
    page.wait_for_url(re.compile(r"/attention\?.*lecture=1"))
    blank = page.locator(".blank")
    page.keyboard.press("b")
    expect(blank).to_be_visible()
    page.keyboard.press("b")
    expect(blank).to_be_hidden()
    press(page, "l")
    expect(page.locator("html")).not_to_have_class(re.compile("glass-lecture"))
    assert "lecture" not in page.url


@pytest.mark.parametrize("address", ["/attention?layer=2", "/map"])
def test_a_key_that_is_pressed_while_the_page_still_draws_itself_is_not_lost(visit, address):
    page = visit(address, wait=False)
    page.locator("header.bar button.lecture").wait_for()  # the bars come first, long before the pictures
    page.keyboard.press("l")
    expect(page.locator("html")).to_have_class(re.compile("glass-lecture"), timeout=30_000)
    page.wait_for_url(re.compile("lecture=1"))


def test_keys_are_left_alone_outside_a_lecture_and_in_a_field(visit):
    page = visit("/tokens?lecture=1")
    heading(page)
    page.locator("header.bar").get_by_role("button", name="End lecture").click()
    expect(page.locator("html")).not_to_have_class(re.compile("glass-lecture"))
    page.keyboard.press("PageDown")  # scrolls, as ever
    page.keyboard.press("5")
    page.get_by_role("button", name="Edit text").click()
    page.get_by_role("textbox", name="Prompt").press_sequentially(" blue")
    assert page.get_by_role("textbox", name="Prompt").input_value().endswith(" blue")
    assert "/tokens" in page.url
    expect(page.locator("footer").get_by_label(f"Part 1 of {N_TOKENS}")).to_have_attribute("aria-current", "step")


@pytest.mark.parametrize("width", [1440, 1024, 390, 340, 320])
def test_the_bars_stay_in_reach_while_the_page_scrolls(visit, width):
    page = visit("/attention?prompt=Once+upon+a+time+there+was+a+little+girl", width=width, height=700, touch=width < 500)
    heading(page)
    no_horizontal_scroll(page)
    page.get_by_test_id("stMain").evaluate("(main) => main.scrollTo(0, 900)")
    for part in (
        page.locator("header.bar"),
        page.locator(".prose"),
        page.get_by_role("button", name="Next token", exact=True),
        page.locator("footer .on"),
    ):
        expect(part).to_be_in_viewport(ratio=1)
