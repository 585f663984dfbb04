"""The parts of the sampling page, in their order, and whose logits they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from app import choices, state, ui
from app.beats import Beat, Beats, Try
from app.chapters.sampling import ending, greedy, sections, stops, story, views
from app.chapters.sampling.views import Given
from app.runtime import Here
from app.writing import markup

SOURCES = {"live": "The next token of your text", "nine_words": "The nine-word example"}
Result = TypeVar("Result", None, str, Sequence[Try])


def _given(here: Here) -> Given:
    """The logits that are looked at."""
    return views.nine_words() if state.chosen(choices.SAMPLING_LOGITS) == "nine_words" else views.live(here.run)


def _of_logits(told: Callable[[Given], Result]) -> Callable[[Here], Result]:
    return lambda here: told(_given(here))


def _source(here: Here) -> None:
    source = st.segmented_control(
        "Which logits", list(SOURCES), format_func=lambda name: SOURCES[name], required=True, wrap=True,
        **state.choice(choices.SAMPLING_LOGITS),
    )  # fmt: skip
    newest = f"newest of {len(here.ids):,} tokens" if len(here.ids) > 1 else "only token"
    ui.note(
        "The words that may follow “every effort moves you”, with the logits that Sebastian Raschka prints in “Build a Large Language "
        "Model (From Scratch)”, section 5.3. No model is involved."
        if source == "nine_words"
        else f"The logits for the token after {markup.quoted(here.tokens[-1])}, the {newest}."
    )


def _source_and(draw: Callable[[Given], None]) -> Callable[[Here], None]:
    def drawn(here: Here) -> None:
        _source(here)
        draw(_given(here))

    return drawn


PARTS: Beats = {
    "greedy": Beat(
        "Greedy decoding and repetition", "What if it always takes the likeliest token?", greedy.greedy, story.says_greedy,
        steppers=greedy.setting, tries=story.try_greedy, maths=greedy.formula, checks=greedy.checks,
        words=("greedy", "logit", "seed", "temperature"),
    ),
    "settings": Beat(
        "Two settings side by side", "What exactly do temperature, top-k and top-p do?", _of_logits(sections.two_settings),
        _of_logits(story.says_settings), steppers=_source, tries=_of_logits(story.try_settings), maths=_of_logits(sections.formula),
        checks=_of_logits(sections.two_settings_checks),
        words=("temperature", "top-k", "top-p", "min-p", "logit", "softmax", "vocabulary"),
        wide=True,
    ),
    "choices": Beat(
        "How many choices are left", "How uncertain is the choice?", _of_logits(sections.choices_left), _of_logits(story.says_choices),
        steppers=_source_and(sections.both_temperatures), tries=_of_logits(story.try_choices), maths=_of_logits(sections.entropy_formula),
        checks=_of_logits(sections.choices_checks), words=("entropy", "temperature", "logit"),
    ),
    "draws": Beat(
        "Many draws", "How does chance pick one token?", _of_logits(sections.many_draws), _of_logits(story.says_draws),
        steppers=_source_and(sections.draws_controls), tries=_of_logits(story.try_draws), maths=_of_logits(sections.error_formula),
        checks=_of_logits(sections.draws_checks), words=("probability", "seed", "temperature", "logit"),
    ),
    "stops": Beat(
        "Why it stops", "Why does the text stop?", stops.stops, stops.says_stops,
        steppers=stops.which_end, tries=story.try_stops, checks=stops.stop_checks,
        words=("context length", "end of text", "autoregressive", "logit", "random number"), questions=story.QUESTIONS,
    ),
    "end": Beat(
        "You are through", "You are through. What have you seen?", ending.chapters, ending.says, tries=ending.tries,
        words=("autoregressive", "transformer block", "parameter"),
    ),
}  # fmt: skip
