"""Lessons to begin with: those that come with the project, and one made of the beats of chapters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote_plus

from app import choices
from app.lessons.lesson_file import Lesson, LessonFileError, read
from app.shell import navigation
from app.texts import ROLES, TEXTS

FOLDER = Path(__file__).parent / "ready"
MINUTES_A_BEAT = 3  # roughly, with what a class says about it


@cache
def ready() -> Mapping[str, Lesson]:
    """name of the file -> lesson, the shortest first. They come with the project, so a fault in one is a fault of the program."""
    found = {path.stem: read(_file(path.stem), path.stem) for path in FOLDER.glob("*.json")}
    return MappingProxyType(dict(sorted(found.items(), key=lambda each: each[1].minutes)))


def of(source: object) -> Lesson:
    """The lesson of this source: the name of a ready one, or the text of a file. Raises LessonFileError."""
    if not isinstance(source, str):
        raise LessonFileError("A lesson is a text.")
    return ready().get(source) or read(source)


def text_of(lesson: Lesson) -> str:
    """Its file, to keep or to change."""
    return _file(lesson.source) if lesson.source in ready() else lesson.source


def _file(name: str) -> str:
    """A ready one. In its links {said_twice} and the like stand for the texts of app.texts."""
    found = (FOLDER / f"{name}.json").read_text("utf-8")
    for role in ROLES:
        found = found.replace(f"{{{role}}}", quote_plus(TEXTS[role]))
    return found


def chapters() -> tuple[str, ...]:
    """The pages that are told in parts."""
    return tuple(entry.file for entry in navigation.PAGES if entry.file in choices.ALL and choices.ALL[entry.file].options)


def from_beats(pages: Sequence[str]) -> Lesson:
    """A step for each beat of these pages, with the text that it brings along. Raises LessonFileError for none."""
    links = [{"link": f"{page}?{page}={part}"} for page in pages if page in chapters() for part in choices.ALL[page].options]
    if not links:
        raise LessonFileError("A lesson from the beats needs at least one chapter. Choose one.")
    titles = [navigation.entry(page).title for page in pages]
    title = f"{', '.join(titles[:4])}{' …' if len(titles) > 4 else ''}"
    return read(json.dumps({"title": title, "minutes": MINUTES_A_BEAT * len(links), "steps": links}, indent=1))
