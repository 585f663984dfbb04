"""What the timelines send: the sequence whole and once, and what they take from a browser that may send anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app import state
from app.components import timeline as module
from app.components.timeline import Chip, timeline
from tests.app.test_next_token import unpacked

CHIPS = [
    Chip(5, "Once", "prompt"),
    Chip(7, "␣<b>", "prompt", 0.25),
    Chip(70_000, "↵", "chosen", 1e-9),
    Chip(7, "␣<b>", "chosen", 0.5),
    Chip(-1, "␣the", "next"),
]


class Browser:
    """Stands in for Streamlit: keeps what was mounted, and lets a test speak as the browser would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mounted: dict[str, dict[str, Any]] = {}
        self.memory: dict[str, Any] = {}
        self.said: Any = None
        monkeypatch.setattr(module, "component", lambda name: lambda *, key, **rest: self.mounted.__setitem__(key, rest))
        monkeypatch.setattr(state, "component_value", lambda key, name: self.said)
        monkeypatch.setattr(state, "remembered", lambda name, default: self.memory.get(name, default))
        monkeypatch.setattr(state, "remember", self.memory.__setitem__)
        self.picked: list[int] = []

    def draw(self, chips: list[Chip], position: int | None, *, prose: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        key = "bar" if prose else "main"
        timeline(chips, key=key, position=position, on_pick=self.picked.append, prose=prose)
        return unpacked(self.mounted[key]["data"])


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(monkeypatch)


def test_the_sentence_bar_gets_every_chip_with_its_kind_id_and_probability(stand_in: Browser) -> None:
    header, arrays = stand_in.draw(CHIPS, 1, prose=True)
    assert header["texts"] == [chip.text for chip in CHIPS] and header["position"] == 1
    assert header["kinds"] == [["prompt", 2], ["chosen", 2], ["next", 1]]
    assert arrays["ids"].tolist() == [5, 7, 70_000, 7, -1]
    assert arrays["probabilities"].tolist() == [-1, 0.25, np.float32(1e-9), 0.5, -1]


def test_a_second_timeline_of_the_same_chips_is_only_told_their_mark(stand_in: Browser) -> None:
    first, _ = stand_in.draw(CHIPS, 1, prose=True)
    assert stand_in.draw(CHIPS, 1, prose=False) == ({"mark": first["mark"], "prose": False}, {})


@pytest.mark.parametrize("change", ["position", "text", "probability", "kind", "length"])
def test_one_that_shows_anything_else_gets_it_all(stand_in: Browser, change: str) -> None:
    first, _ = stand_in.draw(CHIPS, 1, prose=True)
    chips = {
        "position": CHIPS,
        "text": [*CHIPS[:4], Chip(-1, "␣a", "next")],
        "probability": [CHIPS[0], Chip(7, "␣<b>", "prompt", 0.5), *CHIPS[2:]],
        "kind": [*CHIPS[:2], Chip(70_000, "↵", "prompt", 1e-9), *CHIPS[3:]],
        "length": CHIPS[:4],
    }[change]
    header, arrays = stand_in.draw(chips, 2 if change == "position" else 1, prose=False)
    assert header["mark"] != first["mark"] and header["texts"] == [chip.text for chip in chips]
    assert len(arrays["ids"]) == len(chips)


def test_a_thousand_chips_take_less_than_thirty_bytes_each(stand_in: Browser) -> None:
    chips = [Chip(i, "␣word", "prompt", 0.5) for i in range(1024)]
    stand_in.draw(chips, None, prose=True)
    stand_in.draw(chips, None, prose=False)
    assert sum(len(mounted["data"]) for mounted in stand_in.mounted.values()) < 30 * 1024


@pytest.mark.parametrize(("said", "picked"), [(0, [0]), (4, [4]), (5, []), (-1, []), ("1", []), (None, []), (1.5, [])])
def test_only_a_chip_that_is_there_can_be_picked(stand_in: Browser, said: Any, picked: list[int]) -> None:
    stand_in.draw(CHIPS, 1, prose=False)
    stand_in.said = said
    stand_in.mounted["main"]["on_pick_change"]()
    assert stand_in.picked == picked
