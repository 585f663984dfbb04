"""The texts on the pages are those that the survey picks for the embedded model; and each criterion, on values made up for it."""

from __future__ import annotations

import math
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from app import texts
from benchmarks.texts import outside
from benchmarks.texts import survey as surveys
from benchmarks.texts.candidate import Candidate
from benchmarks.texts.criteria import Criterion, different_runs, equal_choices, seen_before, stands_out
from benchmarks.texts.inside import bits_without_looking_up, looked_up
from benchmarks.texts.outside import most_parts, whole_word_surprises, whole_words
from benchmarks.texts.roles import ROLES
from benchmarks.texts.survey import NothingShowsItError, Ranked, candidates, chosen, judged, written
from gptcore.checkpoints import EMBEDDED
from tests.house_rules import ROOT


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_texts_on_the_pages_are_those_that_the_survey_picks_for_the_embedded_model() -> None:
    """In a process of its own: where every call is checked, as in this one, it takes eight times as long."""
    run = subprocess.run([sys.executable, "-m", "benchmarks.texts", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(": as chosen.") == len(ROLES)


def test_every_role_has_candidates_of_its_own_kind_and_criteria_and_what_is_written_can_be_read() -> None:
    offered = candidates()
    assert set(offered) == set(ROLES) == set(texts.ROLES)
    for role, some in offered.items():
        assert len(some) == len(set(some)) >= 3, role
        for text in some:
            assert texts.read(written({**texts.TEXTS, role: text}))[role] == text
    assert all(
        "motorcycle" in text for text in offered["cut"]
    )  # the pages' other texts and the ready lessons speak of these words
    assert all(text.endswith(" three") for text in offered["relatives"])


def of(text: str) -> Candidate:
    return cast(Candidate, SimpleNamespace(text=text))


def lasting(name: str, bound: float, **how: Any) -> Criterion[Candidate]:
    """How many characters a text has."""
    return Criterion(name, lambda one: float(len(one.text)), bound, **how)


def test_a_margin_says_how_many_times_a_bound_is_reached() -> None:
    assert lasting("long", 4).margin(6) == 1.5 and lasting("short", 6, at_most=True).margin(4) == 1.5
    assert lasting("long", 4).margin(math.nan) == 0 and lasting("short", 6, at_most=True).margin(0) > 1e6


def test_the_weakest_criterion_decides_and_what_is_only_met_or_not_does_not() -> None:
    needs = (lasting("long", 2), lasting("short", 6, at_most=True), lasting("just so", 4, decides=False))
    assert judged(of("four"), needs).margin == 1.5
    assert judged(of("four"), needs).figures == (4, 4, 4)


def test_what_a_text_is_not_fit_for_any_more_is_not_measured() -> None:
    asked: list[str] = []
    costly = Criterion[Candidate]("costly", lambda one: float(asked.append(one.text) or 1), 1)
    assert not judged(of("a"), (lasting("long", 2), costly)).meets_all and not asked
    assert judged(of("ab"), (lasting("long", 2), costly)).meets_all and asked == ["ab"]


def test_the_ranking_begins_with_what_meets_all_and_keeps_the_order_of_equals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cast(dict[str, Any], ROLES), "said_twice", (lasting("long", 3), lasting("short", 9, at_most=True)))
    monkeypatch.setattr(surveys, "Candidate", lambda text, model: of(text))
    monkeypatch.setattr(surveys, "candidates", lambda: {"said_twice": ["a", "wxyz", "abcd", "a long one", "lmnop"]})
    ranked = [each.text for each in surveys.ranking("any", "said_twice")]
    assert ranked == ["lmnop", "wxyz", "abcd", "a long one", "a"]  # 5 of 3; twice 4 of 3; too long; too short


def test_a_better_text_or_an_equal_one_that_stands_before_is_named_without_measuring_what_cannot_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    costly = Criterion[Candidate]("costly", lambda one: float(asked.append(one.text) or 9), 1)
    monkeypatch.setitem(cast(dict[str, Any], ROLES), "said_twice", (lasting("long", 2), costly))
    monkeypatch.setattr(surveys, "Candidate", lambda text, model: of(text))
    monkeypatch.setattr(surveys, "candidates", lambda: {"said_twice": ["a", "abc", "abcd", "wxyz", "lm"]})
    assert surveys.better("any", "said_twice", "abcd") == "" and asked == ["abcd", "wxyz"]
    assert surveys.better("any", "said_twice", "wxyz") == "abcd" and surveys.better("any", "said_twice", "abc") == "abcd"
    assert surveys.better("any", "said_twice", "not among them, and longer") == "abcd"


def test_where_nothing_shows_it_the_command_says_what_is_missing_and_chooses_nothing() -> None:
    found = {role: [Ranked(text, (1.0,), 1.0, of(text))] for role, text in texts.TEXTS.items()}
    found["loops"] = [Ranked("The bird sang", (2.5,), 0.62, of("The bird sang"))]
    with pytest.raises(NothingShowsItError, match=r"loops: no text.*The bird sang.*rounds 2\.5, not at least 4"):
        chosen(found)


def test_the_place_of_what_came_next_is_that_of_the_longest_repeated_end() -> None:
    assert seen_before((5, 1, 7, 9, 1, 2, 5, 1)) == 2  # after "5 1", not after the later "1"
    assert seen_before((1, 2, 3)) is None and seen_before((4, 4)) == 1


def test_a_choice_among_equals_counts_them() -> None:
    assert equal_choices(np.full(8, 1 / 8)) == pytest.approx(8)
    assert equal_choices(np.array([1.0, 0.0])) == pytest.approx(1)


def test_runs_that_come_twice_count_once() -> None:
    assert different_runs([(1, 2, 3, 4)]) == 1 and different_runs([(1, 2, 3), (1, 2, 3)]) == 0.5
    assert different_runs([(1, 2, 1, 2, 1)], 2) == 0.5 and math.isnan(different_runs([(1, 2)]))


def test_the_last_word_stands_out_by_its_bits() -> None:
    assert stands_out([1.0, 4.0, 6.0]) == 1.5 and math.isnan(stands_out([3.0]))


def made(**parts: Any) -> Candidate:
    return cast(Candidate, SimpleNamespace(**parts))


def test_the_looked_up_token_is_the_one_that_came_the_first_time() -> None:
    probs = np.array([0.1, 0.2, 0.3, 0.4])
    assert looked_up(made(here=SimpleNamespace(ids=(0, 3, 1, 0)), next_probs=probs)) == 0.4
    nothing = made(here=SimpleNamespace(ids=(0, 1, 2)), next_probs=probs)
    assert math.isnan(looked_up(nothing))


@pytest.mark.parametrize(("word", "whole"), [(" elephant", 1), (" motorcycle", 0)])
def test_what_surprises_most_is_a_word_by_itself_or_a_part_of_one(
    monkeypatch: pytest.MonkeyPatch, word: str, whole: float
) -> None:
    one = Candidate("The king", EMBEDDED.name)
    tokenizer = one.here.model.tokenizer
    ids = (*tokenizer.encode_text(" the king and"), *tokenizer.encode_text(word), *tokenizer.encode_text("."))
    last = len(ids) - 2
    bits = [9.0 if place == last else 1.0 for place in range(len(ids))]
    words = [min(place, 3) for place in range(len(ids))]
    table = pd.DataFrame({"token_id": ids, "token": [tokenizer.text_of(each) for each in ids], "bits": bits, "word": words})
    monkeypatch.setattr(outside, "_judged", lambda _: table)
    assert whole_word_surprises(one) == whole


def test_a_text_in_which_nothing_repeats_has_no_heads_to_switch_off() -> None:
    assert math.isnan(bits_without_looking_up(Candidate("The king", EMBEDDED.name)))


def test_parts_and_whole_words_are_counted_by_the_tokenizer() -> None:
    one = Candidate("The king saw the motorcycle", EMBEDDED.name)
    tokenizer = one.here.model.tokenizer
    assert most_parts(one) == len(tokenizer.encode_text(" motorcycle"))
    written_on = [tokenizer.encode_text(" king and motorcycle"), tokenizer.encode_text(" the king.")]
    assert whole_words(made(here=one.here, continuations=written_on)) == pytest.approx(4 / 5)
