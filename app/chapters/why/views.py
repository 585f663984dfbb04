"""The logit difference taken apart, and which token of the text mattered, token by token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from app import runtime
from app.asked import probabilities
from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from app.windows import window
from gptcore.attribution import LogitAttribution, NeuronAttribution, logit_attribution, neuron_attribution
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.input_effects import SUBSTITUTES, Method, TokenEffects, rank_agreement, token_effects, what_if
from gptcore.run import Run
from gptcore.trace import Trace

WINDOW = 48  # tokens that are replaced at a time
_WORK = 6e9  # multiplications of one turn in the model's queue: some 0.2 s
_MOST_WORK = 10**11  # of all other methods together: some seconds
_BITS_TOLERANCE = 1e-3
OTHERS: dict[Method, str] = {
    "delete": "Take it out, and let what follows move up",
    "integrated_gradients": "Come from an average embedding to its own, and add up the slopes on the way",
    "gradient": "How steep is the result at its embedding?",
    "gradient_x_input": "The same slope times the embedding",
    "attention": "How much does the newest token attend to it, over all heads?",
    "rollout": "Attention multiplied through the layers; it leans to the first token whatever that is",
}


class Term(NamedTuple):
    """One bar of the sum. kind: whose it is; layer: where it has one."""

    label: str
    kind: str
    stage: str
    layer: int | None
    value: float


_ATTRIBUTED: Recent[LogitAttribution] = Recent(4 * MB)
_NEURONS: Recent[NeuronAttribution] = Recent(4 * MB)


def attribution(here: Here, target: int, rival: int) -> LogitAttribution:
    """Every part's direct share, at the newest token."""
    return _ATTRIBUTED.get((here.run, target, rival), lambda: _attribution(here.trace, target, rival))


@queued
def _attribution(trace: Trace, target: int, rival: int) -> LogitAttribution:
    return logit_attribution(trace, target, rival)


def neurons(here: Here, layer: int, target: int, rival: int) -> NeuronAttribution:
    """One layer's feed-forward, neuron by neuron."""
    return _NEURONS.get((here.run, layer, target, rival), lambda: _neurons(here.trace, layer, target, rival))


@queued
def _neurons(trace: Trace, layer: int, target: int, rival: int) -> NeuronAttribution:
    return neuron_attribution(trace, layer, target, rival)


def terms(found: LogitAttribution) -> list[Term]:
    """The sum in the order in which it is written: embeddings, then attention and feed-forward of each layer, then the last shift."""
    attention = found.of("head").sum(1) + found.of("attention_bias")
    rows = [
        Term("token embedding", "embeddings", "embeddings", None, float(found.of("token_embedding"))),
        Term("position embedding", "embeddings", "embeddings", None, float(found.of("position_embedding"))),
    ]
    if patched := float(found.of("patched")):
        rows.append(Term("patched", "patched", "ablation", None, patched))
    for layer, (by_heads, by_mlp) in enumerate(zip(attention, found.of("feed_forward"), strict=True)):
        rows.append(Term(f"attention {layer}", "attention", "attention", layer, float(by_heads)))
        rows.append(Term(f"feed-forward {layer}", "feed-forward", "feed_forward", layer, float(by_mlp)))
    return [*rows, Term("last shift", "final LayerNorm", "layer_norm", None, float(found.of("shift")))]


def adds_up(found: LogitAttribution, shown: Sequence[Term]) -> Check:
    """The bars against the model's own logit difference."""
    total = sum(term.value for term in shown)
    apart = abs(total - found.logit_difference) / max(1.0, abs(found.logit_difference))
    said = "The sum of all bars against the difference of the model's own two logits." + OF_LARGEST
    return Check("Adds up", said, apart, TOLERANCE)


def neurons_add_up(found: NeuronAttribution, whole: float) -> Check:
    """The neurons and the bias against their layer's bar."""
    apart = abs(float(found.neurons.sum()) + found.bias - whole) / max(1.0, abs(whole))
    said = "The sum over all neurons, and the bias, against the bar of their layer." + OF_LARGEST
    return Check("Neurons add up", said, apart, TOLERANCE)


@dataclass(frozen=True, eq=False)
class Mattered:
    """What replacing each token costs, in bits of the target's probability; NaN where it is not known. substitutes [token, n], their
    results in bits; result: of the text as it is; asked: the positions that are replaced; n_missing: pieces to come."""

    effects: np.ndarray
    substitutes: np.ndarray
    results: np.ndarray
    result: float
    asked: range
    n_missing: int


_REPLACED: Recent[TokenEffects] = Recent(8 * MB)


def _one(config: GPTConfig) -> int:
    """Multiplications for one token of all substitutes."""
    return SUBSTITUTES * config.n_layers * 12 * config.emb_dim**2


def replaceable(config: GPTConfig, n_tokens: int) -> range:
    """The positions whose replacement does not hold up everybody: all that follows one is run again with each substitute."""
    return range(max(0, n_tokens - max(WINDOW, _MOST_WORK // _one(config))), n_tokens)


def replaced(config: GPTConfig, n_tokens: int, focus: int = -1) -> range:
    """Those that are replaced: the newest, or as many around the focus."""
    can = replaceable(config, n_tokens)
    shown = window(len(can), can.index(focus) if focus in can else len(can) - 1, WINDOW)
    return can[shown.start : shown.stop]


def pieces(config: GPTConfig, n_tokens: int, positions: range) -> list[tuple[int, ...]]:
    """Positions of one turn each, the newest first: they cost least."""
    one = _one(config)
    found: list[tuple[int, ...]] = []
    some: list[int] = []
    for position in reversed(positions):
        if some and one * (n_tokens - position) * (len(some) + 1) > _WORK:
            found.append(tuple(reversed(some)))
            some = []
        some.append(position)
    return [*found, tuple(reversed(some))]


def mattered(here: Here, target: int, most: int | None = None, focus: int = -1) -> Mattered:
    """By replacement: what is kept, and at most `most` new pieces. focus: as `replaced` takes it."""
    n_tokens = len(here.ids)
    effects = np.full(n_tokens, math.nan)
    others, results = np.full((n_tokens, SUBSTITUTES), -1), np.full((n_tokens, SUBSTITUTES), math.nan)
    positions = replaced(here.config, n_tokens, focus)
    parts = pieces(here.config, n_tokens, positions)
    kept = _REPLACED.some([((here.run, target, piece), partial(_replaced, here.trace, target, piece)) for piece in parts], most)
    for piece, found in zip(parts, kept, strict=True):
        if found is None or found.substitutes is None or found.substitute_results is None:
            continue
        rows, n = list(piece), found.substitutes.shape[1]
        effects[rows] = found.effects[rows]
        others[rows, :n], results[rows, :n] = found.substitutes[rows], found.substitute_results[rows]
    result = math.log2(max(probabilities(here.trace.logits)[target], 1e-300))
    return Mattered(effects, others, results, result, positions, sum(found is None for found in kept))


@queued
def _replaced(trace: Trace, target: int, positions: tuple[int, ...]) -> TokenEffects:
    return token_effects(trace, target, positions=positions)


class Answer(NamedTuple):
    """What another method says. effects [token]; agreement: rank correlation with replacement, NaN where there is none."""

    effects: np.ndarray
    agreement: float


_OTHERS: Recent[np.ndarray] = Recent(4 * MB)


def takes_too_long(here: Here) -> bool:
    """Whether the other methods would hold up everybody with a text of this length: a gradient takes about three passes, integrated
    ones take 32 of them, and each deletion half a pass."""
    n_tokens = len(here.ids)
    return (n_tokens**2 / 2 + 100 * n_tokens) * here.config.n_layers * 12 * here.config.emb_dim**2 > _MOST_WORK


def asked_differently(here: Here, target: int, base: np.ndarray) -> dict[Method, Answer]:
    """Every other method that this text allows, with its agreement."""
    known = np.isfinite(base)
    found = {}
    for method in OTHERS:
        if method == "delete" and len(here.ids) == 1:
            continue
        effects = _OTHERS.get((here.run, target, method), partial(_by, here.trace, target, method))
        found[method] = Answer(effects, rank_agreement(base[known], effects[known]))
    return found


@queued
def _by(trace: Trace, target: int, method: Method) -> np.ndarray:
    return np.asarray(token_effects(trace, target, method=method).effects)


def check_replaced(here: Here, target: int, found: Mattered) -> list[Check]:
    """One exchange of the token in focus against a run of that text."""
    place = here.position
    if not np.isfinite(found.effects[place]):
        return []
    ids = what_if(here.ids, place, int(found.substitutes[place, 0]))
    again = math.log2(max(probabilities(runtime.trace(Run(here.run.model, ids, here.run.intervention)).logits)[target], 1e-300))
    said = "The result with the first substitute of the token in focus, against a run of that text. Deviation in bits."
    return [Check("As a text of its own", said, abs(again - float(found.results[place, 0])), _BITS_TOLERANCE)]
