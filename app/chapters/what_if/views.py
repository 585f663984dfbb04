"""What the absence of each part does to the next token, piece by piece; a run without some parts beside the one with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from app import interventions, runtime
from app.asked import probabilities
from app.engine import queued
from app.interventions import PartKind
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.attribution import logit_attribution
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.effects import Effects, Scope, head_effects, part_effects
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.run import Ablation, Replacement, Run
from gptcore.sampling import SamplingSettings
from gptcore.trace import Trace

_WORK = 6e9  # multiplications of one turn in the model's queue: some 0.2 s
BITS_TOLERANCE = 1e-3  # two runs round otherwise, and the logarithm of a small probability enlarges that
WRITTEN = 16  # tokens of a continuation


@dataclass(frozen=True)
class Asking:
    """What is measured. scope: whether a part is off at the last token alone, or at all of them."""

    target: int
    rival: int
    scope: Scope
    replacement: Replacement


class Piece(NamedTuple):
    """What one turn in the queue computes: these heads of these layers, and with `parts` their attention and feed-forward."""

    layers: tuple[int, ...]
    heads: tuple[int, ...]
    parts: bool


@dataclass(frozen=True, eq=False)
class Board:
    """What the absence of each part changes; NaN where it is still to be computed. Columns: the heads, attention, feed-forward.

    bits [layer, part]: of log2 of the target's probability; logits: of the logit difference; divergence: in bits; top: the likeliest
    token without the part, -1 where it is not there yet; position: bits without the position embedding; n_missing: pieces to come.
    """

    bits: np.ndarray
    logits: np.ndarray
    divergence: np.ndarray
    top: np.ndarray
    position: float
    n_missing: int

    def strongest_head(self) -> tuple[int, int]:
        """(layer, head) whose absence changes most of the target's probability."""
        heads = np.abs(np.nan_to_num(self.bits[:, :-2]))
        layer, head = divmod(int(heads.argmax()), heads.shape[1])
        return layer, head


def pieces(config: GPTConfig, n_tokens: int, scope: Scope) -> list[Piece]:
    """The whole board, the uppermost layers first: they cost least."""
    rows = 1 if scope == "last" else n_tokens
    found: list[Piece] = []
    layers: list[int] = []
    work = 0.0
    everyone = tuple(range(config.n_heads))
    for layer in reversed(range(config.n_layers)):
        one = rows * (config.n_layers - layer) * 12 * config.emb_dim**2  # of one variant
        mine = one * (config.n_heads + 3)
        if layers and work + mine > _WORK:
            found.append(Piece(tuple(layers), everyone, True))
            layers, work = [], 0.0
        if mine > _WORK:  # a layer alone takes several turns
            step = max(1, int(_WORK / one))
            found += [Piece((layer,), everyone[start : start + step], False) for start in range(0, config.n_heads, step)]
            found.append(Piece((layer,), (), True))
        else:
            layers.append(layer)
            work += mine
    return [*found, Piece(tuple(layers), everyone, True)] if layers else found


class _Measured(NamedTuple):
    """heads, attention, feed_forward: [measure, layer(, head)], the measures being bits, logits, divergence and top token."""

    heads: np.ndarray
    attention: np.ndarray
    feed_forward: np.ndarray
    position: float


_KEPT: Recent[_Measured] = Recent(8 * MB)


def board(here: Here, asked: Asking, most: int | None = None) -> Board:
    """The board: pieces that are kept, and at most `most` new ones."""
    config = here.config
    shape = (4, config.n_layers, config.n_heads + 2)
    found, position, missing, computed = np.full(shape, np.nan), math.nan, 0, 0
    for piece in pieces(config, len(here.ids), asked.scope):
        kept = _KEPT.find((here.run, asked, piece))
        if kept is None and (most is None or computed < most):
            kept = _KEPT.keep((here.run, asked, piece), _measure(here.trace, asked, piece))
            computed += 1
        if kept is None:
            missing += 1
            continue
        layers = list(piece.layers)
        for place, head in enumerate(piece.heads):
            found[:, layers, head] = kept.heads[:, :, place]
        if piece.parts:
            found[:, layers, -2], found[:, layers, -1] = kept.attention, kept.feed_forward
            position = kept.position if layers[-1] == 0 else position
    top = np.where(np.isnan(found[3]), -1, found[3]).astype(int)
    return Board(found[0], found[1], found[2], top, position, missing)


@queued
def _measure(trace: Trace, asked: Asking, piece: Piece) -> _Measured:
    """layers of the piece: from the uppermost down, without a gap."""
    how = (asked.target, asked.rival, asked.scope, asked.replacement)
    n = len(piece.layers)
    heads = _table(head_effects(trace, *how, piece.layers, piece.heads)) if piece.heads else np.empty((4, n, 0))
    if not piece.parts:
        return _Measured(heads, np.empty((4, 0)), np.empty((4, 0)), math.nan)
    parts = part_effects(trace, *how, range(piece.layers[-1], piece.layers[0] + 1))
    place = parts.position_embedding
    return _Measured(
        heads, _table(parts.attention)[:, ::-1], _table(parts.feed_forward)[:, ::-1],
        math.nan if place is None else float(place.log_prob_change),
    )  # fmt: skip


def _table(found: Effects) -> np.ndarray:
    columns = (found.log_prob_change, found.logit_difference_change, found.divergence, found.top_token)
    return np.stack([np.asarray(column, np.float64) for column in columns])


@dataclass(frozen=True, eq=False)
class Direct:
    """What each part adds to logit(target) - logit(rival) by itself. parts [layer, part]: as on the board; total: the sum over
    everything, difference: the model's own."""

    parts: np.ndarray
    total: float
    difference: float

    @property
    def check(self) -> Check:
        """That the shares add up."""
        apart = abs(self.total - self.difference) / max(1.0, abs(self.difference))
        said = "All direct shares together, embeddings and biases among them, against the model's own logit difference."
        return Check("Direct shares add up", said + OF_LARGEST, apart, TOLERANCE)


_DIRECT: Recent[Direct] = Recent(4 * MB)


def direct(here: Here, asked: Asking) -> Direct:
    """The direct shares at the newest token."""
    return _DIRECT.get((here.run, asked.target, asked.rival), lambda: _direct(here.trace, asked.target, asked.rival))


@queued
def _direct(trace: Trace, target: int, rival: int) -> Direct:
    found = logit_attribution(trace, target, rival)
    heads = found.of("head")
    attention = heads.sum(1) + found.of("attention_bias")
    parts = np.column_stack([heads, attention, found.of("feed_forward")])
    return Direct(parts, found.total, found.logit_difference)


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
