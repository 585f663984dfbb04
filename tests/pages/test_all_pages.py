"""Every page draws for any prompt and any link, and every figure says what it is."""

import pytest

from app.navigation import PAGES
from tests.pages.visit_page import JUNK, PROMPTS, figures, open_page

FILES = [entry.file for entry in PAGES]


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
@pytest.mark.parametrize("page", FILES)
def test_a_page_draws_for_any_prompt(monkeypatch, tiny_folder, page, prompt):
    figures(open_page(monkeypatch, tiny_folder, page, prompt=prompt))


@pytest.mark.parametrize("page", FILES)
def test_junk_in_the_link_does_not_break_a_page(monkeypatch, tiny_folder, page):
    figures(open_page(monkeypatch, tiny_folder, page, **JUNK))
