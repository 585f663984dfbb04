"""The format of a lesson file, and what is wrong with one.

A file is JSON: {"title", "minutes", "about", "steps": [...]}. A step has a link into the app, a question, or both, and may have a title
and a note that only the teacher sees. docs/teaching.md has the format in full, for those who write one.

Nothing here asks a model: whether a text fits its context is found out when the lesson is warmed (app.lessons.warming).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from app import choices, view
from app.room.questions import FOUR, FREE, GUESS, NEXT_TOKEN, OWN, YES_NO, Asked, own
from app.shell.navigation import PAGES
from gptcore.errors import GPTCoreError

LONGEST_FILE = 200_000  # bytes
MOST_STEPS = 200
MOST_MINUTES = 600
LONGEST_TITLE, LONGEST_ABOUT, LONGEST_NOTE = 120, 300, 2000  # characters
MOST_SAID = 6  # faults of a file that are named at once
KINDS = (GUESS, FREE, YES_NO, FOUR)
_LEFT_OUT = {"room", choices.LECTURE.name}  # of a link: whose class it was, and how it was shown
_KNOWN = view.READ.keys() | choices.ALL.keys()
_OF_A_FILE, _OF_A_STEP = ("title", "minutes", "about", "steps"), ("title", "link", "ask", "asked", "answers", "right", "note")


class LessonFileError(GPTCoreError):
    """A file that is no lesson: every fault with its step, what is wrong and what to do, a line each."""


@dataclass(frozen=True)
class LessonStep:
    """page: its file, "" where the step stays on the page before; query: the parameters of its link; question: None for none."""

    page: str = ""
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    question: Asked | None = None
    title: str = ""
    note: str = ""

    @property
    def link(self) -> str:
        """As the app writes it, "" for none."""
        return f"{self.page}?{urlencode(self.query)}" if self.page else ""


@dataclass(frozen=True)
class Lesson:
    """source: the text of the file, or the name of one that comes with the project."""

    title: str
    minutes: int
    steps: tuple[LessonStep, ...]
    about: str = ""
    source: str = field(default="", repr=False)


def read(text: str, source: str = "") -> Lesson:
    """The lesson that a file describes. Raises LessonFileError with all that is wrong with it."""
    found = _parsed(text)
    faults: list[str] = []

    def checked(make: Callable[[], Any], where: str) -> Any:
        try:
            return make()
        except ValueError as error:
            faults.append(f"{where}: {error}")
            return None

    checked(lambda: _only(found, _OF_A_FILE), "The file")
    title = checked(lambda: _text(found, "title", LONGEST_TITLE, needed=True), "The file")
    about = checked(lambda: _text(found, "about", LONGEST_ABOUT), "The file")
    minutes = checked(lambda: _minutes(found.get("minutes")), "The file")
    steps = checked(lambda: _list(found.get("steps")), "The file") or []
    made = [checked(partial(_step, each), f"Step {number}") for number, each in enumerate(steps, 1)]
    if made and made[0] and not made[0].page:
        faults.append("Step 1: it has no link, and no step before it that could have one. Give it the link of a page.")
    if faults:
        more = [f"… and {len(faults) - MOST_SAID} more."] if len(faults) > MOST_SAID else []
        raise LessonFileError("\n".join([*faults[:MOST_SAID], *more]))
    return Lesson(title, minutes, tuple(made), about, source or text)


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_FILE or len(text.encode("utf-8", "replace")) > LONGEST_FILE:
        raise LessonFileError(f"The file has more than {LONGEST_FILE:,} bytes, which no lesson needs. Is it the right one?")
    try:
        found = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        said = f"The file is no JSON: line {error.lineno}, column {error.colno}: {error.msg}. Mend that place"
        raise LessonFileError(f"{said}; an editor that knows JSON marks it.") from None
    except (RecursionError, ValueError):  # too deep, or a number of thousands of digits
        raise LessonFileError("The file is no lesson: it is nested too deeply, or holds an endless number.") from None
    if not isinstance(found, dict):
        raise LessonFileError(
            "The file is no lesson: it begins with { and has a “title”, “minutes” and “steps”. Keep the file of a ready lesson to see one."
        )
    return found


def _only(found: Mapping[str, Any], known: Collection[str]) -> None:
    for name in found:
        if name not in known:
            raise ValueError(f"“{_short(name)}” means nothing here{_like(name, known)}. What can stand here: {', '.join(known)}.")


def _text(found: Mapping[str, Any], name: str, longest: int, needed: bool = False) -> str:
    text = found.get(name, "")
    if not isinstance(text, str) or len(text) > longest or (needed and not text.strip()):
        has = f"{len(text):,} characters" if isinstance(text, str) else f"“{_short(text)}”"
        raise ValueError(f"“{name}” is a text of {1 if needed else 0} to {longest:,} characters, and here it is {has}.")
    return text.strip()


def _minutes(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MOST_MINUTES:
        raise ValueError(f"“minutes” is a whole number from 1 to {MOST_MINUTES}, and here it is “{_short(value)}”.")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_STEPS:
        has = f"{len(value):,}" if isinstance(value, list) else f"“{_short(value)}”"
        raise ValueError(f"“steps” is a list of 1 to {MOST_STEPS} steps, and here it is {has}.")
    return value


def _step(said: object) -> LessonStep:
    if not isinstance(said, dict):
        raise ValueError(f'a step is {{"link": …, "note": …}}, and here it is “{_short(said)}”.')
    _only(said, _OF_A_STEP)
    question = _question(said)
    if "link" not in said and question is None:
        raise ValueError("it has neither a “link” nor an “ask”, so it shows nothing. Give it one of them.")
    page, query = _link(said["link"]) if "link" in said else ("", {})
    title, note = _text(said, "title", LONGEST_TITLE), _text(said, "note", LONGEST_NOTE)
    return LessonStep(page, MappingProxyType(query), question, title, note)


def _question(said: Mapping[str, Any]) -> Asked | None:
    kind = said.get("ask")
    if kind not in (None, *KINDS):
        raise ValueError(f"“ask” is one of {', '.join(KINDS)}, and here it is “{_short(kind)}”.")
    if kind not in OWN:
        if extra := [name for name in ("asked", "answers", "right") if name in said]:
            raise ValueError(f"“{extra[0]}” belongs to a question of your own: “ask” has to be {YES_NO} or {FOUR} for it.")
        return None if kind is None else Asked(kind, NEXT_TOKEN)
    answers = said.get("answers", ["Yes", "No"] if kind == YES_NO else None)
    right = said.get("right")
    if right is not None and (not isinstance(answers, list) or right not in answers):
        raise ValueError(f"“right” is one of the answers word for word, or is left out, and here it is “{_short(right)}”.")
    try:
        return own(kind, said.get("asked"), answers, None if right is None else answers.index(right))
    except ValueError as error:
        raise ValueError(f"{error}. Look at its “asked” and “answers”.") from None


def _link(said: object) -> tuple[str, dict[str, str]]:
    """(the page's file, the parameters) of an address: a whole one, or what comes after the app's own."""
    if not isinstance(said, str):
        raise ValueError(f"“link” is an address of the app, and here it is “{_short(said)}”. Copy it from the address bar.")
    try:
        parts = urlsplit(said.strip())
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise ValueError(f"“link” is no address: “{_short(said)}”. Copy it from the address bar.") from None
    files = [entry.file for entry in PAGES]
    name = parts.path.rpartition("/")[2] or files[0]
    if name not in files:
        raise ValueError(f"there is no page “{_short(name)}”{_like(name, files)}. The pages are: {', '.join(files)}.")
    query = {name: value for name, value in pairs if name not in _LEFT_OUT}
    for fault in _faults(query):
        raise ValueError(fault)
    return name, query


def _faults(query: Mapping[str, str]) -> Iterator[str]:
    """What the app would not understand, and would show as its default."""
    for name, value in query.items():
        if name not in _KNOWN:
            yield f"the link's “{_short(name)}” is no setting of the app{_like(name, _KNOWN)}. Copy the link from the address bar anew."
            continue
        reader = view.READ.get(name) or choices.ALL[name].read
        if not choices.understood({name: value}, {name: reader}):
            options = choices.ALL[name].options if name in choices.ALL else ()
            what = f"; it is one of {', '.join(options)}" if options else ""
            yield f"the link's “{name}” cannot be “{_short(value)}”{what}. Copy the link from the address bar anew."
    if len(urlencode(query)) > view.LONGEST_ADDRESS:
        yield f"the link has more than {view.LONGEST_ADDRESS:,} bytes, which servers refuse. Take a shorter text."


def _like(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1) if len(name) < 80 else []
    return f" (is it “{close[0]}”?)" if close else ""


def _short(value: object) -> str:
    text = value if isinstance(value, str) else "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
