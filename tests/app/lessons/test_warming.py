"""Every step of a lesson is opened ahead of the class, and the lessons that come with the project open without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from threading import Event, current_thread
from unittest.mock import MagicMock

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime import Runtime
from streamlit.runtime.caching.storage.dummy_cache_storage import MemoryCacheStorageManager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from app.lessons import library, warming
from app.lessons.lesson_file import Lesson, LessonStep, read
from app.lessons.places import missing_model, place_of
from app.lessons.warming import Seen, Warmer, Warming
from app.visitors import AHEAD, visitor

STEPS = {step.link: step for lesson in library.ready().values() for step in lesson.steps if step.page}


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """What of a running server a session needs."""
    before, running = Runtime._instance, MagicMock(spec=Runtime)
    running.media_file_mgr = MediaFileManager(MemoryMediaFileStorage("/none"))
    running.cache_storage_manager = MemoryCacheStorageManager()
    running.bidi_component_registry = BidiComponentManager()
    running.bidi_component_registry.discover_and_register_components(start_file_watching=False)
    Runtime._instance = running
    yield
    Runtime._instance = before


@pytest.mark.parametrize("link", STEPS)
def test_every_link_of_the_ready_lessons_restores_what_it_says_without_a_word(server: None, link: str) -> None:
    wanted = place_of(STEPS[link])
    assert wanted.items() >= {name: value for name, value in STEPS[link].query.items() if name != STEPS[link].page}.items()
    seen = warming.visit(STEPS[link].page, wanted)
    assert seen.question and not seen.complaints and seen.address == wanted


def test_the_ready_lessons_are_of_three_lengths_and_say_something_of_every_step() -> None:
    assert [lesson.minutes for lesson in library.ready().values()] == [20, 45, 90]
    for lesson in library.ready().values():
        assert lesson.about and all(step.title and step.note for step in lesson.steps)
        assert len({step.title for step in lesson.steps}) == len(lesson.steps)
        assert sum(step.question is not None for step in lesson.steps) >= 4
        assert not any(missing_model(step) for step in lesson.steps)


@pytest.mark.parametrize(
    ("page", "query", "said"),
    [
        ("attention", {"prompt": "a", "layer": "99"}, "layer=99, and the page shows the default"),
        ("attention", {"prompt": "a " * 600}, "context"),
        ("attention", {"prompt": "a", "model": "no-such-model"}, "not offered here"),
    ],
)
def test_what_a_page_complains_of_or_shows_otherwise_is_told(server: None, page: str, query: dict[str, str], said: str) -> None:
    seen = warming.visit(page, query)
    assert said in " ".join([*seen.complaints, *warming.not_taken(query, seen.address)])


def test_a_model_that_is_not_here_is_named_unless_the_page_needs_none() -> None:
    assert "gpt2-xl, which is not on this machine" in missing_model(LessonStep("attention", {"model": "gpt2-xl"}))
    assert not missing_model(LessonStep("scale", {"model": "gpt2-xl"}))


def a_lesson(*links: str, title: str = "x") -> Lesson:
    return read(json.dumps({"title": title, "minutes": 1, "steps": [{"link": link} for link in links]}))


def finished(warmer: Warmer, lesson: Lesson) -> Warming:
    found = warmer.start(lesson)
    thread = warmer._thread
    if thread is not None:
        thread.join(20)
    return found


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "PAUSE", 0.0)
    monkeypatch.setattr(warming, "REST", 0.0)


def test_the_steps_are_opened_in_their_order_by_one_who_lets_others_go_first() -> None:
    seen: list[tuple[str, bool]] = []

    def look(page: str, query: Mapping[str, str]) -> Seen:
        seen.append((page, visitor().is_patient))
        return Seen(f"What of {page}?", address=query)

    found = finished(Warmer(look), a_lesson("tokens?prompt=a", "lens?prompt=a"))
    assert seen == [("tokens", True), ("lens", True)] and (found.done, found.complaints) == (2, [])
    assert warming.question_of("lens?prompt=a") == "What of lens?"
    assert current_thread().name != AHEAD and not visitor().is_patient


def test_what_fails_is_told_with_its_step_and_the_others_are_opened(faults_logged: list[str]) -> None:
    def look(page: str, query: Mapping[str, str]) -> Seen:
        if page == "lens":
            raise ZeroDivisionError
        return Seen(complaints=["A word."] if page == "map" else [], address=query)

    found = finished(Warmer(look), a_lesson("tokens?prompt=a", "lens?prompt=a", "map?prompt=a"))
    assert found.is_over and [step for step, _ in found.complaints] == [1, 2] and found.complaints[1] == (2, "A word.")
    assert "went wrong" in found.complaints[0][1] and [line for line in faults_logged if "ZeroDivisionError" in line]


def test_a_lesson_is_opened_once_and_can_be_left_in_the_middle() -> None:
    opened: list[str] = []
    begun, go_on = Event(), Event()

    def look(page: str, query: Mapping[str, str]) -> Seen:
        opened.append(page)
        begun.set()
        go_on.wait(20)
        return Seen(address=query)

    warmer, lesson = Warmer(look), a_lesson("tokens?prompt=a", "lens?prompt=a")
    found = warmer.start(lesson)
    assert warmer.start(lesson) is found and begun.wait(20)
    warmer.stop(lesson)
    go_on.set()
    assert finished(warmer, a_lesson("map?prompt=a", title="y")).done == 1  # the next has its turn
    assert opened == ["tokens", "map"] and found.is_over and found.done == 1
    assert warmer.start(lesson) is not found  # and the first can be begun again


def test_lessons_without_end_do_not_fill_the_memory_and_those_that_are_done_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "MOST_KEPT", 3)
    begun, go_on = Event(), Event()

    def look(page: str, query: Mapping[str, str]) -> Seen:
        if page == "lens":
            begun.set()
            go_on.wait(20)
        return Seen(address=query)

    warmer = Warmer(look)
    done = a_lesson("map?prompt=a")
    finished(warmer, done)
    under_way = a_lesson("lens?prompt=a")
    warmer.start(under_way)
    assert begun.wait(20)
    asked = [a_lesson("tokens?prompt=a", title=str(i)) for i in range(9)]
    progress = [warmer.start(lesson) for lesson in asked]
    assert warmer.of(done) is None and len(warmer._asked) == 3 and len(warmer._waiting) <= 3
    assert progress[0].stopped.is_set() and not progress[-1].stopped.is_set()
    go_on.set()
    assert finished(warmer, asked[-1]).done == 1
