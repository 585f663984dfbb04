"""The tree of what was written here, and a beam search step by step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from app import runtime, sequence
from app.charts.token_tree import Block
from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.branching import BeamStep, Branch, Hypothesis, beam_search, branches
from gptcore.checks import TOLERANCE, Check
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.random_numbers import MAX_SEED
from gptcore.run import Run
from gptcore.sampling import SamplingSettings

LANES, COLUMNS = 9, 60  # texts and tokens in the picture
WRITTEN = 10  # tokens of a text that is written here
OFFERED = 3
_SMALL = 2e7  # multiplications for one token: with fewer, all that are offered are drawn in one turn
Texts = tuple[tuple[int, ...], ...]

_TREES: Recent[tuple[Branch, ...]] = Recent(4 * MB)
_BEAMS: Recent[BeamStep] = Recent(8 * MB)
_WRITTEN: Recent[tuple[int, ...]] = Recent(2 * MB)


def root(here: Here) -> Run:
    """The prompt alone, under what is switched off."""
    return Run(here.run.model, here.sequence.prompt, here.run.intervention).beginning(len(here.sequence.prompt))


def texts_of(here: Here, others: Sequence[tuple[int, ...]]) -> Texts:
    """The text in view, and others by what stands after the prompt."""
    prompt = here.sequence.prompt
    room = here.config.context_length - len(prompt)
    return tuple(sorted({here.ids, *(prompt + chosen for chosen in others if len(chosen) <= room)}))


def tree(here: Here, others: Sequence[tuple[int, ...]]) -> tuple[Branch, ...]:
    """What grows from the prompt: the text in view and others. others: chosen tokens of each."""
    start, texts = root(here), texts_of(here, others)
    runs = tuple(Run(start.model, text, start.intervention) for text in texts)
    return _TREES.get((start, runs), lambda: _tree(here.model, start, texts))


@queued
def _tree(model: LanguageModel, start: Run, texts: Texts) -> tuple[Branch, ...]:
    return branches(model.store, start, texts)


def leaves(found: Sequence[Branch]) -> list[Branch]:
    """The ends of all texts, likeliest first."""
    return sorted((branch for branch in found if not branch.children and branch.parent is not None), key=lambda b: -b.log_prob)


@dataclass(frozen=True)
class Unwritten:
    """Texts that nobody has written yet, as the tokens after the prompt; n_missing: how many are still to be drawn."""

    texts: Texts
    n_missing: int


def offered(here: Here, left: Sequence[tuple[int, ...]], most: int | None = None) -> Unwritten:
    """Where nothing branches yet: what could be written after the prompt, with the dice in view and the next ones; of those that take
    long at most `most` new ones."""
    beginning = root(here)
    if left or len(beginning.ids) >= here.config.context_length:
        return Unwritten((), 0)
    if most and here.config.n_layers * 12 * here.config.emb_dim**2 < _SMALL:
        most = None
    wanted = []
    for number in range(OFFERED):
        settings = SamplingSettings(**{**asdict(sequence.settings(here.view)), "seed": (here.view.seed + number) % MAX_SEED})
        wanted.append(((beginning, settings), partial(_written, here.model, beginning, settings)))
    found = _WRITTEN.some(wanted, most)
    return Unwritten(tuple(dict.fromkeys(text for text in found if text)), sum(text is None for text in found))


def blocks(
    here: Here, found: Sequence[Branch], least: float, n_prompt: int, unwritten: Texts = ()
) -> tuple[list[Block], list[Branch], int]:
    """The picture's blocks, the texts of its lanes, and the depth at which it begins. Texts with a token below `least` are left out,
    but for the one in view. unwritten: of those, the tokens after the prompt."""
    drafts = {here.sequence.prompt + text[:end] for text in unwritten for end in range(1, len(text) + 1)}
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
            kind = "present" if ids == present[:end] else "offered" if ids in drafts else "left"
            rows.append(Block(here.model.tokenizer.text_of(ids[-1]), place[ids].prob, end - 1, lane, above, kind))
    return rows, shown, first


def focus(here: Here, drawn: Sequence[Block]) -> tuple[int, int] | None:
    """(lane, depth) of the token at the cursor; None where it is not drawn."""
    mine = [block for block in drawn if block.kind == "present" and block.depth == here.position]
    return (mine[0].lane, mine[0].depth) if mine else None


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


def before(here: Here, steps: Sequence[BeamStep]) -> tuple[Hypothesis, ...]:
    """The texts that the last of these steps went on with."""
    return steps[-2].kept if len(steps) > 1 else (Hypothesis(here.ids, 0.0, 1.0, 0, False),)


def by_score(steps: Sequence[BeamStep]) -> tuple[Hypothesis, ...]:
    """All texts that the last of these steps scored, best first."""
    return steps[-1].kept + steps[-1].dropped


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
