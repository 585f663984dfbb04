"""What a text shows inside the running model, as figures: by the functions that the pages use themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from app import focus, runtime, settling, silence, standouts
from app.asked import probabilities
from app.chapters.attention.sink import taken
from app.chapters.feed_forward import views as feed_forward
from app.chapters.patching import views as patching
from app.engine import queued
from app.texts import begun_otherwise
from benchmarks.texts.candidate import Candidate
from benchmarks.texts.criteria import seen_before
from gptcore.activations import FeedForwardActivations
from gptcore.input_effects import token_effects
from gptcore.run import Ablation
from gptcore.trace import Trace

LOOK_UP_HEADS = 4  # that the page of what-if offers to switch off together


# Attention, what if, why: a sentence said twice.


def induction(one: Candidate) -> float:
    """Mean weight of the best head on what followed the same token."""
    found = focus.heads_that(one.here, "induction")
    return float(found.share.max()) if found else math.nan


def surest_look(one: Candidate) -> float:
    """Its largest weight: where the page leads."""
    found = focus.heads_that(one.here, "induction")
    return float(found.weights[found.best()].max()) if found else math.nan


def looked_up(one: Candidate) -> float:
    """Probability of the token that came next the first time."""
    place = seen_before(one.here.ids)
    return math.nan if place is None else float(one.next_probs[one.here.ids[place]])


def bits_without_a_head(one: Candidate) -> float:
    """The largest change of the likeliest token, in bits, by one head's absence."""
    board = silence.board(one.here, silence.Asking(*one.likeliest, "last", "mean"))
    return abs(float(board.bits[board.strongest_head()]))


def bits_without_looking_up(one: Candidate) -> float:
    """What the likeliest token loses, in bits, without the heads that best look up what came next."""
    found = focus.heads_that(one.here, "induction")
    if found is None:
        return math.nan
    best = np.argsort(-found.share, axis=None, kind="stable")[:LOOK_UP_HEADS]
    heads = frozenset((int(layer), int(head)) for layer, head in zip(*np.unravel_index(best, found.share.shape), strict=True))
    off = probabilities(runtime.trace(one.here.model.run(one.here.ids, Ablation(heads))).logits)
    target = one.likeliest[0]
    return float(np.log2(one.next_probs[target] / off[target]))


def bits_by_the_earlier_word(one: Candidate) -> float:
    """What the looked-up token loses, in bits, where it is replaced at the place where it stood before."""
    place = seen_before(one.here.ids)
    return math.nan if place is None else _without_token(one.here.trace, one.here.ids[place], place)


@queued
def _without_token(trace: Trace, target: int, position: int) -> float:
    return float(token_effects(trace, target, positions=(position,)).effects[position])


# The first token.


def sink_share(one: Candidate) -> float:
    """Mean weight on the first token of the head that puts most there."""
    found = focus.heads_that(one.here, "first")
    return float(found.share.max()) if found else math.nan


def sink_value(one: Candidate) -> float:
    """Length of that token's value, as a share of the others' mean."""
    found = focus.heads_that(one.here, "first")
    if found is None:
        return math.nan
    layer, head = found.best()
    _, first, others = taken(replace(one.here, layer=layer, head=head), found)
    return first / others


def sink_with_another_word(one: Candidate) -> float:
    """The same head's weight on the first token where the text begins with another word."""
    found = focus.heads_that(one.here, "first")
    moved = focus.heads_that(one.place(begun_otherwise(one.text)), "first")
    return float(moved.share[found.best()]) if found and moved else math.nan


# LayerNorm and feed-forward.


def spread(one: Candidate) -> float:
    """The largest standard deviation before LayerNorm."""
    found = standouts.widest(one.here)
    position = len(one.here.ids) - 1 if found["position"] is None else found["position"]
    return math.sqrt(float(one.here.trace.layer_norm(found["layer"], "ln_1", (position,)).var[0]))


def outlier(one: Candidate) -> float:
    """The farthest dimension from the mean, in standard deviations."""
    found = standouts.farthest(one.here)
    position = len(one.here.ids) - 1 if found["position"] is None else found["position"]
    return float(np.abs(one.here.trace.layer_norm(found["layer"], "ln_1", (position,)).normalized).max())


def growth(one: Candidate) -> float:
    """How many times as large the newest token's standard deviation is at the end as at the beginning."""
    last = (len(one.here.ids) - 1,)
    first, end = one.here.trace.layer_norm(0, "ln_1", last).var, one.here.trace.layer_norm(None, "final", last).var
    return math.sqrt(float(end[0]) / float(first[0]))


def few_neurons(one: Candidate) -> float:
    """The share of neurons that carry half of what leaves GELU, in the layer with the fewest."""
    found = _sparsest(one)
    return feed_forward.carriers(found) / found.mlp_pre.shape[1]


def negative_neurons(one: Candidate) -> float:
    """The share of that layer's neurons that are negative before GELU."""
    found = feed_forward.silenced(_sparsest(one))
    return found.negative / found.neurons


def _sparsest(one: Candidate) -> FeedForwardActivations:
    return one.here.trace.feed_forward(standouts.sparsest(one.here)["layer"], (len(one.here.ids) - 1,))


# Where a prediction settles.


def tokens(one: Candidate) -> float:
    """How many there are."""
    return float(len(one.here.ids))


def settled_in_the_middle(one: Candidate) -> float:
    """Probability of the surest prediction that settles there; 0 where none does."""
    return _prob_at(one, settling.in_the_middle(one.here))


def settled_at_the_end(one: Candidate) -> float:
    """Probability of the surest prediction that only the last block puts first; 0 where none does."""
    found = settling.settled(one.here)
    late = found.depth == one.here.config.n_layers
    return float(found.prob[late].max(initial=0.0))


def between_words_of_the_text(one: Candidate) -> float:
    """1 where the last block changes the prediction, there where the page leads, from one word of the text to another; else 0."""
    position = settling.in_the_last_block(one.here)["position"]
    at = len(one.here.ids) - 1 if position is None else position
    last_two = one.here.trace.lens((at,), top=1).token_ids[0, -2:, 0].tolist()
    words = {token for token in one.here.ids if one.here.model.tokenizer.decode((token,)).strip().isalpha()}
    return float(words >= set(last_two) and last_two[0] != last_two[1])


def _prob_at(one: Candidate, place: Mapping[str, Any]) -> float:
    if not place:
        return 0.0
    found, position = settling.settled(one.here), place["position"]
    return float(found.prob[-1 if position is None else int(np.flatnonzero(found.positions == position)[0])])


# Two texts.


def differing_tokens(one: Candidate) -> float:
    """In how many tokens they differ; NaN where one has more than the other."""
    into, source = one.texts
    return float(np.sum(np.array(into.ids) != source.ids)) if one.texts.are_of_one_length else math.nan


def own_next_word(one: Candidate) -> float:
    """The probability that each text goes on with the word in which it differs, of the less sure text."""
    at = one.texts.first_difference
    return min(float(probabilities(runtime.trace(run).logits)[run.ids[at]]) for run in one.texts)


def logits_apart(one: Candidate) -> float:
    """How far one text's logit difference lies from the other's."""
    shown = patching.cells(one.here, one.texts, "resid_pre")
    return abs(shown.after - shown.before)


def handed_over(one: Candidate) -> float:
    """The share that the last position carries when it has come to carry most; 0 where that never happens."""
    shown = patching.cells(one.here, one.texts, "resid_pre")
    start = patching.hand_over(shown)
    return 0.0 if start is None or start >= one.here.config.n_layers else float(shown.recovered[start, -1])


def by_one_head(one: Candidate) -> float:
    """The largest share of the difference that one head brings over."""
    return float(patching.heads(one.here, one.texts).recovered.max())
