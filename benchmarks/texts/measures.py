"""What a text shows in the running model, as figures: by the functions that the pages use themselves."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from app import focus, runtime, sequence, settling, silence, standouts
from app.asked import probabilities
from app.chapters.attention.sink import taken
from app.chapters.embeddings import views as embeddings
from app.chapters.feed_forward import views as feed_forward
from app.chapters.patching import views as patches
from app.chapters.sampling import greedy, stops
from app.chapters.sampling import views as sampling
from app.chapters.sampling.story import rounds
from app.chapters.tokens import surprise_views
from app.engine import queued
from app.runtime import Here
from app.texts import begun_otherwise, both
from app.view import View
from app.words import word_numbers
from benchmarks.texts.criteria import different_runs, equal_choices, seen_before, stands_out
from gptcore.activations import FeedForwardActivations
from gptcore.input_effects import token_effects
from gptcore.run import Ablation
from gptcore.trace import Trace

LOOK_UP_HEADS = 4  # that the page of what-if offers to switch off together
WRITTEN, SEEDS = 30, (1, 2)  # tokens of each continuation that is judged


class Candidate:
    """A text before a model, as a visitor would have it. text: [a|b] for two texts that differ in this word."""

    def __init__(self, text: str, model: str) -> None:
        self.text, self.model = text, model
        self.prompts = both(text)

    @cached_property
    def here(self) -> Here:
        """With the cursor on the newest token."""
        return self.place(self.prompts[0])

    def place(self, prompt: str) -> Here:
        return runtime.here_of(View(model=self.model, prompt=prompt))

    @cached_property
    def next_probs(self) -> np.ndarray:
        return probabilities(self.here.trace.logits)

    @cached_property
    def likeliest(self) -> tuple[int, int]:
        """The two likeliest next tokens."""
        first, second = np.argsort(-self.next_probs, kind="stable")[:2].tolist()
        return first, second

    @cached_property
    def continuations(self) -> list[tuple[int, ...]]:
        """What the usual settings write after it."""
        usual = sequence.settings(View())
        return [sampling.continuation(self.here.run, replace(usual, seed=seed), count=WRITTEN) for seed in SEEDS]

    @cached_property
    def texts(self) -> patches.TwoTexts:
        other = self.here.model.tokenizer.encode(self.prompts[1])
        return patches.two_texts(self.here, other, "into")


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


def _prob_at(one: Candidate, place: dict[str, int | None]) -> float:
    if not place:
        return 0.0
    found, position = settling.settled(one.here), place["position"]
    return float(found.prob[-1 if position is None else int(np.flatnonzero(found.positions == position)[0])])


# What is written on.


def rounds_of_the_circle(one: Candidate) -> float:
    """How often the greedy text goes round, as the page writes it; 0 where it does not."""
    found = sampling.loop(greedy.text(one.here))
    return found.length / found.period if found else 0.0


def before_the_circle(one: Candidate) -> float:
    """Tokens that are written before it begins."""
    found = sampling.loop(greedy.text(one.here))
    return float(found.start) if found else math.nan


def surer_with_each_round(one: Candidate) -> float:
    """Mean probability of the tokens of the last round, as a multiple of the first's."""
    written = greedy.text(one.here)
    if (found := sampling.loop(written)) is None:
        return 0.0
    first, last = rounds(one.here, written, found)
    return last / first


def end_of_text(one: Candidate) -> float:
    """Probability that the next token ends the text."""
    return stops.probability_of_the_end(one.here)


def ends_reached(one: Candidate) -> float:
    """Of the three ways in which a text stops, how many this one takes when it is asked to, with the usual settings."""
    usual = sequence.settings(View())
    found = {why: stops.ended_by(why, one.here, usual) for why in stops.WHY}
    return float(sum(ended is not None and ended.stopped == why for why, ended in found.items()))


# Two texts.


def differing_tokens(one: Candidate) -> float:
    """In how many tokens they differ; NaN where one has more than the other."""
    into, source = one.texts
    return float(np.sum(np.array(into.ids) != source.ids)) if one.texts.are_of_one_length else math.nan


def own_next_word(one: Candidate) -> float:
    """The probability of each text's likeliest token, of the less sure text; 0 where both have the same."""
    found = [probabilities(runtime.trace(run).logits) for run in one.texts]
    return 0.0 if found[0].argmax() == found[1].argmax() else float(min(each.max() for each in found))


def logits_apart(one: Candidate) -> float:
    """How far one text's logit difference lies from the other's."""
    shown = patches.cells(one.here, one.texts, "resid_pre")
    return abs(shown.after - shown.before)


def handed_over(one: Candidate) -> float:
    """The share that the last position carries when it has come to carry most; 0 where that never happens."""
    shown = patches.cells(one.here, one.texts, "resid_pre")
    start = patches.hand_over(shown)
    return 0.0 if start is None or start >= one.here.config.n_layers else float(shown.recovered[start, -1])


def by_one_head(one: Candidate) -> float:
    """The largest share of the difference that one head brings over."""
    return float(patches.heads(one.here, one.texts).recovered.max())


# Tokens, embeddings, the whole block.


def most_parts(one: Candidate) -> float:
    """Into how many tokens the word is cut that is cut into most."""
    return float(max(_parts(one)))


def other_parts(one: Candidate) -> float:
    """Tokens of each of the other words, on average."""
    return float(np.mean(sorted(_parts(one))[:-1]))


def _parts(one: Candidate) -> list[int]:
    tokenizer = one.here.model.tokenizer
    return [len(tokenizer.encode_piece(piece)) for piece in tokenizer.pre_split(one.text)]


def last_word_surprises(one: Candidate) -> float:
    """Bits of the last word, as a multiple of those of the most surprising other one."""
    return stands_out(_judged(one).groupby("word")["bits"].sum().tolist())


def last_word_has_the_most_surprising_token(one: Candidate) -> float:
    """The same of single tokens."""
    return stands_out(_judged(one).groupby("word")["bits"].max().tolist())


def _judged(one: Candidate) -> pd.DataFrame:
    tokenizer = one.here.model.tokenizer
    ids = surprise_views.text_ids(tokenizer, one.text)
    found = surprise_views.judged(one.here.model.run(ids))
    return surprise_views.tokens(tokenizer, found)


def relatives(one: Candidate) -> float:
    """How far the nearest row lies above the mean of all, in standard deviations, for the last token."""
    return _away(one)[one.here.ids[-1]]


def relatives_of_all(one: Candidate) -> float:
    """The same over the text's different tokens, on average."""
    return float(np.mean(list(_away(one).values())))


def _away(one: Candidate) -> dict[int, float]:
    found = embeddings.neighbours(one.here)
    return {token: (float(near.cosine[0]) - near.others_mean) / near.others_std for token, near in found.items()}


def learned(one: Candidate) -> float:
    """Bits per token as a share of those of a uniform guess."""
    bits = -np.log2(runtime.token_probabilities(one.here.run))
    return float(bits.mean()) / surprise_views.blind_guess(one.here.config.vocab_size)


# Presets.


def surest(one: Candidate) -> float:
    """Probability of the likeliest next token."""
    return float(one.next_probs.max())


def ways_to_go_on(one: Candidate) -> float:
    """As how many equally likely tokens the next one is."""
    return equal_choices(one.next_probs)


def varied(one: Candidate) -> float:
    """The share of different runs of three tokens in all continuations."""
    return different_runs(one.continuations)


def whole_words(one: Candidate) -> float:
    """The share of words, in all continuations, that are one token: what the model makes up is cut into more."""
    found = []
    for ids in one.continuations:
        pieces = [one.here.model.tokenizer.bytes_of(token) for token in ids]
        words = np.bincount(word_numbers([piece for piece in pieces if piece.strip().isalpha()]))
        found += words[words > 0].tolist()
    return float(np.mean(np.array(found) == 1)) if found else math.nan


def closed_speech(one: Candidate) -> float:
    """The share of continuations that close the quotation marks which the text leaves open."""
    decoded = [one.here.model.tokenizer.decode(ids) for ids in one.continuations]
    return float(np.mean(['"' in text for text in decoded]))
