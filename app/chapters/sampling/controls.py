"""The sliders of the sampling page: a first setting of its own, and the second, which is that of the whole app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import choices, sequence, state
from app.components.choice.stops import STOPS, top_ks
from app.writing.numbers import significant
from gptcore.sampling import SamplingSettings

NAMES = {"temperature": "Temperature", "top_k": "Top-k", "top_p": "Top-p", "min_p": "Min-p"}
OFF = {"top_k": None, "top_p": 1.0, "min_p": 0.0}  # the values that cut nothing
HEADINGS = ("Setting A", "Setting B, also used on Write")
ALONE = "The setting, also used on Write"  # where there is no other beside it
_FIRST: dict[str, choices.Choice[Any]] = {
    "temperature": choices.FIRST_TEMPERATURE,
    "top_k": choices.FIRST_TOP_K,
    "top_p": choices.FIRST_TOP_P,
    "min_p": choices.FIRST_MIN_P,
}


def first_settings() -> SamplingSettings:
    """The setting that belongs to this page; its seed is that of the app."""
    return SamplingSettings(**{name: state.chosen(choice) for name, choice in _FIRST.items()}, seed=state.current().seed)


def second_settings() -> SamplingSettings:
    """The setting of the whole app, as Generate uses it."""
    return sequence.settings(state.current())


def take_first(settings: SamplingSettings) -> None:
    """Make these the first setting; the seed belongs to the app."""
    for name, choice in _FIRST.items():
        state.take(choice, getattr(settings, name))


def take_second(settings: SamplingSettings) -> None:
    """Make these the second setting."""
    state.update(**{name: getattr(settings, name) for name in NAMES})


def first_sliders(size: int, names: Sequence[str] = tuple(NAMES)) -> None:
    """Sliders of the first setting under its heading; size: of the vocabulary."""
    st.header(HEADINGS[0], anchor=False)
    with _row("first"):
        for name in names:
            _slider(name, size, state.chosen(_FIRST[name]), state.choice(_FIRST[name]))


def second_sliders(size: int, names: Sequence[str] = tuple(NAMES), heading: str = HEADINGS[1]) -> None:
    """Sliders of the second setting under a heading; size: of the vocabulary."""
    st.header(heading, anchor=False)
    with _row("second"):
        for name in names:
            _slider(name, size, getattr(state.current(), name), state.widget(name))


def written(name: str, value: Any) -> str:
    """A setting as the page writes it: "0, greedy", "40", "no cut"."""
    if name == "temperature":
        return "0, greedy" if value == 0 else significant(value, 6)
    return "no cut" if value == OFF[name] else f"{value:,}" if name == "top_k" else significant(value, 6)


def _row(which: str) -> Any:
    """Side by side; how many in a row says the style sheet, so that a phone has two where a screen has four. Columns would be an
    element more for each."""
    return st.container(horizontal=True, gap="medium", key=f"sliders_{which}")


def _slider(name: str, size: int, current: Any, tied: dict[str, Any]) -> None:
    """One setting, over the values worth trying; one that a link brought is among them."""
    stops = top_ks(size) if name == "top_k" else STOPS[name]
    options = sorted({*stops, current}, key=lambda value: float("inf") if value is None else value)
    st.select_slider(NAMES[name], options, format_func=lambda value: written(name, value), **tied)
