"""Every page draws for any prompt and any link, and every figure says what it is."""

import pytest

from app import choices
from app.navigation import PAGES
from tests.pages.visit_page import JUNK, PROMPTS, figures, open_page

FILES = [entry.file for entry in PAGES]
# A page that shows one of its parts at a time has a choice of its own name.
PARTS = [(page, part) for page in FILES for part in (choices.ALL[page].options if page in choices.ALL else ("",))]


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
@pytest.mark.parametrize(("page", "part"), PARTS)
def test_a_page_draws_every_part_for_any_prompt(monkeypatch, tiny_folder, page, part, prompt):
    figures(open_page(monkeypatch, tiny_folder, page, prompt=prompt, **({page: part} if part else {})))


@pytest.mark.parametrize("page", FILES)
def test_junk_in_the_link_does_not_break_a_page(monkeypatch, tiny_folder, page):
    figures(open_page(monkeypatch, tiny_folder, page, **JUNK))
