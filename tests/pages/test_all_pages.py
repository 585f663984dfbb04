"""Every page draws for any prompt and any link, and every figure says what it is."""

import pytest

from app import choices
from app.shell.navigation import PAGES
from tests.pages.printed_formula import relations
from tests.pages.visit_page import JUNK, PROMPTS, figures, open_page, printed

FILES = [entry.file for entry in PAGES]
# A page that shows one of its parts at a time has a choice of its own name.
PARTS = [(page, part) for page in FILES for part in (choices.ALL[page].options if page in choices.ALL else ("",))]
# How many figures stand on a part, whatever the prompt; the other parts draw as many as the prompt gives them reason to.
N_FIGURES = {
    "embeddings": {"sum": 1, "similar": 1, "positions": 1, "lengths": 2, "plane": 1},
    "feed_forward": {"steps": 1, "activations": 2, "functions": 0, "neurons": 0},
    "layer_norm": {"token": 3, "outliers": 0, "depth": 2, "classroom": 1, "stack": 1},
    "shortcuts": {"experiment": 1, "model": 3},
}
SELF_CHECKED = ("feed_forward", "layer_norm", "shortcuts")  # every part says how far its own check is off


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
@pytest.mark.parametrize(("page", "part"), PARTS)
def test_a_page_draws_every_part_for_any_prompt(monkeypatch, tiny_folder, page, part, prompt):
    at = open_page(monkeypatch, tiny_folder, page, prompt=prompt, **({page: part} if part else {}))
    drawn = figures(at)
    assert len(drawn) == N_FIGURES.get(page, {}).get(part, len(drawn))
    assert "off by" in printed(at) or page not in SELF_CHECKED
    assert not [found for latex in at.get("latex") for found in relations(latex.proto.body) if not found.holds]


@pytest.mark.parametrize("page", FILES)
def test_junk_in_the_link_does_not_break_a_page(monkeypatch, tiny_folder, page):
    figures(open_page(monkeypatch, tiny_folder, page, **JUNK))
