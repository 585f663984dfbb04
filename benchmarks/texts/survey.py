"""The ranking of all candidates, and the choice."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.texts.candidate import Candidate
from benchmarks.texts.criteria import Criterion
from benchmarks.texts.roles import ROLES

CANDIDATES = Path(__file__).with_name("candidates.toml")


class NothingShowsItError(Exception):
    """Candidates of which none meets all criteria of a role, with the nearest of each."""


@dataclass(frozen=True)
class Ranked:
    """A candidate. figures: of the criteria in their order, up to the first that it does not meet; margin: how many times it reaches
    the bound that it reaches least, below 1 where it does not; in hundredths, so that no machine's rounding decides."""

    text: str
    figures: tuple[float, ...]
    margin: float
    measured: Candidate

    @property
    def meets_all(self) -> bool:
        return self.margin >= 1


def candidates() -> Mapping[str, Sequence[str]]:
    """role -> texts."""
    return tomllib.loads(CANDIDATES.read_text("utf-8"))


def judged(one: Candidate, needs: Sequence[Criterion[Candidate]], floor: float = 1.0) -> Ranked:
    """One candidate; what it is not fit for any more is not measured, and with a floor above 1 neither is what cannot reach it."""
    figures: list[float] = []
    least = math.inf
    for need in needs:
        figures.append(need.measure(one))
        if (margin := need.margin(figures[-1])) < 1:
            return Ranked(one.text, tuple(figures), math.floor(100 * margin) / 100, one)
        least = min(least, margin if need.decides else math.inf)
        if round(least, 2) < floor:
            break
    return Ranked(one.text, tuple(figures), round(least, 2), one)


def ranking(model: str, role: str) -> list[Ranked]:
    """The candidates of a role, those that meet all criteria first; among them the one whose weakest figure is the best."""
    found = [judged(Candidate(text, model), ROLES[role]) for text in candidates()[role]]
    return sorted(found, key=lambda each: (-each.meets_all, -len(each.figures), -each.margin))


def survey(model: str) -> dict[str, list[Ranked]]:
    """role -> its ranking."""
    return {role: ranking(model, role) for role in ROLES}


def better(model: str, role: str, now: str) -> str:
    """The candidate that a survey would pick in the place of this text, found sooner than by a ranking; "" where it would pick this one."""
    needs, some = ROLES[role], candidates()[role]
    mine = judged(Candidate(now, model), needs)
    if now not in some or not mine.meets_all:
        return ranking(model, role)[0].text
    for place, text in enumerate(some):
        theirs = judged(Candidate(text, model), needs, mine.margin) if text != now else mine
        if theirs.margin > mine.margin or (theirs.margin == mine.margin and place < some.index(now)):
            return text
    return ""


def chosen(rankings: Mapping[str, Sequence[Ranked]]) -> dict[str, str]:
    """The best text of each role. Raises NothingShowsItError where there is none for some."""
    lacking = []
    for role, found in rankings.items():
        if not found[0].meets_all:
            missed = ROLES[role][len(found[0].figures) - 1]
            bound = f"{'at most' if missed.at_most else 'at least'} {missed.bound:g}"
            lacking.append(
                f"{role}: no text shows it. The nearest, “{found[0].text}”, has {missed.name} {found[0].figures[-1]:.3g}, not {bound}."
            )
    if lacking:
        raise NothingShowsItError("\n".join([*lacking, f"Write other candidates for it into {CANDIDATES.name}."]))
    return {role: found[0].text for role, found in rankings.items()}


def written(texts: Mapping[str, str]) -> str:
    """The file that the app reads."""
    return json.dumps(texts, indent=1, ensure_ascii=False) + "\n"
