"""A lesson in a session: its steps, its questions to the class, and where it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlencode

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from app import choices
from app.lessons import dialog, lesson_file, warming
from app.room import presenting, questions
from app.room.room import PRESENT, REMOTE, Room, reads
from app.room.rooms import Rooms
from tests.pages.test_hostile_messages import triggered
from tests.pages.visit_page import open_page, printed


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    """Rooms of this test's own; and nothing is opened ahead."""
    fresh = Rooms()
    presenting.watch()
    monkeypatch.setattr(presenting, "ROOMS", fresh)
    monkeypatch.setattr(dialog, "WARMER", warming.Warmer(lambda page, query: warming.Seen(address=query)))
    yield fresh
    presenting._desks.clear()


def a_file(folder: Path) -> str:
    model = urlencode({"model": folder.name})
    steps: list[dict[str, Any]] = [
        {"link": f"tokens?prompt=the+cat&tokens=merges&{model}", "title": "How it is cut", "note": "Only for the teacher."},
        {"link": f"write?prompt=the+cat+sat&write=guess&{model}", "ask": "guess"},
        {"ask": "four", "asked": "Which part looks back?", "answers": ["a", "b", "c", "d"], "right": "b"},
        {"link": f"attention?prompt=the+hat&head=1&{model}"},
        {"link": f"attention?prompt={'a' * 80}&{model}", "title": "Too long for this model"},
    ]
    return json.dumps({"title": "Of cats", "minutes": 20, "steps": steps})


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, page: str, **query: str) -> AppTest:
    """The page in a browser that stays where the app has led it."""
    at = open_page(monkeypatch, folder, page, **query)
    at._page_hash = ""
    return at


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> AppTest:
    """A visitor who has taken the lesson, and not begun it."""
    at = opened(monkeypatch, tiny_folder, "lens", prompt="my own text", lecture="1")
    says(at, "lesson", "restore", a_file(tiny_folder), -1)
    return at


def says(at: AppTest, about: str, *words: Any) -> None:
    """The browser says this of a lesson, or of a class."""
    proto = next(each.proto for each in at.get("bidi_component") if each.proto.component_name == "glass_frame")
    at._run(WidgetStates(widgets=[triggered(proto.id, [about], list(words))]))
    assert not at.exception


def told(at: AppTest, about: str = "lesson") -> dict[str, Any]:
    data = next(each.proto.bytes for each in at.get("bidi_component") if each.proto.component_name == "glass_frame")
    found: dict[str, Any] = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])["header"][about]
    return found


def view(at: AppTest) -> dict[str, str]:
    """What the address says."""
    return {name: value if isinstance(value, str) else value[0] for name, value in at.query_params.items()}


def open_class(at: AppTest, rooms: Rooms) -> Room:
    says(at, "room", "start")
    room = rooms.find(told(at, "room")["code"])
    assert room is not None
    return room


def test_each_step_is_its_page_and_the_lecture_goes_on(teacher: AppTest) -> None:
    assert told(teacher)["at"] == -1 and told(teacher)["next"] == "How it is cut"
    assert view(teacher)["prompt"] == "my own text"  # nothing is moved before one begins
    says(teacher, "lesson", "go", 0)
    assert view(teacher).items() >= {"prompt": "the cat", "tokens": "merges", "lecture": "1"}.items()
    now = told(teacher)
    assert (now["at"], now["of"], now["title"], now["note"]) == (0, 5, "How it is cut", "Only for the teacher.")
    assert len(now["steps"]) == 5 and now["next"] == questions.NEXT_TOKEN
    says(teacher, "lesson", "go", 3)
    assert view(teacher).items() >= {"prompt": "the hat", "head": "1"}.items() and "tokens" not in view(teacher)
    assert told(teacher)["title"] == "5 Attention"  # a step without a title, which was not opened ahead, is called by its page
    teacher.radio[0].set_value("closer").run()  # wherever one has got to,
    says(teacher, "lesson", "go", 3)
    assert "attention" not in view(teacher)  # the step can be shown again


@pytest.mark.parametrize("junk", [5, -1, True, "1", None, [0], 10**30])
def test_a_step_that_is_none_moves_nothing(teacher: AppTest, junk: Any) -> None:
    before = view(teacher)
    says(teacher, "lesson", "go", junk)
    assert view(teacher) == before and told(teacher)["at"] == -1
    for words in (["go"], ["restore"], [], ["what"], ["restore", 5, {}], ["ask", 1]):
        says(teacher, "lesson", *words)
    assert told(teacher)["at"] == -1


def test_a_step_that_this_model_cannot_show_says_why_and_can_be_left(teacher: AppTest) -> None:
    says(teacher, "lesson", "go", 4)
    assert told(teacher)["at"] == 4 and "context" in " ".join(each.value for each in teacher.error)
    says(teacher, "lesson", "go", 3)
    assert told(teacher)["at"] == 3 and not teacher.error


def test_the_class_is_asked_on_the_way_on_and_not_on_the_way_back(teacher: AppTest, rooms: Rooms) -> None:
    room = open_class(teacher, rooms)
    says(teacher, "lesson", "go", 0)
    assert room.value("question") is None
    says(teacher, "lesson", "go", 1)
    asked = room.value("question")
    assert asked["kind"] == "guess" and asked["passage"] == "the cat sat" and room.value("page")["file"] == "write"
    says(teacher, "lesson", "go", 2)
    assert room.value("question")["options"] == ["a", "b", "c", "d"]  # on the page before it
    assert room.value("page")["file"] == "write" and told(teacher)["asks"] == "Which part looks back?"
    says(teacher, "lesson", "go", 1)
    assert room.value("question") is None
    teacher.button(key="next_token_button").click().run()
    says(teacher, "lesson", "ask")
    assert room.value("question")["kind"] == "guess" and room.value("question")["passage"] == "the cat sat"
    says(teacher, "lesson", "end")
    assert room.value("question") is None and room.value("lesson") is None and told(teacher) == {"ended": True}


def test_notes_go_to_the_teachers_phone_and_stand_on_no_page(teacher: AppTest, rooms: Rooms) -> None:
    room = open_class(teacher, rooms)
    says(teacher, "lesson", "go", 0)
    lesson = room.value("lesson")
    assert lesson["note"] == "Only for the teacher." and lesson["next"] == questions.NEXT_TOKEN
    assert {role for role in ("follow", "explore", PRESENT, REMOTE) if reads(role, "lesson")} == {PRESENT, REMOTE}
    assert "Only for the teacher" not in json.dumps(room.value("page")) and "Only for the teacher" not in printed(teacher)
    assert "right" not in json.dumps(room.value("question"))


def test_the_browser_is_given_the_lesson_once_and_brings_it_back_to_a_new_session(
    teacher: AppTest, monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    says(teacher, "lesson", "go", 3)
    assert "source" not in told(teacher)  # the browser has it: it brought it
    link = view(teacher)
    after = opened(monkeypatch, tiny_folder, "attention", **{"open": "", **link})
    says(after, "lesson", "restore", a_file(tiny_folder), 3)
    assert (told(after)["at"], told(after)["title"]) == (3, "5 Attention") and view(after) == view(teacher)
    says(after, "lesson", "restore", "how_a_text_is_written", 1)
    assert told(after)["name"] == "Of cats"  # what one has is not replaced
    ready = opened(monkeypatch, tiny_folder, "attention", prompt="a")
    says(ready, "lesson", "restore", "how_a_text_is_written", 99)
    assert told(ready)["name"] == "How a text is written" and told(ready)["at"] == -1


def test_a_spoilt_lesson_in_the_browser_is_said_and_leaves_everything_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = opened(monkeypatch, tiny_folder, "lens", prompt="a")
    says(at, "lesson", "restore", '{"title": "x"}', 0)
    assert told(at) == {} and "“minutes”" in at.toast[0].value


def test_the_dialog_offers_ready_lessons_and_those_of_chapters_opens_them_ahead_and_begins(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = opened(monkeypatch, tiny_folder, "lens", prompt="a")
    says(at, "lesson", "choose")
    buttons = {each.key: each for each in at.button}
    assert len([key for key in buttons if key and key.startswith("choose_")]) == 3 and buttons["lesson_of_beats"].disabled
    buttons["choose_how_a_text_is_written"].click().run()
    assert told(at)["source"] == "how_a_text_is_written" and told(at)["at"] == -1
    says(at, "lesson", "kept")
    assert "source" not in told(at)
    at.button(key="lesson_other").click().run()
    assert told(at) == {"ended": True}
    at.multiselect(key="lesson_chapters").set_value(["sampling"]).run()
    at.button(key="lesson_of_beats").click().run()
    assert told(at)["of"] == len(choices.SAMPLING_PART.options)
    at.button(key="lesson_begin").click().run()
    assert told(at)["at"] == 0 and view(at)["sampling"] == "greedy" and "lesson_begin" not in {each.key for each in at.button}


def test_opening_ahead_can_be_left_and_taken_up_again(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    go_on = Event()

    def look(page: str, query: Mapping[str, str]) -> warming.Seen:
        go_on.wait(20)
        return warming.Seen(address=query, complaints=["Too long."] if page == "attention" else [])

    monkeypatch.setattr(dialog, "WARMER", warmer := warming.Warmer(look))
    monkeypatch.setattr(warming, "PAUSE", 0.0)
    at = opened(monkeypatch, tiny_folder, "lens", prompt="a")
    says(at, "lesson", "restore", a_file(tiny_folder), -1)
    says(at, "lesson", "choose")
    at.button(key="lesson_warm").click().run()  # it was brought by the browser, so nothing is under way
    at.button(key="lesson_stop").click().run()
    at.run()
    assert at.button(key="lesson_warm") and not [each for each in at.button if each.key == "lesson_stop"]
    go_on.set()
    at.button(key="lesson_warm").click().run()
    if (thread := warmer._thread) is not None:
        thread.join(20)
    at.run()
    assert not [each for each in at.button if each.key in ("lesson_warm", "lesson_stop")]
    assert [each.value[:6] for each in at.warning] == ["Step 4", "Step 5"]


def test_a_file_that_cannot_be_used_is_named_with_its_faults_and_the_next_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = opened(monkeypatch, tiny_folder, "lens", prompt="a")
    says(at, "lesson", "choose")

    def chooses(text: str) -> None:
        proto = next(each.proto for each in at.get("bidi_component") if each.proto.component_name == "glass_file_choice")
        at._run(WidgetStates(widgets=[triggered(proto.id, ["text"], text)]))

    chooses('{"title": "x", "minutes": 5, "steps": [{"link": "attention?layr=3"}]}')
    assert "Step 1" in at.error[0].value and "“layer”" in at.error[0].value and not at.exception
    chooses("x" * (lesson_file.LONGEST_FILE + 1))
    assert "200,000 bytes" in at.error[0].value
    chooses(a_file(tiny_folder))
    assert told(at)["name"] == "Of cats" and not at.error


def test_without_a_class_a_guess_is_made_on_the_page_itself(teacher: AppTest) -> None:
    says(teacher, "lesson", "go", 1)
    assert view(teacher)["write"] == "guess" and view(teacher)["prompt"] == "the cat sat"
    says(teacher, "lesson", "go", 2)
    assert told(teacher)["asks"] and not teacher.error


def test_a_vote_is_over_before_a_page_tells_what_is_guessed(teacher: AppTest, rooms: Rooms) -> None:
    room = open_class(teacher, rooms)
    says(teacher, "lesson", "go", 1)
    teacher.run()
    assert room.value("question")["status"] == "open"
    teacher.button(key="next_token_button").click().run()
    assert room.value("question")["status"] == "closed" and "results" not in room.value("question")
    says(teacher, "lesson", "go", 2)
    teacher.radio[0].set_value("choice").run()
    assert room.value("question")["status"] == "open"  # of the teacher's own text nobody knows what a page tells


def test_after_a_restart_class_lesson_and_guess_come_back_from_the_teachers_browser(
    teacher: AppTest, rooms: Rooms, monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    room = open_class(teacher, rooms)
    token = told(teacher, "room")["token"]
    says(teacher, "lesson", "go", 1)
    before, again = room.value("question"), room.value("again")
    presenting._desks.clear()
    monkeypatch.setattr(presenting, "ROOMS", anew := Rooms())  # which knows nothing
    after = opened(monkeypatch, tiny_folder, "write", **view(teacher))
    says(after, "room", "claim", room.code, token)
    says(after, "lesson", "restore", a_file(tiny_folder), 1)
    room = anew.find(room.code) or room
    assert room.value("question") is None and room.value("where") and told(after)["at"] == 1
    says(after, "room", "ask", again["kind"])  # room/reopening.js does, once it sees "where"
    asked = room.value("question")
    assert asked["status"] == "open" and {**asked, "id": 0} == {**before, "id": 0}
