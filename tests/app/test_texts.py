"""The file of the texts that pages bring along is checked when it is read, and every place takes its text from there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app import choices, texts
from app.lessons import library
from app.shell.sentence import PRESETS
from app.tellings import TELLINGS
from app.texts import TEXTS, TextsError, begun_otherwise, both, is_pair, read


def changed(**parts: Any) -> str:
    return json.dumps({role: text for role, text in {**TEXTS, **parts}.items() if text is not None})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        (changed(loops=None), "“loops” is missing"),
        (changed(loop="The bird"), "“loop” is none of"),
        (changed(loops=5), "“loops” is a text of 1 to 1,000 characters"),
        (changed(loops=""), "“loops” is a text"),
        (changed(loops=" The bird"), "without spaces around it"),
        (changed(loops="x" * 1001), "“loops” is a text"),
        (changed(loops="The [bird|cat] sang"), "“loops” is one text"),
        (changed(patching="The bird sang"), "“patching” is two texts"),
    ],
)
def test_a_file_that_lacks_something_is_refused_with_what_it_is_and_how_to_write_it_anew(said: str, why: str) -> None:
    with pytest.raises(TextsError, match=r"python -m benchmarks\.texts") as error:
        read(said)
    assert why in str(error.value)


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(TextsError) as error:
        read(changed(loops=None, ends=7, more="x"))
    assert all(f"“{role}”" in str(error.value) for role in ("loops", "ends", "more"))


def test_a_pair_stands_for_two_texts_and_another_beginning_keeps_the_rest() -> None:
    assert both("A [fox|wolf] and the") == ("A fox and the", "A wolf and the") and is_pair("A [fox|wolf]")
    assert both("A fox") == ("A fox", "A fox") and not is_pair("A fox [or so]")
    assert begun_otherwise("The king sat") == "Then the king sat"


def test_every_lent_text_every_example_and_every_prompt_of_a_ready_lesson_comes_from_the_file() -> None:
    known = {text for each in TEXTS.values() for text in both(each)}
    assert {telling.prompt for telling in TELLINGS.values()} <= known
    assert set(PRESETS.values()) <= known | {texts.START, *texts.PUBLISHED}
    assert choices.SURPRISE_TEXT.default in known
    prompts = {step.query["prompt"] for lesson in library.ready().values() for step in lesson.steps if "prompt" in step.query}
    assert prompts <= known | {texts.START} and TEXTS["said_twice"] in prompts


def test_a_ready_lesson_that_is_kept_or_changed_holds_the_texts_themselves() -> None:
    for lesson in library.ready().values():
        file = library.text_of(lesson)
        assert "{said_twice}" not in file and library.of(file).steps == lesson.steps
