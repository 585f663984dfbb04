"""A chapter told in beats: each asks one question, shows one picture, says what it shows in this text, and offers what to try next.

A beat's question is the page's title; below it the finding, made from this text's numbers; then the figure, and beside it its
steppers, what to try, and, folded, what only some want: the maths, the checks and the code, the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import streamlit as st

from app import as_code, palette, state, tellings, ui
from app.choices import Choice, Shown
from app.glossary import named_in, with_meanings
from app.runtime import Here
from app.shell import navigation

FOLDS = {"maths": "The maths, with these numbers", "checks": "Code and checks", "words": "Words"}
Part = Callable[[Here], None]
Findings = Callable[[Here], str]


@dataclass(frozen=True)
class Try:
    """Something to try. label: what its button says, as Markdown; change: fields of the view; shown: choices; page: where, if not here
    (the page's file)."""

    label: str
    change: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    shown: Shown = ()
    page: str = ""


@dataclass(frozen=True)
class Question:
    """At the end of a chapter: asked, and an answer that can be revealed, as Markdown, made from the numbers on the screen."""

    asked: str
    answer: Findings


@dataclass(frozen=True)
class Beat:
    """One step of a chapter.

    name: on its button; question: the title; figure: draws the picture and what belongs right under it; finding: one or two sentences
    from this text's numbers, as Markdown (tokens by `token`); steppers: draws the controls of the figure; tries: what to try next;
    maths, checks: drawn when they are unfolded; words: entries of the glossary; questions: at the end of a chapter;
    wide: the figure takes the whole page and what else stands beside it stands below.
    """

    name: str
    question: str
    figure: Part
    finding: Findings
    steppers: Part | None = None
    tries: Callable[[Here], Sequence[Try]] | None = None
    maths: Part | None = None
    checks: Part | None = None
    words: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    wide: bool = False


Beats = Mapping[str, Beat]  # part of the page -> its beat


def tell(choice: Choice[str], beats: Beats, here: Here) -> None:
    """The beat that is chosen, with everything around it."""
    part = state.chosen(choice)
    beat, page = beats[part], navigation.entry(choice.name)
    if beat.wide:
        left, below = st.container(), st.container(key="beat_aside_below")
        controls, tries, folds = below.columns(3, gap="large")
    else:
        left, right = st.columns([2, 1], gap="large")
        controls = tries = folds = right.container(key="beat_aside")
    with left:
        colour = "currentColor" if page.stage == ui.WHOLE else palette.colour(page.stage, ui.mode())
        ui.question(beat.question, colour)
        finding = beat.finding(here)
        with st.container(key="finding"):
            st.markdown(with_meanings(finding).replace(" %", "\N{NO-BREAK SPACE}%"))  # a number and its unit on one line
    with controls:
        if beat.steppers:
            beat.steppers(here)
    offered = beat.tries(here) if beat.tries else ()
    with tries:
        _tries(page.file, part, offered)
    with folds:
        said = [beat.question, finding, *(each.label for each in offered), *(each.asked for each in beat.questions)]
        _folds(beat, here, lambda: as_code.of(choice.name, part, here), _words(beat, " ".join(said)))
    with left:
        beat.figure(here)
        _questions(part, beat.questions, here)
    with folds, st.container(key="chapter_beats"):
        st.radio("In this chapter", list(beats), format_func=lambda each: beats[each].name, **state.choice(choice))


def _questions(part: str, questions: Sequence[Question], here: Here) -> None:
    if questions:
        st.header("Can you tell?", anchor=False)
    for number, question in enumerate(questions):
        with st.expander(question.asked, key=f"question_{part}_{number}"):
            st.markdown(question.answer(here))


def _words(beat: Beat, said: str) -> tuple[str, ...]:
    """The beat's words, and what else of the glossary its texts name; what stands in code marks is a token's text."""
    named = named_in(re.sub(r"`[^`]*`", " ", said))
    return (*beat.words, *(word for word in named if word not in beat.words))


def _folds(beat: Beat, here: Here, code: Callable[[], str], words: Sequence[str]) -> None:
    for name, draw in (("maths", beat.maths), ("checks", beat.checks)):
        if draw:
            with fold(name) as is_open:
                if is_open:
                    draw(here)
                if is_open and name == "checks" and (lines := code()):
                    ui.snippet(lines)
    if words:
        with fold("words") as is_open:
            if is_open:
                ui.words(words)


def _tries(page: str, part: str, tries: Sequence[Try]) -> None:
    """What to try, the text among it: the beat's own, or the visitor's."""
    text = tellings.other_text(page, part)
    if not tries and not text:
        return
    with st.container(key="tries", gap="xsmall"):
        st.markdown("**Try this**")
        for number, each in enumerate(tries):
            st.button(each.label, key=f"try_{part}_{number}", width="stretch", on_click=state.guarded(_do), args=(each,))
        if text:
            if text == tellings.OWN:
                st.caption("This text comes with the page. Yours is kept.")
            st.button(
                text, key="other_text", width="stretch", icon=":material/notes:",
                on_click=state.guarded(tellings.turn), args=(page, part),
            )  # fmt: skip


def _do(each: Try) -> None:
    for choice, value in each.shown:
        state.take(choice, value)
    if each.change:
        state.update(**each.change)
    if each.page:
        navigation.want(each.page)


@contextmanager
def fold(name: str) -> Iterator[bool]:
    """One of FOLDS, kept open from beat to beat and by links; gives whether it is open, since what is folded is not even computed."""
    with (shown := st.expander(FOLDS[name], **state.fold(name))):
        yield bool(shown.open)


def listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
