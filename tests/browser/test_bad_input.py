"""What cannot be taken from a prompt or a link is said, and the page goes on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visit import assert_silent, embedded_mark, no_error_box, prompt_field, settled


def chips(page: Page, kind: str) -> list[str]:
    """Texts of the chips of this kind above the rail."""
    page.get_by_test_id("stMain").locator(".chips .chip.next").wait_for()
    return page.get_by_test_id("stMain").locator(f".chips .chip.{kind}").all_inner_texts()


def bars(page: Page) -> list[str]:
    """What a screen reader is told of the candidates."""
    rows = page.get_by_role("group", name="The best candidates for the next token").locator("button")
    rows.first.wait_for()
    return [label for row in rows.all() if (label := row.get_attribute("aria-label"))]


def button(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stMain").get_by_role("button", name=name, exact=True)


def test_a_prompt_that_is_too_long_is_refused_with_its_length_and_the_limit(visit):
    page = visit("/?prompt=" + "word+" * 400)
    expect(page.get_by_text("more than this model's context length of 256")).to_be_visible()
    prompt = prompt_field(page)
    expect(prompt).to_have_value(re.compile("^word word"))
    prompt.fill("A short one")
    with settled(page):
        prompt.press("Control+Enter")
    assert bars(page)


@pytest.mark.parametrize(
    "query", ["layer=99", "temperature=hot", "chosen=!!", "chosen=zzzz", "model=../../etc", "step=-1&top_k=zero&seed=99999999999"]
)
def test_junk_in_the_link_gives_a_page_or_a_clear_message(visit, query):
    page = visit(f"/?{query}")
    no_error_box(page)
    panel = page.get_by_role("group", name="The best candidates for the next token")
    expect(panel.or_(page.get_by_test_id("stAlert")).first).to_be_visible()
    assert_silent(page)


def test_a_link_with_tokens_that_the_model_does_not_have_can_be_mended_with_one_click(visit):
    page = visit(f"/?chosen=zzzz&vocabulary={embedded_mark()}")
    expect(page.get_by_test_id("stAlert")).to_contain_text("vocabulary")
    with settled(page):
        page.get_by_role("button", name="Start over from the prompt").click()
    assert bars(page)
