"""Whose training runs: one at a time, in the order of asking, and nothing goes on when its visitor is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from app.live import slot as slots
from app.live.slot import Slot


class FakeProcess:
    def __init__(self, wanted: Mapping[str, Any], hear: Callable[[dict[str, Any] | None], object]) -> None:
        self.wanted, self.hear = wanted, hear
        self.words: list[str] = []
        self.held: list[bool] = []
        self.ended = False

    def say(self, word: str) -> None:
        self.words.append(word)

    def hold(self, held: bool) -> None:
        self.held.append(held)

    def end(self) -> None:
        self.ended = True


class Place:
    """A slot whose processes and clock are the test's own; its timer never ticks by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[FakeProcess] = []
        self.time = 0.0
        monkeypatch.setattr(Slot, "_watch", lambda self: None)
        self.slot = Slot(self._start, lambda: self.time)
        self.anna, self.ben, self.cleo = (self.slot.number_of(name) for name in ("anna", "ben", "cleo"))

    def _start(self, wanted: Mapping[str, Any], hear: Callable[[dict[str, Any] | None], object]) -> FakeProcess:
        self.made.append(FakeProcess(wanted, hear))
        return self.made[-1]

    def news(self, visitor: int, training: int = 0, rows: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.slot.news(visitor, training, rows))
        return found

    def later(self, seconds: float, *present: int) -> None:
        """So many seconds go by, in which these visitors ask for news."""
        end = self.time + seconds
        while self.time < end:
            self.time = min(end, self.time + 5)
            for visitor in present:
                self.news(visitor)
            with self.slot._lock:
                self.slot._look()

    @property
    def alive(self) -> list[FakeProcess]:
        return [process for process in self.made if not process.ended]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def row(step: int) -> dict[str, Any]:
    return {
        "kind": "checkpoint",
        "step": step,
        "seconds": float(step),
        "training": 2.0,
        "held_out": 3.0,
        "sample": "a",
        "maps": "AA",
    }


def test_one_process_runs_and_the_others_wait_in_the_order_of_asking(place: Place) -> None:
    for visitor in (place.anna, place.ben, place.cleo):
        assert place.slot.ask(visitor, f"of {visitor}", {"text": str(visitor)})
    assert len(place.alive) == 1
    assert [place.news(visitor)["place"] for visitor in (place.anna, place.ben, place.cleo)] == [0, 1, 2]
    place.made[0].hear({"kind": "ended", "why": "time"})
    assert place.made[0].ended and [process.wanted["text"] for process in place.alive] == [str(place.ben)]
    assert place.news(place.cleo)["place"] == 1


def test_everybody_sees_the_same_training_and_gets_the_rows_that_they_do_not_have(place: Place) -> None:
    place.slot.ask(place.anna, "the book", {})
    place.made[0].hear({"kind": "begun", "parameters": 9})
    for step in (0, 1, 2):
        place.made[0].hear(row(step))
    mine, other = place.news(place.anna), place.news(place.ben)
    assert mine["mine"] and not other["mine"] and mine["begun"] == {"kind": "begun", "parameters": 9}
    assert [each["step"] for each in other["rows"]] == [0, 1, 2]
    later = place.news(place.ben, other["number"], 2)
    assert [each["step"] for each in later["rows"]] == [2] and later["from"] == 2
    assert [each["step"] for each in place.news(place.ben, other["number"] + 7, 2)["rows"]] == [0, 1, 2]
    table = place.slot.measured()  # for a file: numbers and texts alone
    assert [each["step"] for each in table] == [0, 1, 2] and all(set(each) == set(slots.MEASURED) for each in table)


def test_before_the_first_training_nothing_was_measured(place: Place) -> None:
    assert place.slot.measured() == []


def test_only_whoever_started_it_can_pause_or_stop_it(place: Place) -> None:
    place.slot.ask(place.anna, "hers", {})
    place.made[0].hear({"kind": "begun"})
    place.slot.say(place.ben, "pause")
    place.slot.speed(place.ben, 1)
    place.slot.leave(place.ben)
    assert place.made[0].words == [] and not place.made[0].ended
    place.slot.say(place.anna, "pause")
    place.slot.speed(place.anna, 5)
    place.slot.speed(place.anna, 7)  # is not offered
    assert place.made[0].words == ["pause", "speed 5"] and place.news(place.ben)["state"] == "paused"
    place.slot.leave(place.anna)
    assert place.made[0].ended and place.news(place.ben)["why"] == "stopped"


def test_closing_the_tab_ends_the_training_and_the_next_begins(place: Place) -> None:
    place.slot.ask(place.anna, "hers", {})
    place.slot.ask(place.ben, "his", {})
    place.later(slots.GONE - 1, place.anna, place.ben)
    assert not place.made[0].ended
    place.later(slots.GONE + 5, place.ben)
    assert place.made[0].ended and len(place.alive) == 1 and place.news(place.ben)["mine"]


def test_whoever_waits_and_leaves_loses_the_place(place: Place) -> None:
    for visitor in (place.anna, place.ben, place.cleo):
        place.slot.ask(visitor, "", {})
    place.later(slots.GONE + 5, place.anna, place.cleo)
    assert place.news(place.cleo)["place"] == 1


def test_a_second_wish_takes_the_place_of_the_first(place: Place) -> None:
    place.slot.ask(place.anna, "first", {})
    place.slot.ask(place.anna, "second", {"text": "b"})
    assert place.made[0].ended and [process.wanted["text"] for process in place.alive] == ["b"]


def test_a_pause_ends_when_others_wait_for_long_and_never_otherwise(place: Place) -> None:
    place.slot.ask(place.anna, "", {})
    place.made[0].hear({"kind": "begun"})
    place.slot.say(place.anna, "pause")
    place.later(slots.PAUSED_AT_MOST + 10, place.anna)
    assert not place.made[0].ended
    place.slot.ask(place.ben, "", {})
    place.later(10, place.anna, place.ben)
    assert place.made[0].ended


def test_nothing_runs_for_longer_than_the_limit(place: Place) -> None:
    place.slot.ask(place.anna, "", {})
    place.slot.say(place.anna, "pause")
    place.later(slots.WALL + 10, place.anna)
    assert place.made[0].ended and place.news(place.anna)["why"] == "wall"


def test_it_is_held_while_the_model_is_waited_for_also_if_it_starts_then(place: Place) -> None:
    place.slot.hold(True)
    place.slot.ask(place.anna, "", {})
    place.slot.hold(False)
    assert place.made[0].held == [True, False] and place.news(place.anna)["held"] is False


def test_a_process_that_ends_by_itself_is_told_and_frees_the_place(place: Place) -> None:
    place.slot.ask(place.anna, "", {})
    place.slot.ask(place.ben, "", {})
    place.made[0].hear(None)
    assert place.news(place.anna)["number"] == 2 and len(place.alive) == 1
    place.made[1].hear({"kind": "refused", "why": "The text has 'é'."})
    assert place.news(place.ben)["why"] == "The text has 'é'."
    place.made[1].hear(row(5))  # too late
    assert place.news(place.ben)["rows"] == []


def test_a_machine_that_starts_no_process_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(wanted: object, hear: object) -> FakeProcess:
        raise OSError

    monkeypatch.setattr(Slot, "_watch", lambda self: None)
    slot = Slot(start, lambda: 0.0)
    me = slot.number_of("me")
    slot.ask(me, "", {})
    said = json.loads(slot.news(me, 0, 0))
    assert (said["state"], said["why"]) == ("ended", "failed")


def test_the_queue_has_an_end(place: Place) -> None:
    visitors = [place.slot.number_of(i) for i in range(slots.MOST_WAITING + 2)]
    asked = [place.slot.ask(visitor, "", {}) for visitor in visitors]
    assert asked == [True] * (slots.MOST_WAITING + 1) + [False]


def test_the_end_of_the_server_ends_it_and_starts_no_other(place: Place) -> None:
    place.slot.ask(place.anna, "", {})
    place.slot.ask(place.ben, "", {})
    place.slot.close()
    assert not place.alive
