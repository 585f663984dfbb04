"""A question to the class: it is opened, voted on, closed, voted on once more, revealed. Only counts are kept.

While it is open the class is told how many have voted, and nothing of what: whoever sees where the others lean leans there too. What is
right, and what the model thinks, is kept in the room's memory and is part of no state before the reveal.

Fields that it adds to the room's state (app.room.protocol has the others), the first two sent to all:

  question   {"id", "kind", "asked", "passage", "options", "status", "round"} and, once revealed, "results" (`Poll.results`)
  tally      {"voted", "of"}: how many tabs have voted in this round, of how many that could
  again      for the teacher's screen: what it says to ask an open question once more, should the server start anew
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.room.protocol import PUPILS, is_whole, kind, short
from app.room.room import MOST_MEMBERS, PRESENT, SOON, TEACHERS, Member, Room

GUESS, FREE, YES_NO, FOUR = "guess", "free", "yes_no", "four"
NEXT_TOKEN = "What does the model write next?"
OPEN, CLOSED, REVEALED = "open", "closed", "revealed"
OWN = {YES_NO: 2, FOUR: 4}  # questions of the teacher's own text, and how many answers each has
LONGEST_ASKED, LONGEST_ANSWER, LONGEST_WORD = 240, 80, 40  # characters
ROUNDS = 2
MOST_VOTES = 2 * MOST_MEMBERS  # of one round: a tab that goes and comes under another name ends somewhere
SHOWN = 8  # rows of a free guess
COMMON = 100  # what one voter alone typed is shown if it is among so many likeliest tokens; the projector is no wall to write on


@dataclass(frozen=True)
class Guessable:
    """What may be guessed freely. token_of: a typed word -> id of its first token; text_of: id -> visible text; probability: of an id;
    likeliest: ids, the likeliest first; chosen: the id that the model takes."""

    token_of: Callable[[str], int]
    text_of: Callable[[int], str]
    probability: Callable[[int], float]
    likeliest: Sequence[int]
    chosen: int


@dataclass(frozen=True)
class Asked:
    """A question with what is not told before the reveal.

    passage: the text whose next token is guessed, else ""; options: what can be chosen, none for a free guess; right: index of an
    option, or None; model: a probability for each option, none if the model has no say; chosen: the text of the token that the model
    takes, "" if it has no say; vocabulary: for a free guess; text: whose next token is guessed, None for a question of another kind.
    """

    kind: str
    asked: str
    options: tuple[str, ...] = ()
    passage: str = ""
    right: int | None = None
    model: tuple[float, ...] = ()
    chosen: str = ""
    vocabulary: Guessable | None = None
    text: Hashable = None

    def as_asked(self) -> dict[str, Any]:
        """What the teacher's browser said to ask it: see `own`; of a guess the kind alone, since it is about the text in view."""
        if self.kind not in OWN:
            return {"kind": self.kind}
        said = {"kind": self.kind, "asked": self.asked, "options": list(self.options)}
        return said if self.right is None else said | {"right": self.right}


def own(what: object, asked: object, options: object = None, right: object = None) -> Asked:
    """A question of the teacher's own text. Raises ValueError for what is none, in words for whoever wrote it."""
    if not isinstance(what, str) or what not in OWN:
        raise ValueError(f"a question is one of {', '.join((GUESS, FREE, *OWN))}, not {what!r}")
    if not isinstance(asked, str) or not 0 < len(asked.strip()) <= LONGEST_ASKED:
        raise ValueError(f"a question has a text of 1 to {LONGEST_ASKED} characters")
    found = ["Yes", "No"] if what == YES_NO and options is None else options
    if not isinstance(found, list) or len(found) != OWN[what]:
        raise ValueError(f"this question has {OWN[what]} answers")
    texts = tuple(each.strip() if isinstance(each, str) else "" for each in found)
    if not all(0 < len(each) <= LONGEST_ANSWER for each in texts) or len(set(texts)) < len(texts):
        raise ValueError(f"its answers are texts of 1 to {LONGEST_ANSWER} characters, no two alike")
    if right is not None and not (is_whole(right) and right < len(texts)):  # type: ignore[operator]  # a whole number by then
        raise ValueError(f"its right answer is a number from 0 to {len(texts) - 1}")
    return Asked(what, asked.strip(), texts, right=right)  # type: ignore[arg-type]


@dataclass
class Poll:
    """One question as it goes. counts: of each round that is over, by option or, for a free guess, by token id; votes: of the open
    round, by tab."""

    asked: Asked
    number: int
    status: str = OPEN
    counts: list[Counter[int]] = field(default_factory=list)
    votes: dict[str, int] = field(default_factory=dict)

    @property
    def round(self) -> int:
        """Which round is open or was last, from 1."""
        return len(self.counts) + (self.status == OPEN)

    def vote(self, tab: str, choice: object) -> int | None:
        """What this tab is for, until it says otherwise; None where the round is full. Raises ValueError for what cannot be chosen."""
        if (vocabulary := self.asked.vocabulary) is not None:
            if not isinstance(choice, str) or not 0 < len(choice.strip()) <= LONGEST_WORD:
                raise ValueError("not a word")
            picked = vocabulary.token_of(choice.strip())
        elif is_whole(choice) and choice < len(self.asked.options):  # type: ignore[operator]  # a whole number by then
            picked = int(choice)  # type: ignore[call-overload]
        else:
            raise ValueError("not one of the answers")
        if tab not in self.votes and len(self.votes) >= MOST_VOTES:
            return None
        self.votes[tab] = picked
        return picked

    def close(self) -> None:
        """The round is over: of its votes only the counts stay."""
        if self.status == OPEN:
            self.counts.append(Counter(self.votes.values()))
            self.votes.clear()
            self.status = CLOSED

    def again(self) -> None:
        """A second round, kept beside the first."""
        if self.status == CLOSED and len(self.counts) < ROUNDS:
            self.status = OPEN

    def reveal(self) -> None:
        """From now on it tells everything."""
        self.close()
        self.status = REVEALED

    def told(self) -> dict[str, Any]:
        """What all may know now."""
        asked = self.asked
        said = {
            "id": self.number, "kind": asked.kind, "asked": asked.asked, "passage": asked.passage, "options": list(asked.options),
            "status": self.status, "round": self.round,
        }  # fmt: skip
        return said | ({"results": self.results()} if self.status == REVEALED else {})

    def results(self) -> dict[str, Any]:
        """{"rows", "voted", "others", "model_bits", "class_bits", "chosen"}.

        rows: {"text", "votes": of each round, "model": probability or None, "right"}; voted: how many, by round; others: votes for
        what no row names, by round; model_bits: -log2 of the model's probability of what is right, None where it has no say;
        class_bits: by round [bits, at least], of the class's share in the same way: where nobody voted for it, it is more than the
        bits of one vote among all, and "at least" is true. A round without a vote has None.
        """
        rows = self._free_rows() if self.asked.vocabulary else self._rows()
        voted = [sum(each.values()) for each in self.counts]
        named = [sum(row["votes"][i] for row in rows) for i in range(len(voted))]
        right = next((row for row in rows if row["right"]), None)
        return {
            "rows": rows,
            "voted": voted,
            "others": [all_ - seen for all_, seen in zip(voted, named, strict=True)],
            "model_bits": _bits(right["model"]) if right and right["model"] else None,
            "class_bits": [class_bits(right["votes"][i], n) if right else None for i, n in enumerate(voted)],
            "chosen": self.asked.chosen,
        }

    def _rows(self) -> list[dict[str, Any]]:
        model = self.asked.model or (None,) * len(self.asked.options)
        return [
            {"text": text, "votes": [each[i] for each in self.counts], "model": p, "right": i == self.asked.right}
            for i, (text, p) in enumerate(zip(self.asked.options, model, strict=True))
        ]

    def _free_rows(self) -> list[dict[str, Any]]:
        """The model's likeliest, what it takes, and what the class typed most; no single voice that the model would not have had."""
        vocabulary = self.asked.vocabulary
        assert vocabulary is not None
        all_votes: Counter[int] = sum(self.counts, Counter())
        common = set(vocabulary.likeliest[:COMMON])
        typed = [token for token, n in all_votes.most_common() if n > 1 or token in common]
        shown = dict.fromkeys([vocabulary.chosen, *vocabulary.likeliest[:3], *typed])
        rows = [
            {
                "text": vocabulary.text_of(token),
                "votes": [each[token] for each in self.counts],
                "model": vocabulary.probability(token),
                "right": token == vocabulary.chosen,
            }
            for token in list(shown)[:SHOWN]
        ]
        return sorted(rows, key=lambda row: (-row["votes"][-1], -row["model"]))


def _bits(share: float) -> float:
    return max(0.0, -math.log2(share))


def class_bits(votes: int, voted: int) -> tuple[float, bool] | None:
    """A class's surprise at what came, of which `votes` of `voted` were sure: (bits, whether it is more than that)."""
    if not voted:
        return None
    return (_bits(votes / voted), False) if votes else (math.log2(voted), True)


def ask(room: Room, asked: Asked) -> None:
    """Open a question; one that is there is over. From any thread."""
    with room.lock:
        number = room.memory.get("asked", 0) + 1
        room.memory |= {"asked": number, "poll": Poll(asked, number)}
        room.on_count = lambda: _count(room)
        _tell(room)


def close(room: Room) -> None:
    """The vote is over, if one is open; what was right is not told yet."""
    with room.lock:
        if (now := poll(room)) is not None and now.status == OPEN:
            now.close()
            _tell(room)


def dismiss(room: Room) -> None:
    """The question is gone from all screens."""
    with room.lock:
        if room.memory.pop("poll", None) is not None:
            room.on_count = lambda: None
            _tell(room)


def poll(room: Room) -> Poll | None:
    """The question that is there now."""
    found: Poll | None = room.memory.get("poll")
    return found


def _tell(room: Room) -> None:
    if (now := poll(room)) is None:
        room.change(drop=("question", "tally", "again"))
        return
    fields: dict[str, Any] = {"question": now.told(), "tally": _tally(room, now)}
    if now.status == OPEN:
        fields["again"] = now.asked.as_asked()
    room.change(fields, () if now.status == OPEN else ("again",))


def _tally(room: Room, now: Poll) -> dict[str, int]:
    if now.status != OPEN:
        n = sum(now.counts[-1].values())
        return {"voted": n, "of": max(n, len(_tabs(room)))}
    return {"voted": len(now.votes), "of": len(_tabs(room) | set(now.votes))}


def _tabs(room: Room) -> set[str]:
    return {member.tab for member in room.members if member.role in PUPILS}


def _count(room: Room) -> None:
    """So many have voted, of so many: sent a few times a second at most."""
    if (now := poll(room)) is not None and now.status == OPEN:
        room.change({"tally": _tally(room, now)}, delay=SOON)


@kind("ask", frozenset({PRESENT}))
def _ask(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"kind", "asked", "options", "right"}: a question of the teacher's own text. The guesses need the model: app.room.asking."""
    ask(room, own(said.get("kind"), said.get("asked"), said.get("options"), said.get("right")))


@kind("poll", TEACHERS)
def _poll(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"id", "do"}: what becomes of the question; of one that is gone already, nothing."""
    do = said.get("do")
    if do not in ("close", "again", "reveal", "done"):
        raise ValueError("nothing that is done with a question")
    with room.lock:
        now = poll(room)
        if now is None or now.number != said.get("id"):
            return
        if do == "done":
            dismiss(room)
        else:
            {"close": now.close, "again": now.again, "reveal": now.reveal}[do]()
            _tell(room)


@kind("vote", PUPILS)
def _vote(room: Room, member: Member, said: Mapping[str, Any]) -> None:
    """{"id", "round", "choice"}: an option's index or a word; answered with {"kind": "voted", "id", "round", "choice", "counted"}.
    One that comes too late is dropped without a word: the state says that it is over."""
    number, n_round, choice = said.get("id"), said.get("round"), said.get("choice")
    if not (is_whole(number) and is_whole(n_round)):
        raise ValueError("not a vote")
    if isinstance(choice, str):
        short(choice, LONGEST_WORD)
    with room.lock:
        now = poll(room)
        if now is None or now.status != OPEN or (now.number, now.round) != (number, n_round):
            return
        picked = now.vote(member.tab, choice)
        if picked is None:
            return
        _count(room)
        vocabulary = now.asked.vocabulary
        counted = vocabulary.text_of(picked) if vocabulary else now.asked.options[picked]
    member.tell({"kind": "voted", "id": number, "round": n_round, "choice": choice, "counted": counted})
