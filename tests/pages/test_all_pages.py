"""Every page draws for any prompt and any link, every figure says what it is, and every check in what its deviation is measured."""

import pytest

from app import choices
from app.shell.navigation import PAGES
from tests.pages.printed_formula import relations
from tests.pages.visit_page import JUNK, PROMPTS, badges, descriptions, figures, open_page

FILES = [entry.file for entry in PAGES]
# A page that shows one of its parts at a time has a choice of its own name.
PARTS = [(page, part) for page in FILES for part in (choices.ALL[page].options if page in choices.ALL else ("",))]
# How many figures stand on a part, whatever the prompt; the other parts draw as many as the prompt gives them reason to.
N_FIGURES = {
    "embeddings": {"sum": 1, "similar": 1, "positions": 1, "lengths": 2, "plane": 1},
    "feed_forward": {"steps": 1, "activations": 2, "functions": 0, "neurons": 1},
    "layer_norm": {"token": 3, "outliers": 1, "depth": 2, "classroom": 1, "stack": 1},
    "shortcuts": {"experiment": 1, "difference": 1, "model": 3},
}
# What a part shows only when it is asked for it, with a check of its own.
ASKED = [
    ("lens", "grid", {"lens_colour": "entropy"}), ("lens", "grid", {"lens_colour": "rank"}),
    ("lens", "grid", {"lens_colour": "divergence"}), ("shortcuts", "experiment", {"gradient_seed": "7"}),
    ("sampling", "settings", {"logits": "nine_words"}), ("tokens", "surprise", {"surprise_source": "own", "surprise_text": "a"}),
    ("parameters", "where", {"preset": "gpt2"}), ("attention", "head", {"stage": "read"}), ("attention", "head", {"heads": "mean"}),
]  # fmt: skip
SELF_CHECKED = ("feed_forward", "layer_norm", "shortcuts")  # every part says how far its own check is off


def checks(at):
    """The badges of the checks on the page; under each stands what its deviation is measured in."""
    found = badges(at)
    assert all(": off by " in badge or ": exactly equal" in badge for badge in found)
    assert len(descriptions(at)) == len(found)
    return found


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
@pytest.mark.parametrize(("page", "part"), PARTS)
def test_a_page_draws_every_part_for_any_prompt(monkeypatch, tiny_folder, page, part, prompt):
    at = open_page(monkeypatch, tiny_folder, page, prompt=prompt, open="maths.checks", **({page: part} if part else {}))
    drawn = figures(at)
    assert len(drawn) == N_FIGURES.get(page, {}).get(part, len(drawn))
    assert checks(at) or page not in SELF_CHECKED
    assert not [found for latex in at.get("latex") for found in relations(latex.proto.body) if not found.holds]


@pytest.mark.parametrize(("page", "part", "asked"), ASKED)
def test_what_is_shown_when_it_is_asked_for_is_checked_too(monkeypatch, tiny_folder, page, part, asked):
    assert checks(open_page(monkeypatch, tiny_folder, page, open="maths.checks", **{page: part}, **asked))


@pytest.mark.parametrize("page", FILES)
def test_junk_in_the_link_does_not_break_a_page(monkeypatch, tiny_folder, page):
    figures(open_page(monkeypatch, tiny_folder, page, **JUNK))
