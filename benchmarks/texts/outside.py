"""What goes into the model and what comes out, as figures: how a text is cut and expected, and how the model writes on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from app import runtime, sequence
from app.chapters.embeddings import views as embeddings
from app.chapters.sampling import greedy, stops
from app.chapters.sampling import views as sampling
from app.chapters.sampling.story import rounds
from app.chapters.tokens import surprise_views
from app.view import View
from app.words import word_numbers
from benchmarks.texts.candidate import Candidate
from benchmarks.texts.criteria import different_runs, equal_choices, stands_out

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


def whole_word_surprises(one: Candidate) -> float:
    """1 where the most surprising token is a word by itself, as the page names it; else 0."""
    table = _judged(one)
    token = one.here.model.tokenizer.decode((int(table["token_id"][table["bits"].idxmax()]),))
    word = table["word"] == table["word"][table["bits"].idxmax()]
    letters = [each for each in table["token"][word] if each.strip("␣").isalpha()]
    return float(token.startswith(" ") and len(letters) == 1)


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
