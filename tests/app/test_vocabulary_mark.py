"""Token ids in a link mean something in the vocabulary they were chosen in: the link says which that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import gptcore
from app import offered
from app.view import BEFORE_MARKS, View, from_query, to_query
from gptcore.fingerprint import vocabulary_mark
from tests.app.test_offered import offer, visit

LINK = {"model": "tiny", "prompt": "a b", "chosen": "5.6", "position": "1", "temperature": "1.3", "layer": "1"}


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> str:
    offered.look_again()
    offer(monkeypatch, tiny_folder)
    return vocabulary_mark(gptcore.load(tiny_folder).tokenizer)


def test_a_link_carries_the_mark_with_its_chosen_tokens_and_only_then() -> None:
    view = View(chosen=(1, 2), vocabulary="12ab34")
    assert to_query(view)["vocabulary"] == "12ab34" and from_query(to_query(view)) == view
    assert "vocabulary" not in to_query(replace(view, chosen=()))


def test_a_link_without_a_mark_is_of_the_vocabulary_from_before_there_were_marks() -> None:
    assert from_query({"chosen": "1.2"}).vocabulary == BEFORE_MARKS["storyteller"]
    assert from_query({"chosen": "1.2", "model": "gpt2"}).vocabulary == ""
    assert from_query({"chosen": "1.2", "vocabulary": "x" * 99}).vocabulary == BEFORE_MARKS["storyteller"]


def test_a_link_to_the_embedded_model_from_before_its_vocabulary_changed_keeps_its_prompt_and_says_so() -> None:
    assert BEFORE_MARKS["storyteller"] != vocabulary_mark(gptcore.load("storyteller").tokenizer)
    at = visit(prompt="a b", chosen="5.6", temperature="1.3")  # as it was written then: without a mark
    assert "2 chosen tokens" in at.toast[0].value and dict(at.query_params) == {"prompt": "a b", "temperature": "1.3"}


def test_the_mark_tells_vocabularies_apart_by_what_their_tokens_are(tiny_folder: Path, mark: str) -> None:
    assert mark == vocabulary_mark(gptcore.load(tiny_folder).tokenizer) != vocabulary_mark(gptcore.load("storyteller").tokenizer)
    assert len(mark) == 6


def test_a_link_with_the_models_own_mark_opens_whole(mark: str) -> None:
    at = visit(**LINK, vocabulary=mark)
    assert not at.exception and not at.toast
    assert {name: at.query_params[name] for name in LINK} == LINK and at.query_params["vocabulary"] == mark


def test_a_link_without_a_mark_opens_whole_and_gets_one(mark: str) -> None:
    at = visit(**LINK)
    assert not at.exception and not at.toast
    assert at.query_params["chosen"] == LINK["chosen"] and at.query_params["vocabulary"] == mark


def test_a_link_with_another_mark_keeps_prompt_and_settings_and_says_that_its_tokens_were_of_an_earlier_model(mark: str) -> None:
    at = visit(**LINK, vocabulary="000000")
    assert not at.exception and not at.error
    assert "2 chosen tokens" in at.toast[0].value and "earlier" in at.toast[0].value
    kept = {"model": "tiny", "prompt": "a b", "temperature": "1.3", "layer": "1"}
    assert at.query_params == kept
    at.run()
    assert not at.toast  # said once


def test_after_a_change_of_model_the_tokens_chosen_then_carry_its_mark(mark: str) -> None:
    storytellers = vocabulary_mark(gptcore.load("storyteller").tokenizer)
    at = visit(prompt="a b", chosen="5.6", vocabulary=storytellers)
    assert at.query_params["chosen"] == "5.6"
    at.selectbox(key="widget_model").select("tiny").run()
    assert "vocabulary" not in at.query_params
    at.button(key="next_token_button").click().run()
    assert at.query_params["vocabulary"] == mark and at.query_params["chosen"]
