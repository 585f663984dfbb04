"""A beat that needs a text brings one along; the visitor's own is kept, and one click away."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

import gptcore
from app.tellings import TELLINGS, Telling
from gptcore.fingerprint import vocabulary_mark
from tests.pages.visit_page import ENTRY, ROOT

LENT = TELLINGS["attention", "lookup"].prompt


@pytest.fixture
def at() -> AppTest:
    """A visitor of the Storyteller who has written a little."""
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    mark = vocabulary_mark(gptcore.load("storyteller").tokenizer)
    at.query_params.update({"prompt": "Once upon a time", "chosen": "5.7", "vocabulary": mark})
    return at.run()


def go(at: AppTest, page: str) -> AppTest:
    at = at.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    assert not at.exception and not at.error
    return at


def text(at: AppTest) -> tuple[str, int]:
    view = at.session_state["view"]
    return view.prompt, len(view.chosen)


def test_a_beat_lends_its_text_and_it_is_given_back_where_none_is_needed(at: AppTest) -> None:
    at = go(at, "attention")
    assert text(at) == (LENT, 0) and at.session_state["view"].position is not None
    at = go(at, "glossary")
    assert text(at) == ("Once upon a time", 2)


def test_a_link_keeps_its_own_text() -> None:
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    at.query_params["prompt"] = "My own words"
    at.switch_page(str(ROOT / "pages" / "attention.py")).run()
    assert text(at) == ("My own words", 0)


def test_the_own_text_is_one_click_away_and_stays_from_then_on(at: AppTest) -> None:
    at = go(at, "attention")
    at = at.button(key="other_text").click().run()
    assert text(at) == ("Once upon a time", 2)
    at = go(go(at, "glossary"), "attention")
    assert text(at) == ("Once upon a time", 2)
    at = at.button(key="other_text").click().run()
    assert text(at) == (LENT, 0)


def test_a_lent_text_that_was_written_on_has_become_the_visitors(at: AppTest) -> None:
    at = go(at, "attention")
    for _ in range(len(LENT)):  # along the text, and at its end further
        at = at.button(key="next_token_button").click().run()
        prompt, written = text(at)
        if written:
            break
    assert prompt == LENT and written
    assert text(go(at, "glossary")) == (prompt, written)


def test_a_model_whose_context_is_too_short_keeps_the_text(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    monkeypatch.setenv("GLASS_MODELS", str(tiny_folder))
    monkeypatch.setitem(cast(dict[Any, Any], TELLINGS), ("attention", "lookup"), Telling("a b " * 100))
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    at.query_params["model"], at.query_params["prompt"] = str(tiny_folder), "a b"
    at = go(at.run(), "attention")
    assert text(at) == ("a b", 0)
