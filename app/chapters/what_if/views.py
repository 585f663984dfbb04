"""A run without some parts beside the one with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from app import interventions, runtime
from app.asked import probabilities
from app.engine import queued
from app.interventions import PartKind
from app.recent import MB, Recent
from app.runtime import Here
from app.silence import Asking
from gptcore.checks import Check
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.run import Ablation, Replacement, Run
from gptcore.sampling import SamplingSettings

BITS_TOLERANCE = 1e-3  # two runs round otherwise, and the logarithm of a small probability enlarges that
WRITTEN = 16  # tokens of a continuation


def without(here: Here, kind: PartKind, replacement: Replacement) -> Run:
    """The run without some parts: those that are switched off, or, where nothing is, the part in focus."""
    if here.run.intervention is not None:
        return here.run
    off = interventions.switched(None, kind, here.layer, here.head)
    return Run(here.run.model, here.ids, interventions.replaced_by(off, replacement))


@dataclass(frozen=True, eq=False)
class BeforeAndAfter:
    """The likeliest tokens of both runs. token_ids [candidate]; before, after: their probabilities with and without the parts."""

    token_ids: np.ndarray
    before: np.ndarray
    after: np.ndarray


def candidates(here: Here, run: Run, count: int = 6) -> BeforeAndAfter:
    """Of the clean run and of `run`, the likeliest `count` of each, likeliest with the parts first."""
    before, after = (probabilities(runtime.trace(each).logits) for each in (here.clean, run))
    best = {int(token) for probs in (before, after) for token in np.argsort(-probs, kind="stable")[:count]}
    order = np.array(sorted(best, key=lambda token: (-before[token], token)))
    return BeforeAndAfter(order, before[order], after[order])


def surprise_change(here: Here, run: Run) -> np.ndarray:
    """How many bits more surprising each token after the first is without the parts."""
    before, after = (np.log2(np.maximum(runtime.token_probabilities(each), 1e-300)) for each in (here.clean, run))
    return np.asarray(before - after)


_WRITTEN: Recent[tuple[int, ...]] = Recent(2 * MB)


def goes_on(run: Run, settings: SamplingSettings, count: int = WRITTEN) -> tuple[int, ...]:
    """The next tokens of a run, drawn with the numbers that the whole app draws with."""
    return _WRITTEN.get((run, settings, count), lambda: _written(runtime.named(run.model), run, settings, count))


@queued
def _written(model: LanguageModel, run: Run, settings: SamplingSettings, count: int) -> tuple[int, ...]:
    steps = generate(model, run.ids, max_new_tokens=count, intervention=run.intervention, **asdict(settings))
    return tuple(step.token_id for step in steps)


def check_alone(here: Here, asked: Asking, kind: PartKind, bits: float) -> list[Check]:
    """The cell in focus against a run of its own, where parts are off everywhere: only that is a run."""
    off = here.run.intervention
    if asked.scope == "last" or not isinstance(off, Ablation | None) or not math.isfinite(bits):
        return []
    one = interventions.replaced_by(interventions.switched(off, kind, here.layer, here.head), asked.replacement)
    if interventions.is_off(off, kind, here.layer, here.head) or (off and off.replacement != asked.replacement):
        return []  # it is off already, or a run has one kind of replacement
    before, after = (
        probabilities(runtime.trace(Run(here.run.model, here.ids, each)).logits)[asked.target] for each in (off, one)
    )
    said = "The change of the part in focus against two runs of the whole text, with and without it. Deviation in bits."
    return [Check("As a run of its own", said, abs(bits - math.log2(after / before)), BITS_TOLERANCE)]


def parted(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts share at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
