"""Where a lesson is chosen, looked through and opened ahead of the class: a dialog over the page, which no follower sees."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from app import faults, state
from app.components.file_choice import file_choice
from app.lessons import library, walking
from app.lessons.lesson_file import LONGEST_FILE, Lesson, LessonFileError, read
from app.lessons.warming import WARMER, Warming
from app.shell import navigation
from app.writing import markup

_LOOKED_EVERY = 0.5  # seconds
_WRONG = "lesson_file_wrong"  # what is wrong with the file that was chosen last


def draw() -> None:
    """The dialog, which is open until it is closed."""
    st.dialog("Lesson", width="large", on_dismiss=state.guarded(_close))(_content)()


def _content() -> None:
    with faults.told():
        found = walking.lesson()
        if found is None:
            _offered()
        else:
            _chosen(found)


def _close() -> None:
    walking.choose(False)
    state.remember(_WRONG, "")


def _offered() -> None:
    st.markdown(
        "A lesson is a list of steps: places in the app, and questions to the class. Next, the clicker and the phone remote turn it, "
        "and only you see its notes."
    )
    for name, lesson in library.ready().items():
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"lesson_{name}"):
            title = f"**{lesson.minutes} minutes: {markup.escape_markdown(lesson.title)}**"
            st.markdown(f"{title}  \n{markup.escape_markdown(lesson.about)} {_size(lesson)}.", width="stretch")
            _button("Choose", f"choose_{name}", partial(_take, lesson))
    st.markdown("**A lesson of your own**")
    file_choice("lesson_file", "Open a lesson file …", longest=LONGEST_FILE, on_text=_read)
    st.caption(
        "Choose a lesson above, keep its file and change it. It is a list of steps, each with a link into the app, a question or a note."
    )
    if wrong := state.remembered(_WRONG, ""):
        st.error(markup.escape_markdown(f"This file cannot be used.\n{wrong}").replace("\n", "  \n"), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pages = st.multiselect(
            "Or every beat of these chapters, in this order",
            library.chapters(),
            format_func=lambda file: navigation.name(navigation.entry(file)),
            key="lesson_chapters",
        )
        _button("Make it", "lesson_of_beats", lambda: _take(library.from_beats(pages)), disabled=not pages)


def _chosen(lesson: Lesson) -> None:
    st.markdown(f"**{markup.escape_markdown(lesson.title)}**, {lesson.minutes} minutes, {_size(lesson)}")
    warming = WARMER.of(lesson)
    if warming is None or warming.is_over:
        if warming is not None:
            _progress(warming)
        if warming is None or warming.done < warming.total:
            _button("Open all steps ahead", "lesson_warm", lambda: WARMER.start(lesson))
    else:
        faults.fragment(_going_on, run_every=_LOOKED_EVERY)(lesson)
    with st.container(horizontal=True):
        at = walking.at()
        if at > 0:
            _button(f"Go on at step {at + 1}", "lesson_go_on", lambda: _begin(at), kind="primary")
        _button("Begin", "lesson_begin", lambda: _begin(0), kind="secondary" if at > 0 else "primary")
        st.download_button(
            "Keep the file", faults.export(lambda: library.text_of(lesson)), file_name="lesson.json", mime="application/json",
            icon=":material/download:",
        )  # fmt: skip
        _button("Another lesson", "lesson_other", walking.end)
    with st.expander("All steps and notes"):
        st.markdown("\n".join(_line(lesson, step) for step in range(len(lesson.steps))))


def _line(lesson: Lesson, step: int) -> str:
    each = lesson.steps[step]
    asks = f" *Asks: {markup.escape_markdown(each.question.asked)}*" if each.question and each.title else ""
    note = f"  \n   {markup.escape_markdown(each.note)}" if each.note else ""
    return f"{step + 1}. **{markup.escape_markdown(walking.title(lesson, step))}**{asks}{note}"


def _size(lesson: Lesson) -> str:
    asked = sum(step.question is not None for step in lesson.steps)
    questions = "" if not asked else f", {asked} with a question"
    return f"{len(lesson.steps)} {'step' if len(lesson.steps) == 1 else 'steps'}{questions}"


def _going_on(lesson: Lesson) -> None:
    warming = WARMER.of(lesson)
    if warming is None or warming.is_over:
        st.rerun()
    else:
        _progress(warming)
        _button("Leave the rest", "lesson_stop", lambda: WARMER.stop(lesson))


def _progress(warming: Warming) -> None:
    """How many steps were opened ahead, and what their pages complained of."""
    if warming.done < warming.total and warming.stopped.is_set():
        said = f"{warming.done} of {warming.total} steps were opened ahead; the others are computed when you come to them."
    elif warming.done < warming.total:
        said = f"Opening every step ahead, so that the class does not wait: {warming.done} of {warming.total}"
    else:
        said = f"All {warming.total} steps were opened ahead."
    st.progress(warming.done / warming.total, said)
    for step, complaint in warming.complaints:
        st.warning(f"Step {step + 1}: {markup.escape_markdown(complaint)}", icon=":material/warning:")


def _button(label: str, key: str, act: Callable[[], object], *, kind: str = "secondary", disabled: bool = False) -> None:
    """One that does something to the whole page, so that the dialog alone would not show it."""
    pressed = st.button(label, key=key, type="primary" if kind == "primary" else "secondary", disabled=disabled)
    if pressed:
        act()
        st.rerun()


def _take(lesson: Lesson) -> None:
    state.remember(_WRONG, "")
    walking.take(lesson)
    WARMER.start(lesson)


def _read(text: str) -> None:
    try:
        _take(read(text))
    except LessonFileError as error:
        state.remember(_WRONG, str(error))


def _begin(step: int) -> None:
    walking.choose(False)
    walking.go(step)
