"""The session that holds a teacher's rights: what it shows is put into the room at the end of every run.

Streamlit tells nobody but its own browser what it draws, so the one door through which all of it goes is watched. For everybody but a
teacher that costs one look into an empty table.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

from app import choices, log, state
from app.room import codes, questions
from app.room.mirror import Mirror
from app.room.room import Room, RoomRefused
from app.room.rooms import ROOMS
from app.shell import navigation

_TOKEN = "class_token"  # what a session remembers of it, until its browser has it


@dataclass
class _Desk:
    """Where a teacher's session puts what it shows."""

    room: Room
    mirror: Mirror


_desks: dict[str, _Desk] = {}  # by session
_lock = threading.Lock()


def watch() -> None:
    """From now on the messages of teachers' sessions are seen. A second call changes nothing."""
    if getattr(ScriptRunContext, "glass_watched", False):
        return
    ScriptRunContext.glass_watched = True  # type: ignore[attr-defined]
    enqueue: Callable[[ScriptRunContext, ForwardMsg], None] = ScriptRunContext.enqueue

    @wraps(enqueue)
    def seen(context: ScriptRunContext, message: ForwardMsg) -> None:
        if _desks and (desk := _desks.get(context.session_id)) and message.WhichOneof("type") == "delta":
            desk.mirror.take(tuple(message.metadata.delta_path), message.delta)
        enqueue(context, message)

    ScriptRunContext.enqueue = seen  # type: ignore[method-assign, assignment]


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def _desk() -> _Desk | None:
    """This session's desk, while its class goes on."""
    if not _desks:
        return None
    desk = _desks.get(_session())
    if desk and desk.room.has_ended:
        _leave()
        return None
    return desk


def _take(room: Room) -> None:
    with _lock:
        for session in [session for session, desk in _desks.items() if desk.room.has_ended]:
            del _desks[session]
        for session in [session for session, desk in _desks.items() if desk.room is room]:
            del _desks[session]  # the tab that came last shows
        _desks[_session()] = _Desk(room, Mirror())
    state.update(room="")  # who teaches is no pupil of another class


def _leave() -> None:
    with _lock:
        _desks.pop(_session(), None)
    state.remember(_TOKEN, "")


def heard(said: Sequence[Any]) -> None:
    """What the browser says of a class: a word, and what belongs to it."""
    match list(said):
        case ["start"]:
            start()
        case ["claim", code, token]:
            claim(code, token)
        case ["end"]:
            end()
        case ["ask", str(kind)]:
            ask(kind)


def start() -> None:
    """Open a class with this session as its teacher's, unless it has one."""
    if _desk():
        return
    try:
        room, token = ROOMS.open()
    except RoomRefused as refused:
        state.notify(str(refused))
        return
    state.remember(_TOKEN, token)
    _take(room)


def claim(code: Any, token: Any) -> None:
    """The browser has the token of this code: it is the teacher's, and this session is too from now on."""
    if not codes.is_token(token):
        return
    try:
        room = ROOMS.teach(codes.read_code(code), token)
    except RoomRefused as refused:
        state.notify(str(refused))
        return
    state.remember(_TOKEN, "")  # the browser has it
    desk = _desk()
    if desk is None or desk.room is not room:
        _take(room)


def room() -> Room | None:
    """The class that this session teaches."""
    desk = _desk()
    return desk.room if desk else None


def dismiss() -> None:
    """No question is on the screens of this session's class any more."""
    if found := room():
        questions.dismiss(found)


def ask(kind: str) -> None:
    """Have the class guess the token after the text in view: questions.GUESS or questions.FREE."""
    if found := room():
        from app.room import asking  # here, since numpy and the model's side come with it, and a class is what few have

        asking.ask(found, kind)


def end() -> None:
    """The class is over."""
    if found := room():
        ROOMS.end(found)
        _leave()


def place() -> dict[str, str]:
    """What the bar of this session's browser is told: {} for a visitor in no class, else {"role", "code"}, and once the token."""
    if desk := _desk():
        token = state.remembered(_TOKEN, "")
        return {"role": "present", "code": desk.room.code} | ({"token": token} if token else {})
    if code := state.current().room:
        return {"role": "explore", "code": code}
    return {}


@contextmanager
def page_run() -> Iterator[None]:
    """Around a run of the whole page; what it shows is published at its end."""
    if (desk := _desk()) is None:
        yield
        return
    desk.mirror.begin(is_page=True)
    yield from _ended(desk)


@contextmanager
def fragment_run() -> Iterator[None]:
    """Around what a fragment draws, which may run without the page."""
    desk = _desk()
    if desk is None or desk.mirror.is_open:
        yield
        return
    desk.mirror.begin(is_page=False)
    yield from _ended(desk)


def _ended(desk: _Desk) -> Iterator[None]:
    try:
        yield
    except BaseException:  # another run takes its place, which will be whole
        desk.mirror.drop()
        raise
    try:
        if desk.mirror.end():
            publish(desk.room, desk.mirror)
    except Exception as error:  # noqa: BLE001  told to the teacher, whose own page is not affected, and logged
        state.keep_problem(log.message(error))


def publish(room: Room, mirror: Mirror) -> None:
    """Put what this session shows into the room, as one change."""
    from app import ui  # here, since ui draws with what is published
    from app.lessons import walking  # here, since a lesson's steps are shown by this session

    close_what_is_given_away(room)
    items, parts = mirror.shown()
    view = state.current()
    file = state.remembered("page", navigation.PAGES[0].file)
    entry = navigation.entry(file)
    query, _ = state.address(view)
    query.pop(choices.LECTURE.name, None)
    link = f"{'' if entry is navigation.PAGES[0] else file}?{urlencode(query)}"
    title = navigation.name(entry)
    page = {"title": title, "file": file, "mode": ui.mode(), "items": items}
    stale = [name for kind in ("part", "hand") for name in room.names(kind) if name not in parts]
    lesson = walking.told_to_remote()
    kept = {} if lesson is None else {"lesson": lesson}
    room.change({"page": page, "where": {"link": link, "title": title}, **kept, **parts}, stale if kept else [*stale, "lesson"])
    ROOMS.touch(room)


def close_what_is_given_away(room: Room) -> None:
    """The page that is about to be shown may tell what a class is guessing at this moment: then its vote is over first."""
    now = questions.poll(room)
    if now is not None and now.asked.text is not None:
        from app import guesses  # here, since the model's side comes with it

        if not guesses.is_hidden(now.asked.text):
            questions.close(room)
