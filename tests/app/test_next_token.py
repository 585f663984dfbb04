"""What the Python side of the next-token panel sends, and what it takes from a browser that may send anything."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app import state
from app.components import next_token as panel
from app.components import vocabulary as shelf
from gptcore.sampling import SamplingSettings, Selection, select

KEY = "panel"


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The other half of `pack`, in Python."""
    length = int.from_bytes(data[:4], "little")
    text = json.loads(data[4 : 4 + length])
    arrays = {
        name: np.frombuffer(data, entry["dtype"], int(np.prod(entry["shape"])), 4 + length + entry["offset"])
        for name, entry in text["arrays"].items()
    }
    return text["header"], arrays


class Browser:
    """Stands in for Streamlit: keeps what was mounted, and lets a test speak as the browser would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mounted: dict[str, dict[str, Any]] = {}
        self.values: dict[str, Any] = {}
        self.memory: dict[str, Any] = {}
        self.messages: list[str] = []

        def component(name: str) -> Callable[..., None]:
            return lambda *, key, **rest: self.mounted.__setitem__(key, {"component": name, **rest})

        monkeypatch.setattr(panel, "component", component)
        monkeypatch.setattr(shelf, "component", component)
        monkeypatch.setattr(state, "component_value", lambda key, name: self.values.get(name))
        monkeypatch.setattr(state, "remembered", self.memory.get)
        monkeypatch.setattr(state, "remember", self.memory.__setitem__)
        monkeypatch.setattr(state, "notify", self.messages.append)

    def says(self, event: str, value: Any) -> None:
        self.values = {event: value}
        self.mounted[KEY][f"on_{event}_change"]()


@pytest.fixture
def browser_stand_in(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(monkeypatch)


def choice(size: int = 300, **settings: Any) -> Selection:
    logits = np.random.default_rng(2).normal(0, 3, size).astype(np.float32)
    return select(logits, SamplingSettings(**settings), position=5)


def draw(selection: Selection, **changes: Any) -> tuple[list[dict[str, Any]], list[int]]:
    """Mount the panel for 5 tokens; returns the settings and the token ids that it will report."""
    settings: list[dict[str, Any]] = []
    chosen: list[int] = []
    arguments = {"labels": ["a", "b"], "n_tokens": 5, "on_settings": settings.append, "on_choose": chosen.append}
    panel.next_token(key=KEY, model_name="tiny", choice=selection, **(arguments | changes))
    return settings, chosen


def test_the_step_holds_every_logit_by_token_id_and_nothing_that_a_slider_changes(browser_stand_in: Browser) -> None:
    selection = choice(temperature=0.7, seed=3)
    draw(selection)
    header, arrays = unpacked(browser_stand_in.mounted[KEY]["data"])
    planes = np.frombuffer(zlib.decompress(arrays["logits"].tobytes()), np.uint8).reshape(4, -1)
    logits = np.ascontiguousarray(planes[::-1].T).view("<f4").ravel()
    assert list(arrays) == ["logits"]
    assert np.array_equal(logits[selection.token_ids].astype(np.float64), selection.logits)
    assert header["labels"] == ["a", "b"]
    draw(choice(temperature=3, seed=4))
    assert unpacked(browser_stand_in.mounted[KEY]["data"])[0] == header


def test_settings_and_u_travel_by_themselves(browser_stand_in: Browser) -> None:
    selection = choice(temperature=0.7, top_k=40, seed=3)
    draw(selection)
    header, arrays = unpacked(browser_stand_in.mounted[f"{KEY}_said"]["data"])
    assert header["value"]["settings"] == {"temperature": 0.7, "top_k": 40, "top_p": 1.0, "min_p": 0.0, "seed": 3}
    assert header["value"]["u"] == selection.u
    assert not arrays
    assert len(browser_stand_in.mounted[f"{KEY}_said"]["data"]) < 400


def test_settings_let_go_reach_the_page(browser_stand_in: Browser) -> None:
    settings, _ = draw(choice())
    new = {"temperature": 2, "top_k": None, "top_p": 0.9, "min_p": 0, "seed": 7}
    browser_stand_in.says("settings", new)
    assert settings == [new]


@pytest.mark.parametrize("junk", [None, 3, [], {}, {"temperature": 1}, {"temperature": 1, "evil": 2}])
def test_settings_that_are_not_settings_are_ignored(browser_stand_in: Browser, junk: object) -> None:
    settings, _ = draw(choice())
    browser_stand_in.says("settings", junk)
    assert settings == []


@pytest.mark.parametrize(("name", "value"), [("temperature", -1), ("top_k", 0), ("top_p", "x"), ("seed", 1e99), ("min_p", None)])
def test_settings_outside_their_range_are_not_taken_and_a_message_names_the_one_that_it_is_about(
    browser_stand_in: Browser, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as in the app
    settings, _ = draw(choice())
    good = {"temperature": 1.0, "top_k": None, "top_p": 1.0, "min_p": 0.0, "seed": 0}
    browser_stand_in.says("settings", good | {name: value})
    assert settings == []
    assert all(said.startswith(f"{name} is {value!r}") for said in browser_stand_in.messages)


def test_a_click_on_a_candidate_reaches_the_page(browser_stand_in: Browser) -> None:
    _, chosen = draw(choice())
    browser_stand_in.says("choose", {"id": 17, "length": 5})
    assert chosen == [17]


@pytest.mark.parametrize(
    "click",
    [
        {"id": 17, "length": 4},
        {"id": 17},
        {"id": 300, "length": 5},
        {"id": -1, "length": 5},
        {"id": "17", "length": 5},
        {"length": 5},
        None,
    ],
)
def test_a_click_on_an_older_step_or_on_no_token_is_ignored(browser_stand_in: Browser, click: object) -> None:
    _, chosen = draw(choice())
    browser_stand_in.says("choose", click)
    assert chosen == []


def test_nothing_can_be_chosen_when_disabled(browser_stand_in: Browser) -> None:
    _, chosen = draw(choice(), disabled=True)
    browser_stand_in.says("choose", {"id": 17, "length": 5})
    assert chosen == []


def test_guess_first_hides_every_step_until_it_is_revealed(browser_stand_in: Browser) -> None:
    draw(choice())
    assert not panel.is_hidden(KEY, 5)
    browser_stand_in.says("guess", {"first": True, "revealed": None})
    assert panel.is_hidden(KEY, 5)
    browser_stand_in.says("guess", {"first": True, "revealed": 5})
    assert not panel.is_hidden(KEY, 5)
    assert panel.is_hidden(KEY, 6)
    browser_stand_in.says("guess", {"first": False, "revealed": None})
    assert not panel.is_hidden(KEY, 6)


def test_the_vocabulary_travels_as_one_text_by_id_compressed(browser_stand_in: Browser) -> None:
    shelf.vocabulary("tiny", ["␣a", "↵", "⟨E2 80⟩", "<b>", "é"])
    header, arrays = unpacked(browser_stand_in.mounted["vocabulary"]["data"])
    assert header["name"] == "vocabulary:tiny"
    assert zlib.decompress(arrays["deflated"].tobytes()).decode().split("\n") == ["␣a", "↵", "⟨E2 80⟩", "<b>", "é"]


def test_a_vocabulary_with_a_line_break_in_a_text_is_refused(browser_stand_in: Browser) -> None:
    with pytest.raises(ValueError, match="line break"):
        shelf.vocabulary("tiny", ["a", "b\n"])
