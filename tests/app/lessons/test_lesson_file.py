"""The format of a lesson file: what one says, and what is said of one that cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.lessons import library, places
from app.lessons.lesson_file import LONGEST_FILE, MOST_SAID, LessonFileError, read
from app.room.questions import FOUR, FREE, GUESS, YES_NO

LINK = {"link": "attention?prompt=The+old+king&layer=3&attention=closer"}


def a_file(*steps: Any, **more: Any) -> str:
    return json.dumps({"title": "A lesson", "minutes": 20, "steps": list(steps), **more})


def test_a_step_is_a_link_a_question_or_both_with_a_title_and_a_note() -> None:
    own = {"ask": "four", "asked": "Which?", "answers": ["a", "b", "c", "d"], "right": "c"}
    lesson = read(
        a_file(LINK | {"title": "T", "note": "N"}, {"ask": "guess"}, {"ask": "free"}, {"ask": "yes_no", "asked": "Is it?"}, own)
    )
    assert (lesson.title, lesson.minutes) == ("A lesson", 20)
    first, *others = lesson.steps
    assert (first.page, first.title, first.note, first.question) == ("attention", "T", "N", None)
    assert dict(first.query) == {"prompt": "The old king", "layer": "3", "attention": "closer"}
    questions = [step.question for step in others]
    assert [each.kind for each in questions if each] == [GUESS, FREE, YES_NO, FOUR]
    assert questions[-1] and questions[-1].options == ("a", "b", "c", "d") and questions[-1].right == 2
    assert [places.page_of(lesson, at) for at in range(5)] == [first] * 5  # a question is put on the page before it


@pytest.mark.parametrize(
    "link",
    [
        "http://localhost:8501/attention?prompt=a&layer=3",
        "https://glass.school.example/app/attention?prompt=a&layer=3&room=ABC234&lecture=1",
        "attention?prompt=a&layer=3",
    ],
)
def test_a_link_may_be_the_whole_address_and_forgets_whose_class_it_was(link: str) -> None:
    step = read(a_file({"link": link})).steps[0]
    assert step.link == "attention?prompt=a&layer=3"


def test_the_first_page_has_no_name_in_its_address() -> None:
    pages = [read(a_file({"link": link})).steps[0].page for link in ("?prompt=a", "http://localhost:8501/", "write?prompt=a")]
    assert pages == ["write"] * 3


BROKEN = [
    ({"link": "atention?prompt=a"}, "“atention”", "“attention”"),
    ({"link": "attention?lyaer=3"}, "“lyaer”", "“layer”"),
    ({"link": "attention?layer=many"}, "“layer” cannot be “many”", "address bar"),
    ({"link": "attention?attention=colour"}, "“colour”", "one of lookup, closer"),
    ({"link": 7}, "“7”", "address bar"),
    ({"link": "http://[broken"}, "no address", "address bar"),
    ({"link": "tokens?prompt=" + "%F0%9F%99%82" * 800}, "bytes", "shorter"),
    ({"note": "nothing to see"}, "neither a “link” nor an “ask”", "Give it"),
    ({"ask": "everything"}, "“everything”", "guess, free, yes_no, four"),
    ({"ask": "four", "asked": "x", "answers": ["a", "b"]}, "4 answers", "“answers”"),
    ({"ask": "four", "asked": "x", "answers": ["a", "b", "b", "c"]}, "no two alike", "“answers”"),
    ({"ask": "yes_no"}, "a text of 1 to 240", "“asked”"),
    ({"ask": "yes_no", "asked": "x", "right": "Perhaps"}, "“Perhaps”", "word for word"),
    ({"ask": "guess", "asked": "x"}, "“asked”", "yes_no or four"),
    ({**LINK, "notes": "x"}, "“notes”", "“note”"),
    ({**LINK, "note": 5}, "“5”", "0 to 2,000"),
    ("attention", "“attention”", "a step is"),
]


@pytest.mark.parametrize(("step", "what", "advice"), BROKEN)
def test_a_fault_is_said_with_its_step_with_what_is_wrong_and_with_what_to_do(step: Any, what: str, advice: str) -> None:
    with pytest.raises(LessonFileError) as caught:
        read(a_file(LINK, step))
    said = str(caught.value)
    assert said.startswith("Step 2: ") and what in said and advice in said and "\n" not in said


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "7", '"text"', "[" * 100_000, '{"steps": ' + "9" * 10_000 + "}", "{}", '{"title": "x", "minutes": true}',
        a_file(), a_file(*[LINK] * 201), a_file({"ask": "guess"}), a_file(LINK, minutes=0), a_file(LINK, minutes="20"),
        a_file(LINK, title=" "), a_file(LINK, title=["x"]), a_file(LINK, steps={}), a_file(LINK, step=[]), " " * (LONGEST_FILE + 1),
        a_file({"link": None}), a_file([]), a_file({"": ""}), a_file({"link": "\ud800"}), a_file({"link": "attention?prompt=%FF%00"}) + "x",
    ],
)  # fmt: skip
def test_junk_is_refused_in_words(text: str) -> None:
    with pytest.raises(LessonFileError) as caught:
        read(text)
    assert 20 < len(str(caught.value)) < 3000


def test_many_faults_are_named_up_to_a_number() -> None:
    with pytest.raises(LessonFileError) as caught:
        read(a_file(LINK, *[{"link": "nowhere"}] * 10))
    lines = str(caught.value).splitlines()
    assert len(lines) == MOST_SAID + 1 and lines[-1] == "… and 4 more."
    assert [line.split(":")[0] for line in lines[:2]] == ["Step 2", "Step 3"]


def test_a_lesson_of_the_beats_has_a_step_for_each_and_can_be_kept_as_a_file() -> None:
    lesson = library.from_beats(["attention", "write"])
    assert [step.query[step.page] for step in lesson.steps] == [
        "lookup", "closer", "head", "sink", "newest", "guess", "choice", "steps",
    ]  # fmt: skip
    assert read(library.text_of(lesson)).steps == lesson.steps
    with pytest.raises(LessonFileError, match="at least one chapter"):
        library.from_beats(["glossary"])


def test_the_example_of_the_manual_is_a_lesson() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "teaching.md").read_text("utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", manual, re.DOTALL)
    assert [step.page for step in read(example).steps] == ["write", "", "attention"]
