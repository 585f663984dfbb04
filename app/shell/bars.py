"""The chapter bar and the way on, on every page. They need no model, so they are there at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from app import choices, state
from app.components.frame import Link, Place, frame
from app.lessons import walking
from app.room import presenting
from app.shell import navigation
from app.shell.navigation import PAGES, PageEntry


def draw(file: str) -> None:
    """The chapter bar and the way on. They need no model, so they are there at once."""
    part = choices.ALL.get(file)
    options = part.options if part else ("",)
    now = options.index(state.chosen(part)) if part else 0
    at = [entry.file for entry in PAGES].index(file)
    groups = [(name, [_link(entry.file) for entry in entries]) for name, entries in groupby(PAGES, key=lambda entry: entry.group)]

    def turn(index: int) -> None:
        if part:
            state.take(part, options[index])

    def open_page(wanted: str) -> None:
        navigation.want(wanted)
        beyond = choices.ALL.get(wanted)
        if beyond and beyond.options:  # a chapter is entered at its first part, or from behind at its last
            back = [entry.file for entry in PAGES].index(wanted) == at - 1
            state.take(beyond, beyond.options[-1 if back else 0])

    frame(
        groups,
        Place(
            file,
            now,
            len(options),
            _link(PAGES[at - 1].file) if at else None,
            _beyond(PAGES[at], PAGES[at + 1]) if at + 1 < len(PAGES) else None,
        ),
        lecture=state.chosen(choices.LECTURE),
        room=presenting.place(),
        on_page=open_page,
        on_part=turn,
        on_lecture=lambda wanted: state.take(choices.LECTURE, wanted),
        on_room=presenting.heard,
        lesson=walking.told(),
        on_lesson=walking.heard,
    )


def _beyond(here: PageEntry, after: PageEntry) -> Link:
    """The page after this one; with its menu's name where the chapters end and that menu begins."""
    link = _link(after.file)
    return link if after.group == here.group else replace(link, name=f"{after.group}: {link.name}")


def _link(file: str) -> Link:
    entry = navigation.entry(file)
    return Link(file, navigation.name(entry), entry.stage)
