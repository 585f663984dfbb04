"""What a step does: its page is shown, its question is put.

A step is a place of the app, and from there everything can be clicked as always; the next step goes on wherever one has got to.
"""

from __future__ import annotations

from app import choices, guesses, run_loop, state, tellings
from app.lessons.lesson_file import Lesson
from app.lessons.places import page_of, place_of
from app.room import presenting, questions
from app.room.questions import Asked
from app.shell import navigation


def show(lesson: Lesson, at: int) -> None:
    """The page of a step as its link says; the class beside which one explores stays, and so does the lecture. Raises GPTCoreError."""
    step, view = page_of(lesson, at), state.current()
    query = place_of(step)
    run_loop.stop()
    lecture = choices.in_address(((choices.LECTURE, state.chosen(choices.LECTURE)),))
    state.restore(query | lecture | ({"room": view.room} if view.room else {}))
    navigation.want(step.page)
    tellings.stay()


def ask(asked: Asked) -> None:
    """Put a question to the class. Without one, a guess is made on the page itself."""
    room = presenting.room()
    if asked.kind in questions.OWN:
        if room is not None:
            questions.ask(room, asked)
    elif room is not None:
        presenting.ask(asked.kind)
    else:
        state.take(guesses.PART, "guess")
        navigation.want(choices.WRITE_PART.name)
        tellings.stay()
