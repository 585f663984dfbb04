"""The lesson of one session: which step it stands at, and what its browser and the teacher's phone are told of it.

The lesson and its step are kept by the session, and by the teacher's browser, which brings them back after a reload or a restart.
Every page's bars ask for it, before torch is there: what a step does stands in app.lessons.steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app import messages, state
from app.room import presenting, questions
from app.shell import navigation

if TYPE_CHECKING:
    from app.lessons.lesson_file import Lesson

_LESSON, _AT, _BROWSER_HAS_IT, _CHOOSING, _ENDED = "lesson", "lesson_at", "lesson_kept", "choosing_lesson", "lesson_ended"
NOT_YET = -1  # the step of a lesson that has not begun


def heard(said: Sequence[Any]) -> None:
    """What the browser says of a lesson: a word, and what belongs to it."""
    match list(said):
        case ["choose"]:
            choose(True)
        case ["go", wanted]:
            go(wanted)
        case ["ask"]:
            ask_again()
        case ["kept"]:
            state.remember(_BROWSER_HAS_IT, True)
        case ["restore", source, step]:
            restore(source, step)
        case ["end"]:
            end()


def lesson() -> Lesson | None:
    """The lesson of this session."""
    found: Lesson | None = state.remembered(_LESSON, None)
    return found


def at() -> int:
    """The step that it stands at, from 0; NOT_YET before the first."""
    return int(state.remembered(_AT, NOT_YET))


def choose(wanted: bool) -> None:
    """Whether the dialog is open in which a lesson is chosen."""
    state.remember(_CHOOSING, wanted)


def is_choosing() -> bool:
    """Whether it is."""
    return bool(state.remembered(_CHOOSING, False))


def take(chosen: Lesson, step: int = NOT_YET) -> None:
    """This is the session's lesson from now on."""
    state.remember(_LESSON, chosen)
    state.remember(_AT, step)
    state.remember(_BROWSER_HAS_IT, False)
    state.remember(_ENDED, False)


def restore(source: Any, step: Any) -> None:
    """The browser brings the lesson that this tab had; the view stands in the address. Raises LessonFileError for what is none."""
    from app.lessons import library
    from app.lessons.lesson_file import LONGEST_FILE

    if lesson() is None and (text := messages.text(source, LONGEST_FILE)) is not None:
        found = library.of(text)
        where = messages.whole(step, NOT_YET, len(found.steps) - 1)
        take(found, NOT_YET if where is None else where)
        state.remember(_BROWSER_HAS_IT, True)


def end() -> None:
    """Without a lesson; the page in view stays."""
    presenting.dismiss()
    state.remember(_LESSON, None)
    state.remember(_AT, NOT_YET)
    state.remember(_ENDED, True)


def go(wanted: Any) -> None:
    """To this step: its page, and its question, unless one comes back from a later step. Raises GPTCoreError where the model cannot
    take its text."""
    found = lesson()
    if found is None or (step := messages.index(wanted, len(found.steps))) is None:
        return
    from app.lessons import steps

    before = at()
    state.remember(_AT, step)  # first, so that a step that cannot be shown can be left
    presenting.dismiss()
    steps.show(found, step)
    if step > before and (asked := found.steps[step].question) is not None:
        steps.ask(asked)


def ask_again() -> None:
    """Put the step's question, wherever one has got to; a guess is about the step's text, so that comes back first."""
    found, step = lesson(), at()
    if found is not None and step != NOT_YET and (asked := found.steps[step].question) is not None:
        from app.lessons import steps

        if asked.kind not in questions.OWN:
            steps.show(found, step)
        steps.ask(asked)


def told() -> dict[str, Any]:
    """What the bar of this session's browser is told: as `told_to_remote`, the titles of all steps, and once the source; without a lesson
    {}, or {"ended": True}, after which the browser forgets the one that it keeps."""
    if (found := lesson()) is None:
        return {"ended": True} if state.remembered(_ENDED, False) else {}
    kept = {} if state.remembered(_BROWSER_HAS_IT, False) else {"source": found.source}
    return kept | _place(found) | {"steps": [title(found, step) for step in range(len(found.steps))]}


def told_to_remote() -> dict[str, Any] | None:
    """What the teacher's phone shows of it; None without a lesson."""
    return None if (found := lesson()) is None else _place(found)


def _place(found: Lesson) -> dict[str, Any]:
    """{"name", "at", "of", "title", "note", "asks", "next"}: asks: the step's question; next: title of the next step; "" for none."""
    step = at()
    now = None if step == NOT_YET else found.steps[step]
    return {
        "name": found.title,
        "at": step,
        "of": len(found.steps),
        "title": title(found, step) if now else "",
        "note": now.note if now else "",
        "asks": now.question.asked if now and now.question else "",
        "next": title(found, step + 1) if step + 1 < len(found.steps) else "",
    }


def title(found: Lesson, step: int) -> str:
    """What a step is called: its own title, its question, what its page asks, or its page."""
    each = found.steps[step]
    if each.title:
        return each.title
    if each.question:
        return each.question.asked
    from app.lessons.warming import question_of

    return question_of(each.link) or navigation.name(navigation.entry(each.page))
