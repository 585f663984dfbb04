"""What is said over a class's socket, `glass/room/CODE`.

**The browser's first words** are {"say": "hello", "role", "tab", "epoch", "rev", "token"}: who it is (a role, and a random name of the
tab), which state it knows (epoch and rev, "" and 0 for none), and, for the teacher's roles, the token. A room that is not there is opened
again by whoever brings its token.

**Then the server sends states**, as bytes (`room.frame`): {"kind": "state", "epoch", "rev", "whole", "gone", "fields", "parts"}. The
state of a room is a table of fields by name; a frame brings the fields that are newer than what this browser knows, and the names of
those that are gone, or everything (`whole`). Only ever the newest state: who was asleep, or is slow, misses what was in between. Fields:

  page            what the teacher's page shows, top to bottom: {"title", "file", "link", "mode", "items"} (app.room.mirror)
  part:ID         the bytes that a component on it was handed
  hand:NAME       what the teacher moves at this moment, as a change to the value under NAME on the browser's shelf
  where           {"link", "title"}: the teacher's place as an address of the app, relative to its root
  call            how often the teacher has called everybody back
  pointer         [[key, x, y], ...]: where the teacher points, as fractions of panels of the page, the innermost first
  blank           true: nothing is to be seen now
  count           for the teacher: connections by role
  lesson          for the teacher: the step of the lesson (app.lessons.walking.told_to_remote)

**A message to one browser** is JSON as text: {"kind": "refused", "why", "said"}, after which the connection is closed; {"kind": "here"},
the answer to the same; {"kind": "press", "key"}, the remote's button, to the teacher's screen; {"kind": "join", ...}, the address to type
and its QR code.

**The browser says** JSON as text, {"say": KIND, ...}: the kinds below, each with the roles that may say it. One whose role may not, or
that is junk, closes the connection; one that this server does not know is dropped.

To add a kind: a function under `@kind(name, roles)`, called in the event loop. It changes fields by `room.change` (declare in
`room.READERS` who reads them, if not all; `delay=SOON` for what may change a hundred times a second), keeps what is not to be sent in
`room.memory`, answers with `member.tell`, and raises ValueError for junk. A module that adds kinds is imported in routes.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.room import codes
from app.room.joining import join_message
from app.room.room import EXPLORE, FOLLOW, PRESENT, REMOTE, ROLES, TEACHERS, Member, Room

LONGEST = {PRESENT: 16_384}  # bytes of a message, by role
LONGEST_OTHERS = 1_024
OFTEN = {PRESENT: 40.0}  # messages a second, by role
OFTEN_OTHERS = 10.0
PRESSES = ("next", "back", "blank", "code")
LONGEST_NAME = 80
MOST_PANELS = 4  # inside each other, of which a follower's page may not have all
PUPILS = frozenset({FOLLOW, EXPLORE})
Act = Callable[[Room, Member, Mapping[str, Any]], None]


class Kind(NamedTuple):
    """Something that a browser says. roles: who may; act: what it does."""

    roles: frozenset[str]
    act: Act


KINDS: dict[str, Kind] = {}


def kind(name: str, roles: frozenset[str]) -> Callable[[Act], Act]:
    """Declare what happens when one of these roles says `name`."""

    def declare(act: Act) -> Act:
        if name in KINDS:
            raise ValueError(f"Two kinds of message are called {name!r}.")
        KINDS[name] = Kind(roles, act)
        return act

    return declare


@dataclass(frozen=True)
class Hello:
    """A browser's first words. token: "" for none; epoch, rev: of the state that it knows."""

    role: str
    tab: str
    token: str
    epoch: str
    rev: int


def read_hello(text: str) -> Hello:
    """Raises ValueError for what is none."""
    said = read(text, LONGEST_OTHERS)
    token, rev = said.get("token", ""), said.get("rev", 0)
    if said["say"] != "hello" or said.get("role") not in ROLES or (token and not codes.is_token(token)) or not is_whole(rev):
        raise ValueError("not a hello")
    if said["role"] in TEACHERS and not token:
        raise ValueError("a teacher without a token")
    return Hello(said["role"], short(said.get("tab"), 64), token, short(said.get("epoch", ""), 16), rev)


def read(text: str, longest: int) -> dict[str, Any]:
    """A message, which has a word under "say". Raises ValueError for anything else."""
    if len(text) > longest or len(text.encode("utf-8", "replace")) > longest:
        raise ValueError("too long")
    try:
        said = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(said, dict) or not isinstance(said.get("say"), str):
        raise ValueError("not a message")
    return said


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def heard(room: Room, member: Member, text: str) -> bool:
    """Do what a browser says; False for a kind that this server does not know. Raises ValueError for junk, and without the right."""
    said = read(text, LONGEST.get(member.role, LONGEST_OTHERS))
    found = KINDS.get(said["say"])
    if found is None:
        return False
    if member.role not in found.roles:
        raise ValueError("not for this role")
    found.act(room, member, said)
    return True


def short(value: object, longest: int = LONGEST_NAME) -> str:
    """A text of at most so many characters. Raises ValueError for anything else."""
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError("not a short text")
    return value


def is_whole(value: object) -> bool:
    """Whether it is a whole number from 0 on, small enough for any language."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def is_share(value: object) -> bool:
    """Whether it is a number from 0 to 1."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


@kind("here", ROLES)
def _here(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """Is this connection still one? A browser that slept cannot tell by itself."""
    member.tell({"kind": "here"})


@kind("alone", frozenset({FOLLOW}))
def _alone(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"is"}: a follower tries something, or comes back; meanwhile the state is sent on."""
    if not isinstance(said.get("is"), bool):
        raise ValueError("neither alone nor not")
    member.is_alone = said["is"]
    room.recount()


@kind("hand", frozenset({PRESENT}))
def _hand(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"name", "value"}: what the teacher moves, until the script publishes what came of it."""
    if not isinstance(said.get("value"), dict):
        raise ValueError("not a change")
    room.change({f"hand:{short(said.get('name'))}": said["value"]})


@kind("point", frozenset({PRESENT}))
def _point(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"at"}: where the teacher points, [] once that has faded."""
    at = said.get("at")
    if not isinstance(at, list) or len(at) > MOST_PANELS:
        raise ValueError("nowhere")
    for each in at:
        if not isinstance(each, list) or len(each) != 3 or not all(is_share(part) for part in each[1:]):
            raise ValueError("nowhere on a panel")
        short(each[0])
    if at:
        room.change({"pointer": at})
    else:
        room.change(drop=("pointer",))


@kind("blank", frozenset({PRESENT}))
def _blank(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"is"}: the followers' screens are blank, or not."""
    if not isinstance(said.get("is"), bool):
        raise ValueError("neither blank nor not")
    if said["is"]:
        room.change({"blank": True})
    else:
        room.change(drop=("blank",))


@kind("press", frozenset({REMOTE}))
def _press(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"key"}: a button of the remote, for every screen of the teacher's that is there now."""
    if said.get("key") not in PRESSES:
        raise ValueError("not a button")
    for each in [each for each in room.members if each.role == PRESENT]:
        each.tell({"kind": "press", "key": said["key"]})


@kind("call", TEACHERS)
def _call(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """Whoever explores is asked to come back."""
    room.change({"call": room.value("call", 0) + 1})


@kind("join", frozenset({PRESENT}))
def _join(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"base", "token"}: how this browser reaches the app; answered with the address to type and two QR codes."""
    token = said.get("token")
    if not codes.is_token(token) or codes.digest(str(token)) != room.digest:
        raise ValueError("not the teacher's token")
    member.tell({"kind": "join", **join_message(short(said.get("base"), 300), room.code, str(token))})
