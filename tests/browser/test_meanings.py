"""Words of the field in a text: their meaning to the mouse, the keyboard and the finger."""

from __future__ import annotations

from playwright.sync_api import expect

from app.glossary import GLOSSARY
from tests.browser.visit import assert_silent

BEAT = "/attention?attention=sink&prompt=Once+upon+a+time"
WORD = '.st-key-finding a[href*="find=weight"]'


def test_a_word_says_its_meaning_on_hover_and_with_the_focus_and_escape_takes_it_away(visit):
    page = visit(BEAT)
    word, box = page.locator(WORD), page.get_by_role("tooltip")
    for show in (word.hover, word.focus):
        show()
        expect(box).to_have_text(GLOSSARY["weight"])
        expect(word).to_have_accessible_description(GLOSSARY["weight"])
        expect(word).not_to_have_attribute("title", GLOSSARY["weight"])  # or the browser would show it twice
        page.keyboard.press("Escape")
        expect(box).not_to_be_visible()
        expect(word).to_have_attribute("title", GLOSSARY["weight"])
        page.mouse.move(0, 0)
    assert_silent(page)


def test_the_first_tap_says_the_meaning_and_the_second_opens_the_entry_with_the_view(visit):
    page = visit(BEAT, width=390, height=844, touch=True)
    page.locator(WORD).tap()
    expect(page.get_by_role("tooltip")).to_have_text(GLOSSARY["weight"])
    with page.context.expect_page() as opened:
        page.locator(WORD).tap()
    assert "glossary?find=weight" in opened.value.url and "prompt=Once" in opened.value.url
