"""Surprise at each token -> what the page draws: tokens, words, and the text as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app import runtime
from app.engine import queued
from app.recent import MB, Recent
from app.words import word_numbers
from app.writing.numbers import fixed, percent
from gptcore.checks import Check
from gptcore.errors import SequenceLengthError
from gptcore.language_model import LanguageModel
from gptcore.run import Run
from gptcore.surprise import Judged, Surprise, joined, judge, surprise, windows
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace

LONGEST_NAMED = 60  # characters of a word that is named with each of its tokens
EXPECTED = 3  # tokens that are named as expected
ROWS_AT_ONCE = 32  # judged in one turn of the queue
MOST_TOKENS = 1024  # read at once: one pass of GPT-2, a few of a model with a shorter context
TOLERANCE = 1e-4  # of the largest surprise: bits are differences of logits, which are larger than they
_MOST_ALONE = 32  # tokens that are judged again by themselves


@dataclass(frozen=True)
class Whole:
    """The judged text as a whole: characters, words, tokens, and the sum of their bits."""

    characters: int
    words: int
    tokens: int
    bits: float

    @property
    def bits_per_character(self) -> float:
        return self.bits / self.characters if self.characters else 0.0

    @property
    def bits_per_token(self) -> float:
        return self.bits / self.tokens if self.tokens else 0.0


_JUDGED: Recent[Surprise] = Recent(16 * MB)  # some 100 KB each for 1,024 tokens


def judged(run: Run, progress: Callable[[float], object] = lambda _: None) -> Surprise:
    """The surprise at each token after the first, computed once for everybody.

    In pieces, between which others have their turn in the queue; progress is told which share is there, from 0 to 1.
    """
    return _JUDGED.get(run, lambda: _in_pieces(run, progress))


def _in_pieces(run: Run, progress: Callable[[float], object]) -> Surprise:
    model = runtime.named(run.model)
    passes = windows(len(run.ids), model.config.context_length, run.intervention)
    parts: list[Judged] = []
    for window in passes:
        seen = model.trace(Run(run.model, run.ids[window.start : window.stop], run.intervention))
        for first in range(window.first, window.stop + 1, ROWS_AT_ONCE):
            targets = run.ids[first : min(first + ROWS_AT_ONCE, window.stop + 1)]
            parts.append(_judge(seen, first - 1 - window.start, targets))
            progress((first + len(targets)) / len(run.ids))
    return joined(run.ids, parts, passes, min(EXPECTED + 1, model.config.vocab_size))


@queued
def _judge(trace: Trace, first: int, targets: Sequence[int]) -> Judged:
    return judge(trace, first, targets, top=EXPECTED + 1)


@queued
def _alone(model: LanguageModel, run: Run) -> Surprise:
    """In one pass of its own, whatever is kept."""
    return surprise(model, run.ids, EXPECTED + 1, run.intervention)


def text_ids(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    """A text of the visitor's own as token ids, behind the start token, so that its first token is predicted too.

    Raises SequenceLengthError for more than MOST_TOKENS tokens.
    """
    ids = tokenizer.encode_text(text)
    if len(ids) > MOST_TOKENS:
        raise SequenceLengthError(
            f"This text has {len(ids):,} tokens; at most {MOST_TOKENS:,} are read at once. Shorten it by {len(ids) - MOST_TOKENS:,}."
        )
    start = () if tokenizer.start_id is None else (tokenizer.start_id,)
    return start + ids


def tokens(tokenizer: Tokenizer, found: Surprise, first: int = 0) -> pd.DataFrame:
    """One line a judged token: position, token_id, token, bits, rank, probability, word (its number), and expected_1 ... with
    expected_1_probability ...: the tokens that the model held likeliest there. first: position of the first judged token."""
    table = pd.DataFrame(
        {
            "position": range(first, first + len(found.ids)),
            "token_id": found.ids,
            "token": [tokenizer.text_of(i) for i in found.ids],
            "bits": found.bits,
            "rank": found.rank,
            "probability": found.probs,
            "word": word_numbers([tokenizer.bytes_of(i) for i in found.ids]),
        }
    )
    for k in range(found.expected.shape[1]):
        table[f"expected_{k + 1}"] = [tokenizer.text_of(int(i)) for i in found.expected[:, k]]
        table[f"expected_{k + 1}_probability"] = found.expected_probs[:, k]
    return table


def words(table: pd.DataFrame) -> pd.DataFrame:
    """word (its number), text, position (of its first token), tokens, bits (their sum): one line a word."""
    grouped = table.groupby("word", sort=True)
    return pd.DataFrame(
        {
            "text": grouped["token"].agg("".join),
            "position": grouped["position"].first(),
            "tokens": grouped["token"].count(),
            "bits": grouped["bits"].sum(),
        }
    ).reset_index()


def whole(tokenizer: Tokenizer, found: Surprise, table: pd.DataFrame) -> Whole:
    """The sums."""
    return Whole(len(tokenizer.decode(found.ids)), int(table["word"].nunique()), len(found.ids), float(found.bits.sum()))


def about_first(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Why the first token, before which nothing stands, is in no count. ids: at least two."""
    first = tokenizer.text_of(ids[0])
    if ids[0] == tokenizer.start_id:
        return (
            f"The app put {first} before this text, so that its first token is predicted too. That special token is not counted."
        )
    rest = "" if tokenizer.bytes_of(ids[1])[:1].isspace() else " Of its word only the rest is."
    return f"Nothing comes before the first token, {first}, so nothing predicted it: it is not counted.{rest}"


def facts(found: Surprise, table: pd.DataFrame, words: pd.DataFrame, vocab_size: int) -> list[tuple[tuple[str, ...], ...]]:
    """What is said of each token when it is pointed at: lines of plain words and, at every second place, the text of a token.

    table, words: of the tokens that were found.
    """
    sums = words.set_index("word")
    several = sums["tokens"].to_dict()
    bits, texts = sums["bits"].to_dict(), sums["text"].to_dict()
    out = []
    for line, likeliest in zip(table.itertuples(), found.expected, strict=True):
        head = (
            "",
            line.token,
            f" {fixed(line.bits, 1)} bits · probability {chance(line.probability)} · rank {line.rank:,} of {vocab_size:,}",
        )
        named = [k for k, token_id in enumerate(likeliest, 1) if line.rank == 1 or token_id != line.token_id][:EXPECTED]
        expected = ["As expected" if line.rank == 1 else "Expected instead"]
        for k in named:
            expected[-1] += ": " if k == named[0] else " · "
            expected += [getattr(line, f"expected_{k}"), f" {percent(getattr(line, f'expected_{k}_probability'))}"]
        together: tuple[tuple[str, ...], ...] = ()
        if several[line.word] > 1:
            together = (
                (
                    "The whole word ",
                    shortened(texts[line.word]),
                    f" {fixed(bits[line.word], 1)} bits in {several[line.word]} tokens",
                ),
            )
        out.append((head, tuple(expected), *together))
    return out


def shortened(word: str) -> str:
    """A word as each of its tokens names it: of a very long one both ends, or it would stand there once for each of its tokens."""
    if len(word) <= LONGEST_NAMED:
        return word
    return f"{word[: LONGEST_NAMED // 2]}…{word[-LONGEST_NAMED // 2 :]}"


def chance(probability: float) -> str:
    """ "3.2 %", and below a thousandth "1 in 150,000", which tells the rare from the very rare."""
    if probability >= 0.001:
        return percent(probability)
    one_in = 1 / probability
    step = 10 ** (math.floor(math.log10(one_in)) - 1)
    return f"1 in {round(one_in / step) * step:,}"


def blind_guess(vocab_size: int) -> float:
    """The surprise, in bits, of one who holds all tokens equally likely; the upper end of the colours."""
    return math.log2(vocab_size)


def self_checks(run: Run, found: Surprise) -> list[Check]:
    """The beginning of the text, run by itself, must surprise as much as it did within the whole. A single judged token is its own
    beginning: it must surprise as the chips of the timeline say."""
    if not found.ids:
        return []
    if len(found.ids) == 1:
        return [_single_check(run, found)]
    alone = min(_MOST_ALONE, (len(run.ids) + 1) // 2)
    again = _alone(runtime.named(run.model), run.beginning(alone + 1))
    apart = float(np.abs(again.bits - found.bits[:alone]).max() / max(found.bits.max(), 1e-30))
    return [
        Check(
            "Start alone",
            f"The first {alone} judged tokens, run without the rest, surprise as much: none is judged by what comes after it. "
            "Deviation as a share of the largest surprise.",
            apart,
            TOLERANCE,
        )
    ]


def _single_check(run: Run, found: Surprise) -> Check:
    """run: of two ids."""
    (probability,) = runtime.token_probabilities(run)
    bits = -float(np.log2(probability))
    said = (
        "The bits of the one judged token, against the probability that the kept run of the model gave it, as in the timeline's chips. "
        "Deviation as a share of its surprise."
    )
    return Check("One token", said, abs(float(found.bits[0]) - bits) / max(bits, 1e-30), TOLERANCE)
