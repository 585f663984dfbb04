"""A class on the pages: what the teacher's session shows stands in the room after every run, and nobody else's does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from app.room import codes, presenting, questions
from app.room.room import Room
from app.room.rooms import Rooms
from app.shell.navigation import PAGES
from tests.pages.test_hostile_messages import triggered
from tests.pages.visit_page import open_page


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rooms]:
    """Rooms of this test's own."""
    fresh = Rooms()
    presenting.watch()
    monkeypatch.setattr(presenting, "ROOMS", fresh)
    yield fresh
    presenting._desks.clear()


def says(at: AppTest, *words: str) -> None:
    """The browser says this of a class."""
    proto = next(each.proto for each in at.get("bidi_component") if each.proto.component_name == "glass_frame")
    at._run(WidgetStates(widgets=[triggered(proto.id, ["room"], list(words))]))
    assert not at.exception


def told(at: AppTest) -> dict[str, str]:
    """What the bar's component is told of a class."""
    data = next(each.proto.bytes for each in at.get("bidi_component") if each.proto.component_name == "glass_frame")
    found: dict[str, str] = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])["header"]["room"]
    return found


def open_class(at: AppTest, rooms: Rooms) -> tuple[Room, str]:
    """The room and its token."""
    says(at, "start")
    room = rooms.find(told(at)["code"])
    assert room is not None
    return room, told(at)["token"]


def items(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All that stands on a mirrored page, in its order."""
    for item in page["items"]:
        yield item
        yield from items(item) if "items" in item else ()


def texts(room: Room) -> str:
    return " ".join(item.get("html", item.get("text", "")) for item in items(room.value("page")))


def test_a_teachers_page_stands_in_the_room_top_to_bottom(monkeypatch, tiny_folder: Path, rooms: Rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="the cat sat", open="")
    assert told(at) == {} and len(rooms) == 0
    room, token = open_class(at, rooms)
    assert codes.code_of(token) == room.code
    page = room.value("page")
    shown = list(items(page))
    kinds = [(each["kind"], each.get("name", "")) for each in shown]
    assert kinds.index(("component", "timeline")) < kinds.index(("html", "")) < kinds.index(("component", "arcs"))
    question = next(each["html"] for each in shown if each["kind"] == "html")
    assert "<h1" in question
    finding = next(each for each in shown if each.get("key") == "finding")
    assert "<code>" in finding["items"][0]["html"]
    parts = {f"part:{each['key']}" for each in shown if each["kind"] == "component"}
    assert parts == set(room.names("part")) and all(isinstance(room.value(name), bytes) for name in parts)
    on_page = {each.proto.component_name: each.proto.bytes for each in at.get("bidi_component")}
    assert room.value("part:attention_arcs") == on_page["glass_arcs"]
    assert room.value("where") == {"link": room.value("where")["link"], "title": "5 Attention"}
    assert room.value("where")["link"].startswith("attention?")


def test_the_token_goes_to_the_browser_until_that_has_it_and_then_no_more(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="the cat sat")
    room, token = open_class(at, rooms)
    at.run()
    assert told(at)["token"] == token
    says(at, "claim", room.code, token)
    assert told(at) == {"role": "present", "code": room.code}
    assert at.session_state["remembered_class_token"] == "" and token not in str(at.query_params)


def test_a_change_of_beat_page_or_control_is_in_the_room_after_the_run(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat")
    room, _ = open_class(at, rooms)
    before, names = room.rev, set(room.names("part"))
    at.radio[0].set_value("merges").run()
    assert room.rev > before and set(room.names("part")) != names
    assert "tokens=merges" in room.value("where")["link"]
    after = room.rev
    at.run()
    assert room.rev == after  # the same page again is no change
    room.change({"hand:x": {}})
    at.run()
    assert not room.names("hand")  # what was moved has come to rest


def test_what_the_text_holds_stays_text(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="<b>a</b> the <img src=x>")
    room, _ = open_class(at, rooms)
    assert "<img" not in texts(room) and "<b>a" not in texts(room)


@pytest.mark.parametrize("page", [page.file for page in PAGES])
def test_every_page_has_its_question_and_all_its_components_in_their_order(monkeypatch, tiny_folder, rooms, page: str) -> None:
    at = open_page(monkeypatch, tiny_folder, page, prompt="the cat sat")
    room, _ = open_class(at, rooms)
    shown = list(items(room.value("page")))
    assert any("<h1" in each.get("html", "") for each in shown)
    own = {"glass_frame", "glass_address", "glass_address_line"}
    drawn = [each.proto for each in at.get("bidi_component") if each.proto.component_name not in own]
    assert [(each["name"], room.value(f"part:{each['key']}")) for each in shown if each["kind"] == "component"] == [
        (proto.component_name.removeprefix("glass_"), proto.bytes) for proto in drawn
    ]
    assert not [each for each in shown if each.get("key") in {"tries", "chapter_beats"}]
    formulas = [each["html"] for each in shown if each.get("html", "").startswith('<div class="formula">')]
    assert not [each for each in formulas if re.search(r"\\[a-zA-Z]|&amp;|\[[\d.]+em\]", each)]  # all of the LaTeX was understood
    json.dumps(room.value("page"), allow_nan=False)


def test_what_is_set_beside_a_figure_stands_in_a_line_under_the_finding(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="the cat sat", open="", head="2")
    room, _ = open_class(at, rooms)
    shown = list(items(room.value("page")))
    keys = [each.get("key") for each in shown]
    settings = shown[keys.index("settings")]
    assert keys.index("finding") < keys.index("settings") < keys.index("attention_arcs") and "beat_aside" not in keys
    assert {"kind": "chosen", "label": "Head", "text": "2"} in settings["items"]
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="the cat sat", open="maths")
    says(at, "start")
    folds = [each for each in items(rooms.find(told(at)["code"]).value("page")) if each["kind"] == "fold"]
    assert [fold["open"] for fold in folds] == [True]  # what is folded is not even sent
    formulas = [each["html"] for each in items(folds[0]) if "formula" in each.get("html", "")]
    assert formulas and all("<math" in each for each in formulas)


def test_what_a_guess_is_made_from_is_part_of_the_question(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", prompt="the cat sat", write="guess")
    room, _ = open_class(at, rooms)
    offers = [each["text"] for each in items(room.value("page")) if each["kind"] == "offer"]
    assert len(offers) > 2 and offers[-1] == "Something else"


def test_only_the_teachers_session_is_seen(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="the cat sat")
    room, _ = open_class(at, rooms)
    rev = room.rev
    presenting._desks["somebody else's"] = presenting._desks.pop("test session id")
    open_page(monkeypatch, tiny_folder, "tokens", prompt="another text")
    assert room.rev == rev


def test_a_wrong_token_gives_no_rights_and_says_so(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat")
    room, token = rooms.open()
    says(at, "claim", room.code, codes.new_token())
    assert told(at) == {} and "does not belong" in at.toast[0].value
    says(at, "claim", room.code, "short")
    assert told(at) == {}
    says(at, "claim", room.code, token)
    assert told(at)["role"] == "present" and room.value("page")


def test_after_a_restart_the_browser_opens_the_class_again(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat")
    token = codes.new_token()
    says(at, "claim", codes.code_of(token), token)
    room = rooms.find(codes.code_of(token))
    assert room is not None and room.value("page")["title"] == "2 Tokens"
    says(at, "end")
    assert told(at) == {} and rooms.find(room.code) is None and room.has_ended


def test_who_explores_beside_a_class_keeps_its_code_in_every_address(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat", room="abc 234")
    assert told(at) == {"role": "explore", "code": "ABC234"}
    at.radio[0].set_value("merges").run()
    assert at.query_params["room"] in ("ABC234", ["ABC234"])
    room, _ = open_class(at, rooms)  # who begins to teach is no pupil any more
    assert told(at)["role"] == "present" and "room" not in room.value("where")["link"]


def test_what_cannot_be_published_leaves_the_teachers_page_as_it_is(monkeypatch, tiny_folder, rooms, faults_logged) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat")
    room, _ = open_class(at, rooms)
    monkeypatch.setattr(presenting.Mirror, "shown", lambda self: 1 / 0)
    at.run()
    assert not at.exception and at.radio and [line for line in faults_logged if "ZeroDivisionError" in line]
    at.run()
    assert "went wrong" in at.toast[0].value and room.value("page")


def test_too_many_classes_are_refused_in_words(monkeypatch, tiny_folder, rooms) -> None:
    monkeypatch.setattr("app.room.rooms.MOST_ROOMS", 0)
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat")
    says(at, "start")
    assert told(at) == {} and "0 classes are open" in at.toast[0].value


@pytest.mark.parametrize("kind", ["guess", "free"])
def test_a_guess_is_about_the_text_in_view_and_nothing_shown_gives_it_away(monkeypatch, tiny_folder, rooms, kind: str) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat sat")
    room, _ = open_class(at, rooms)
    says(at, "ask", kind)
    question = room.value("question")
    assert question["passage"] == "the cat sat" and question["status"] == "open" and "results" not in question
    assert len(question["options"]) in ((4, 5, 6) if kind == "guess" else (0,)) and len(set(question["options"])) == len(
        question["options"]
    )
    assert room.value("page")["file"] == "write"  # the beat that hides the probabilities
    now = questions.poll(room)
    assert now is not None
    now.vote("a tab", 0 if kind == "guess" else "dog")
    now.reveal()
    results = now.results()
    assert results["chosen"] and sum(row["right"] for row in results["rows"]) == 1 and results["model_bits"] > 0
    if kind == "guess":
        assert sum(row["model"] for row in results["rows"]) == pytest.approx(1)


def test_a_guess_is_not_asked_where_no_token_can_follow(monkeypatch, tiny_folder, rooms) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="a" * 64)
    room, _ = open_class(at, rooms)
    says(at, "ask", "guess")
    assert room.value("question") is None and "no token follows" in at.toast[0].value
