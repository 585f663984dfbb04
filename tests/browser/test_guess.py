"""A first visit in a real browser: guess, look, go on, and find the way to the second chapter."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.visit import assert_silent, no_error_box, settled


def test_a_first_visit_leads_by_three_guesses_to_the_second_chapter(visit):
    page = visit("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("What comes next?")
    ahead, bars = page.locator(".st-key-sentence .chip.next"), page.get_by_role("table", name="The likeliest next tokens")
    for number in range(3):
        expect(ahead).to_have_text("?")
        expect(bars).to_have_count(0)
        with settled(page):
            page.locator(".st-key-guess_offers button").first.click()
        expect(bars).to_contain_text("your guess")
        expect(ahead).not_to_have_text("?")
        if number < 2:
            with settled(page):
                page.get_by_role("button", name="Next round").click()
    expect(page.get_by_role("button", name="See how the token is chosen")).to_be_visible()
    no_error_box(page)
    page.get_by_role("button", name="How does it read a text? Chapter 2").click()
    page.wait_for_url(re.compile("/tokens"))
    assert_silent(page)
