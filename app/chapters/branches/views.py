"""The tree of what was written here, and a beam search step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from app import runtime, sequence
from app.charts.token_tree import Block
from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.branching import BeamStep, Branch, beam_search, branches
from gptcore.checks import TOLERANCE, Check
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.run import Run
from gptcore.sampling import SamplingSettings

LANES, COLUMNS = 9, 20  # texts and tokens in the picture
WRITTEN = 10  # tokens of a text that is written here
Texts = tuple[tuple[int, ...], ...]

_TREES: Recent[tuple[Branch, ...]] = Recent(4 * MB)
_BEAMS: Recent[BeamStep] = Recent(8 * MB)
_WRITTEN: Recent[tuple[int, ...]] = Recent(2 * MB)


def root(here: Here) -> Run:
    """The prompt alone, under what is switched off."""
    return Run(here.run.model, here.sequence.prompt, here.run.intervention).beginning(len(here.sequence.prompt))


def tree(here: Here, left: Sequence[tuple[int, ...]]) -> tuple[Branch, ...]:
    """What grows from the prompt: the text in view and those that were left. left: chosen tokens of each."""
    start, most = root(here), here.config.context_length
    texts = tuple(sorted({here.ids, *(start.ids + chosen for chosen in left if len(start.ids + chosen) <= most)}))
    runs = tuple(Run(start.model, text, start.intervention) for text in texts)
    return _TREES.get((start, runs), lambda: _tree(here.model, start, texts))


@queued
def _tree(model: LanguageModel, start: Run, texts: Texts) -> tuple[Branch, ...]:
    return branches(model.store, start, texts)


def leaves(found: Sequence[Branch]) -> list[Branch]:
    """The ends of all texts, likeliest first."""
    return sorted((branch for branch in found if not branch.children and branch.parent is not None), key=lambda b: -b.log_prob)


def blocks(here: Here, found: Sequence[Branch], least: float, n_prompt: int) -> tuple[list[Block], list[Branch], int]:
    """The picture's blocks, the texts of its lanes, and the depth at which it begins. Texts with a token below `least` are left out,
    but for the one in view."""
    present = here.ids
    smallest = {leaf.ids: min(_probs(found, leaf)) for leaf in leaves(found)}
    shown = [leaf for leaf in leaves(found) if leaf.ids == present or smallest[leaf.ids] >= least][:LANES]
    parting = min((_shared(a.ids, b.ids) for a in shown for b in shown if a is not b), default=n_prompt)
    first = max(n_prompt, parting - 2)
    place = {branch.ids: branch for branch in found}
    drawn: dict[tuple[int, ...], int] = {}
    rows: list[Block] = []
    for lane, leaf in enumerate(shown):
        for end in range(first + 1, min(len(leaf.ids), first + COLUMNS) + 1):
            ids = leaf.ids[:end]
            if ids in drawn:
                continue
            drawn[ids] = lane
            above = drawn.get(ids[:-1], lane)
            kind = "present" if ids == present[:end] else "left"
            rows.append(Block(here.model.tokenizer.text_of(ids[-1]), place[ids].prob, end - 1, lane, above, kind))
    return rows, shown, first


def _probs(found: Sequence[Branch], leaf: Branch) -> list[float]:
    probs, branch = [1.0], leaf
    while branch.parent is not None:
        probs.append(branch.prob)
        branch = found[branch.parent]
    return probs


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def written(here: Here, seed: int) -> tuple[int, ...]:
    """Tokens after the text in view, with other dice."""
    settings = SamplingSettings(**{**asdict(sequence.settings(here.view)), "seed": seed})
    return _WRITTEN.get((here.run, settings), lambda: _written(here.model, here.run, settings))


@queued
def _written(model: LanguageModel, run: Run, settings: SamplingSettings) -> tuple[int, ...]:
    steps = generate(model, run.ids, max_new_tokens=WRITTEN, intervention=run.intervention, **asdict(settings))
    return tuple(step.token_id for step in steps)


def beam(here: Here, width: int, steps: int) -> list[BeamStep]:
    """The steps of a search; each is a turn of its own in the queue. Fewer where the context is full or all texts have ended."""
    found: list[BeamStep] = []
    for count in range(1, min(steps, here.config.context_length - len(here.ids)) + 1):
        key = (here.run, width, count)
        step = _BEAMS.find(key)
        if step is None:
            made = _beam(here.model, here.run, width, count)
            if len(made) < count:
                break
            step = _BEAMS.keep(key, made[-1])
        found.append(step)
    return found


@queued
def _beam(model: LanguageModel, run: Run, width: int, steps: int) -> list[BeamStep]:
    return list(beam_search(model, run.ids, width, steps, run.intervention))


def bits(log_prob: float) -> float:
    """A natural logarithm in bits."""
    return log_prob / math.log(2)


def check_score(here: Here, steps: Sequence[BeamStep]) -> list[Check]:
    """The best text's score against a pass over that text."""
    if not steps or steps[-1].kept[0].ended:
        return []
    best = steps[-1].kept[0]
    probs = runtime.token_probabilities(Run(here.run.model, best.ids, here.run.intervention))[len(here.ids) - 1 :]
    apart = abs(sum(math.log(max(float(prob), 1e-300)) for prob in probs) - best.log_prob) / max(1.0, abs(best.log_prob))
    said = "The best text's score against the sum of its tokens' log-probabilities in one pass. Deviation as a share of it."
    return [Check("Score", said, apart, TOLERANCE)]
