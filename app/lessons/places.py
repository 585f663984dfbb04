"""Where a step leads: the page, and the view that its link describes.

A link without a prompt takes the text that its beat brings along, and looks at what the running model shows best in it (app.tellings):
so a lesson holds for another model too.
"""

from __future__ import annotations

from dataclasses import replace

from app import choices, offered, runtime, view
from app.lessons.lesson_file import Lesson, LessonStep
from app.shell import navigation
from app.tellings import TELLINGS


def place_of(step: LessonStep) -> dict[str, str]:
    """The parameters of its address, with the beat's text where the link has none. Raises GPTCoreError where the model cannot take it."""
    found = view.from_query(step.query)
    telling = TELLINGS.get((step.page, _part(step, found)))
    if "prompt" not in step.query and telling:
        found = replace(found, prompt=telling.prompt)
        named = {name: getattr(found, name) for name in ("layer", "head", "position") if name in step.query}
        found = replace(found, **{**telling.focus(runtime.here_of(found)), **named})
    query, _ = view.address(found)
    return query


def missing_model(step: LessonStep) -> str:
    """What is to be done for a step whose model cannot be used on this machine; "" where it can, or none is needed."""
    found = view.from_query(step.query)
    seen = offered.availability(found.model)
    if seen.state == "ready" or not navigation.needs_weights(step.page, _part(step, found)):
        return ""
    if seen.state == "downloadable":
        return f"It needs {found.model}, which is not on this machine yet. Open the step, and download it there."
    return f"It needs {found.model}, which cannot be used here. {seen.reason}"


def _part(step: LessonStep, found: view.View) -> str:
    return found.choices.get(step.page, choices.ALL[step.page].default) if step.page in choices.ALL else ""


def page_of(lesson: Lesson, at: int) -> LessonStep:
    """The step whose page is shown at a step: itself, or the nearest before it that has a link."""
    return next(lesson.steps[i] for i in range(at, -1, -1) if lesson.steps[i].page)
