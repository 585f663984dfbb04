"""A question to the class: what is told when, whose vote counts, and how surprised a class was."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from app.room import codes, protocol, questions
from app.room.questions import FOUR, FREE, GUESS, YES_NO, Asked, Guessable
from app.room.room import EXPLORE, FOLLOW, PRESENT, REMOTE, Member, Room
from tests.app.room.frames import read

TEACHER = Member(PRESENT, "teacher")
WORDS = ["the", "king", "dragon", "cat", "swear"]
MODEL = (0.5, 0.3, 0.15, 0.04, 0.01)


@pytest.fixture
def room() -> Room:
    return Room("ABC234", codes.digest("A" * 22), "e1", 0.0)


def say(room: Room, member: Member, word: str, **more: Any) -> None:
    assert protocol.heard(room, member, json.dumps({"say": word, **more}))


def pupils(room: Room, count: int) -> list[Member]:
    found = [Member(FOLLOW, f"tab {number}") for number in range(count)]
    for member in found:
        room.join(member)
    return found


def guess(right: int = 1) -> Asked:
    return Asked(GUESS, "What next?", ("king", "dragon", "Something else"), "The old", right, (0.625, 0.25, 0.125), "␣dragon")


def free(likeliest: tuple[int, ...] = (0, 1, 2, 3)) -> Asked:
    vocabulary = Guessable(lambda word: WORDS.index(word.lower()), WORDS.__getitem__, MODEL.__getitem__, likeliest, 2)
    return Asked(FREE, "What next?", passage="The old", chosen="dragon", vocabulary=vocabulary)


def vote(room: Room, member: Member, choice: object) -> None:
    now = questions.poll(room)
    assert now
    say(room, member, "vote", id=now.number, round=now.round, choice=choice)


def do(room: Room, what: str) -> None:
    now = questions.poll(room)
    assert now
    say(room, TEACHER, "poll", id=now.number, do=what)


def test_a_tab_has_one_vote_which_it_may_change_while_the_question_is_open(room: Room) -> None:
    questions.ask(room, guess())
    one, two, three = pupils(room, 3)
    vote(room, one, 0)
    vote(room, one, 1)
    vote(room, two, 2)
    again = Member(FOLLOW, one.tab)  # the same tab after its connection broke
    room.join(again)
    vote(room, again, 1)
    assert room.value("tally") == {"voted": 2, "of": 3}
    assert one.outbox[-1] == {"kind": "voted", "id": 1, "round": 1, "choice": 1, "counted": "dragon"}
    do(room, "close")
    say(room, three, "vote", id=1, round=1, choice=0)  # too late
    do(room, "reveal")
    assert [row["votes"] for row in room.value("question")["results"]["rows"]] == [[0], [1], [1]]


@pytest.mark.parametrize("asked", [guess(), free()], ids=["offered", "free"])
def test_before_the_reveal_no_byte_to_anybody_tells_votes_answer_or_probabilities(room: Room, asked: Asked) -> None:
    questions.ask(room, asked)
    members = pupils(room, 4)
    for member, choice in zip(members, (0, 1, 1, 2) if asked.kind == GUESS else ("king", "dragon", "dragon", "cat"), strict=True):
        vote(room, member, choice)
    for step in ("", "close", "again", "close"):
        if step:
            do(room, step)
        for role in (FOLLOW, EXPLORE, PRESENT, REMOTE):
            fields = read(room.news(role, 0)[1])["fields"]
            assert set(fields["question"]) == {"id", "kind", "asked", "passage", "options", "status", "round"}
            assert set(fields["tally"]) == {"voted", "of"}
            text = json.dumps(fields)
            assert "0.625" not in text and "0.5" not in text and "␣dragon" not in text
            assert asked.kind == GUESS or "dragon" not in text
    do(room, "reveal")
    assert room.value("question")["results"]["chosen"] == asked.chosen


def test_a_late_joiner_gets_the_open_question_and_the_count_follows_who_is_there(room: Room) -> None:
    questions.ask(room, guess())
    members = pupils(room, 2)
    vote(room, members[0], 0)
    assert read(room.news(FOLLOW, 0)[1])["fields"]["tally"] == {"voted": 1, "of": 2}
    pupils(room, 0)
    room.join(Member(EXPLORE, "another"))
    assert room.value("tally") == {"voted": 1, "of": 3}
    room.leave(members[0])  # its vote counts all the same
    assert room.value("tally") == {"voted": 1, "of": 3}


def test_a_second_round_stands_beside_the_first_and_there_is_no_third(room: Room) -> None:
    questions.ask(room, guess())
    one, two = pupils(room, 2)
    vote(room, one, 0)
    vote(room, two, 0)
    do(room, "close")
    do(room, "again")
    assert room.value("question")["round"] == 2 and room.value("tally") == {"voted": 0, "of": 2}
    vote(room, one, 1)
    do(room, "close")
    do(room, "again")
    assert room.value("question")["status"] == "closed"
    do(room, "reveal")
    results = room.value("question")["results"]
    assert results["voted"] == [2, 1] and [row["votes"] for row in results["rows"]] == [[2, 0], [0, 1], [0, 0]]


def test_surprise_is_cross_entropy_on_what_came_for_class_and_model(room: Room) -> None:
    questions.ask(room, guess())
    for member, choice in zip(pupils(room, 8), (1, 1, 0, 0, 0, 0, 0, 2), strict=True):
        vote(room, member, choice)
    do(room, "reveal")  # from open: closed and told
    results = room.value("question")["results"]
    assert results["model_bits"] == 2.0 and results["class_bits"] == [(2.0, False)]
    assert sum(row["model"] for row in results["rows"]) == 1


def test_what_nobody_expected_surprises_by_more_than_one_vote_among_all() -> None:
    assert questions.class_bits(0, 8) == (3.0, True)
    assert questions.class_bits(8, 8) == (0.0, False)
    assert questions.class_bits(0, 0) is None


def test_a_free_guess_is_counted_by_its_token_and_a_single_unlikely_voice_is_not_shown(room: Room) -> None:
    questions.ask(room, free())
    members = pupils(room, 4)
    for member, word in zip(members, ("cat", "CAT", "swear", " king "), strict=True):
        vote(room, member, word)
    assert members[1].outbox[-1]["counted"] == "cat"
    do(room, "reveal")
    results = room.value("question")["results"]
    assert {row["text"]: row["votes"] for row in results["rows"]} == {"the": [0], "king": [1], "dragon": [0], "cat": [2]}
    assert results["others"] == [1] and results["voted"] == [4] and results["class_bits"] == [(2.0, True)]
    assert math.isclose(results["model_bits"], -math.log2(0.15))


def test_of_votes_only_counts_are_kept_once_a_round_is_over(room: Room) -> None:
    questions.ask(room, guess())
    vote(room, pupils(room, 1)[0], 1)
    do(room, "close")
    now = questions.poll(room)
    assert now and now.votes == {} and now.counts == [{1: 1}]
    do(room, "done")
    assert questions.poll(room) is None and room.value("question") is None and room.value("tally") is None


def test_the_teachers_own_questions(room: Room) -> None:
    say(room, TEACHER, "ask", kind=YES_NO, asked=" Does it look things up? ", right=1)
    assert room.value("question")["options"] == ["Yes", "No"] and room.value("question")["asked"] == "Does it look things up?"
    say(room, TEACHER, "ask", kind=FOUR, asked="Which?", options=["a", "b", "c", "d"])
    vote(room, pupils(room, 1)[0], 3)
    do(room, "reveal")
    assert room.value("question")["id"] == 2
    results = room.value("question")["results"]
    assert [row["votes"] for row in results["rows"]] == [[0], [0], [0], [1]]
    assert results["model_bits"] is None and results["class_bits"] == [None] and not any(row["right"] for row in results["rows"])


JUNK: list[dict[str, Any]] = [
    {"kind": "five"}, {"kind": 7}, {"kind": GUESS, "asked": "a"}, {"kind": YES_NO, "asked": "  "}, {"kind": YES_NO, "asked": "x" * 241},
    {"kind": FOUR, "asked": "a"}, {"kind": FOUR, "asked": "a", "options": ["a", "b", "c"]},
    {"kind": FOUR, "asked": "a", "options": ["a", "a", "b", "c"]}, {"kind": FOUR, "asked": "a", "options": ["a", "b", "c", "x" * 81]},
    {"kind": FOUR, "asked": "a", "options": ["a", "b", "c", 7]}, {"kind": YES_NO, "asked": "a", "right": 2},
    {"kind": YES_NO, "asked": "a", "right": True},
]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_question(room: Room, junk: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        say(room, TEACHER, "ask", **junk)
    assert questions.poll(room) is None


@pytest.mark.parametrize("choice", [-1, 3, True, 1.5, "king", None, [0]])
def test_what_is_not_offered_cannot_be_voted_for(room: Room, choice: object) -> None:
    questions.ask(room, guess())
    with pytest.raises(ValueError):
        vote(room, Member(FOLLOW, "p"), choice)
    assert room.value("tally")["voted"] == 0


@pytest.mark.parametrize("word", ["", "  ", 0, "x" * 41])
def test_a_free_guess_is_a_word(room: Room, word: object) -> None:
    questions.ask(room, free())
    with pytest.raises(ValueError):
        vote(room, Member(FOLLOW, "p"), word)


def test_votes_and_words_about_another_question_change_nothing(room: Room) -> None:
    say(room, Member(FOLLOW, "p"), "vote", id=1, round=1, choice=0)
    questions.ask(room, guess())
    say(room, Member(FOLLOW, "p"), "vote", id=9, round=1, choice=0)
    say(room, Member(FOLLOW, "p"), "vote", id=1, round=2, choice=0)
    say(room, TEACHER, "poll", id=9, do="reveal")
    assert room.value("question")["status"] == "open" and room.value("tally")["voted"] == 0
    with pytest.raises(ValueError):
        say(room, TEACHER, "poll", id=1, do="explode")


def test_names_without_end_do_not_fill_the_memory(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_VOTES", 3)
    questions.ask(room, guess())
    for number in range(5):
        vote(room, Member(FOLLOW, f"p{number}"), 0)
    vote(room, Member(FOLLOW, "p0"), 1)
    now = questions.poll(room)
    assert now and now.votes == {"p0": 1, "p1": 0, "p2": 0}


def test_the_teachers_screen_alone_knows_how_to_ask_an_open_question_again(room: Room) -> None:
    asked = {"kind": FOUR, "asked": "Which?", "options": ["a", "b", "c", "d"], "right": 2}
    say(room, TEACHER, "ask", **asked)
    told = {role: read(room.news(role, 0)[1])["fields"].get("again") for role in (FOLLOW, EXPLORE, REMOTE, PRESENT)}
    assert told == {FOLLOW: None, EXPLORE: None, REMOTE: None, PRESENT: asked}
    after = Room("ABC234", codes.digest("A" * 22), "e2", 0.0)  # the server has started anew
    say(after, TEACHER, "ask", **told[PRESENT])
    before, anew = questions.poll(room), questions.poll(after)
    assert before and anew and before.asked == anew.asked
    do(room, "close")
    assert room.value("again") is None
    questions.ask(room, guess())
    assert room.value("again") == {"kind": GUESS}  # it is about the text in view
    do(room, "done")
    assert room.value("again") is None


def test_a_vote_that_is_closed_or_dismissed_from_outside_is_over_once(room: Room) -> None:
    questions.close(room)
    questions.dismiss(room)
    assert room.rev == 0  # nothing was there
    questions.ask(room, guess())
    vote(room, pupils(room, 1)[0], 0)
    questions.close(room)
    rev = room.rev
    questions.close(room)
    assert room.rev == rev and room.value("question")["status"] == "closed" and room.value("tally")["voted"] == 1
    questions.dismiss(room)
    assert room.value("question") is None and questions.poll(room) is None
