"""What stands around every page: the chapter bar above, the way on below, and the keys of a lecture.

One component, since both bars change together and only one listener may take the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app import messages
from app.components import component, pack

KEY = "frame"


@dataclass(frozen=True)
class Link:
    """A page in the bars. file: its address; name: with its number, if it has one; stage: whose colour it has."""

    file: str
    name: str
    stage: str


@dataclass(frozen=True)
class Place:
    """Where a visitor is. part, n_parts: which part of the page is shown (from 0), of how many; before, after: the pages that Back
    and On lead to beyond the page's own parts, None at an end."""

    file: str
    part: int
    n_parts: int
    before: Link | None
    after: Link | None


def frame(
    groups: Sequence[tuple[str, Sequence[Link]]],
    place: Place,
    *,
    lecture: bool,
    room: Mapping[str, str],
    lesson: Mapping[str, Any],
    on_page: Callable[[str], None],
    on_part: Callable[[int], None],
    on_lecture: Callable[[bool], None],
    on_room: Callable[[list[Any]], None],
    on_lesson: Callable[[list[Any]], None],
) -> None:
    """Draw both bars. groups: (name, pages), the first of them written out, the others as menus.

    on_page(file) is called with a page of `groups`, on_part(index) with a part of this page, on_lecture with what the mode shall be.
    room: the class that the visitor teaches or explores beside (app.room.presenting.place);
    on_room([word, ...]) is called with what the browser says of it. lesson, on_lesson: the same of a lesson (app.lessons.walking.told).
    """
    from app import state  # here, since the value of a component is session state

    files = {link.file for _, links in groups for link in links}
    data = pack(
        {
            "groups": [[name, [[link.file, link.name, link.stage] for link in links]] for name, links in groups],
            "file": place.file,
            "part": place.part,
            "parts": place.n_parts,
            "before": place.before and [place.before.file, place.before.name],
            "after": place.after and [place.after.file, place.after.name],
            "lecture": lecture,
            "room": dict(room),
            "lesson": dict(lesson),
        }
    )

    def opened() -> None:
        if (file := messages.one_of(state.component_value(KEY, "page"), files)) is not None:
            on_page(file)

    def turned() -> None:
        if (index := messages.index(state.component_value(KEY, "part"), place.n_parts)) is not None:
            on_part(index)

    def switched() -> None:
        if isinstance(wanted := state.component_value(KEY, "lecture"), bool):
            on_lecture(wanted)

    def about_room() -> None:
        if isinstance(said := state.component_value(KEY, "room"), list) and said:
            on_room(said)

    def about_lesson() -> None:
        if isinstance(said := state.component_value(KEY, "lesson"), list) and said:
            on_lesson(said)

    component("frame")(
        key=KEY,
        data=data,
        on_page_change=opened,
        on_part_change=turned,
        on_lecture_change=switched,
        on_room_change=about_room,
        on_lesson_change=about_lesson,
    )
