"""Logits through two settings, many draws, uncertainty over temperature, and texts that run in circles: the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from app import runtime
from app.engine import queued
from app.recent import MB, Recent, keeping
from app.writing.numbers import significant
from gptcore.checks import Check
from gptcore.config import GPTConfig
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.random_numbers import random_number
from gptcore.run import Run
from gptcore.sampling import Candidates, SamplingSettings, Selection, candidates, select

# The nine-word example of the book: the words that may follow "every effort moves you", with their logits.
NINE_WORDS = {
    "closer": 4.51, "every": 0.89, "effort": -1.90, "forward": 6.75, "inches": 1.63, "moves": -1.62, "pizza": -1.89,
    "toward": 6.28, "you": 1.79,
}  # fmt: skip
NINE_WORDS_POSITION = 4  # "every effort moves you" stands at 0 to 3
# As printed: what a cut to the best three leaves, in the order of the words, and "pizza" at temperature 5.
PUBLISHED_TOP_3 = {"closer": 0.0615, "forward": 0.5775, "toward": 0.3610}
PUBLISHED_PIZZA = 0.043
SHOWN = 12  # candidates in figures and tables
TEMPERATURES = np.round(np.arange(0.1, 3.01, 0.05), 2)
KEPT = 16 * MB  # of sorted logits, curves and random numbers: at most a megabyte a sequence
CHECKED_DRAWS = 8  # draws that are made again one by one
WRITTEN = 80  # tokens of the greedy text: enough for a loop to come round
GREEDY_TOKENS = 40  # of it that are written at once
_WORK = 4e9  # multiplications of these
AT_ONCE = 2  # tokens of it in one turn in the queue: others get theirs in between


@dataclass(frozen=True, eq=False)  # each is its own key, where something is kept for it
class Given:
    """What is chosen from. candidates: the logits in candidate order; texts: of the SHOWN best; position: where the token will
    stand, which picks the random number; published: whether there are printed figures to check against."""

    candidates: Candidates
    texts: tuple[str, ...]
    position: int
    published: bool = False


def nine_words() -> Given:
    """The example: nine words with their published logits."""
    words, logits = list(NINE_WORDS), np.array(list(NINE_WORDS.values()))
    found = candidates(logits)
    return Given(found, tuple(words[i] for i in found.order), NINE_WORDS_POSITION, published=True)


@keeping(KEPT)
def live(run: Run) -> Given:
    """The model's logits for the token after these ids."""
    trace = runtime.trace(run)
    found = candidates(trace.logits)
    text_of = trace.model.tokenizer.text_of
    return Given(found, tuple(text_of(int(i)) for i in found.order[:SHOWN]), len(run.ids))


def shortlist(first: Selection, second: Selection, texts: Sequence[str]) -> pd.DataFrame:
    """rank (1 is the first), token_id, token, logit, model (probability at temperature 1), first, second (after all cuts),
    and the name of the stage that cut it, "" if it is kept."""
    n = len(texts)
    return pd.DataFrame(
        {
            "rank": range(1, n + 1),
            "token_id": first.token_ids[:n],
            "token": texts,
            "logit": first.logits[:n],
            "model": first.base_probs[:n],
            "first": first.final_probs[:n],
            "second": second.final_probs[:n],
            "first_cut_by": [first.cut_by(rank) or "" for rank in range(n)],
            "second_cut_by": [second.cut_by(rank) or "" for rank in range(n)],
        }
    )


@keeping(KEPT)
def random_numbers(seed: int, count: int) -> np.ndarray:
    """The numbers in [0, 1) that this seed gives to positions 0 ... count - 1; read-only."""
    found = np.array([random_number(seed, position) for position in range(count)])
    found.flags.writeable = False
    return found


def draws(choice: Selection, count: int) -> np.ndarray:
    """`count` draws from the kept candidates, with the seed of the settings: the rank that came out (0 is the first) at each
    position from 0 on, as `select` would have it there."""
    bounds = np.cumsum(choice.final_probs[: choice.kept])
    bounds[-1] = 1.0  # whatever the rounding, the last one ends at 1
    return np.searchsorted(bounds, random_numbers(choice.settings.seed, count), side="right")


def draw_table(choice: Selection, ranks: np.ndarray, texts: Sequence[str]) -> pd.DataFrame:
    """One line a shown candidate that is kept, and one for all others together. exact: its probability; count, drawn: how often it
    came and what share that is; error: the standard error to expect of that share, sqrt(p (1 - p) / n); errors_off: how many of
    these it is off, 0 where none is to be expected."""
    shown = min(choice.kept, len(texts))
    counts = np.bincount(ranks, minlength=choice.kept)
    exact, names, seen = choice.final_probs[:shown].tolist(), list(texts[:shown]), counts[:shown].tolist()
    if choice.kept > shown:
        exact.append(float(choice.final_probs[shown:].sum()))
        more = choice.kept - shown
        names.append(f"{more:,} {'other' if more == 1 else 'others'}")
        seen.append(int(counts[shown:].sum()))
    p, drawn = np.array(exact), np.array(seen) / len(ranks)
    error = np.sqrt(np.clip(p * (1 - p), 0, None) / len(ranks))
    off = np.divide(drawn - p, error, out=np.zeros_like(p), where=error > 1e-12)
    return pd.DataFrame({"token": names, "exact": p, "count": seen, "drawn": drawn, "error": error, "errors_off": off})


def uncertainty(logits: np.ndarray, temperatures: np.ndarray = TEMPERATURES) -> pd.DataFrame:
    """temperature, entropy (bits), choices (2 to the power of it): of the whole distribution, before any cut."""
    below_best = (logits - logits.max()).astype(np.float64)
    below_best = below_best[np.isfinite(below_best)]
    entropies = []
    for temperature in temperatures:
        scaled = below_best / temperature
        weights = np.exp(scaled)
        total = weights.sum()
        entropies.append(max(0.0, (math.log(total) - float((weights * scaled).sum()) / total) / math.log(2)))
    entropy = np.array(entropies)
    return pd.DataFrame({"temperature": temperatures, "entropy": entropy, "choices": 2.0**entropy})


@keeping(KEPT)
def uncertainty_of(given: Given) -> pd.DataFrame:
    """The curve of `uncertainty`, which depends on the logits alone and is the same for all settings. Not to be changed."""
    return uncertainty(given.candidates.logits)


def mass_checks(choice: Selection) -> list[Check]:
    """What the stages left, added up in another way."""
    shares = choice.stages[-1].mass_kept + sum(stage.mass_cut for stage in choice.stages)
    return [
        Check(
            "Mass", "What is kept plus what each stage cut, against 100 %. Deviation in probability, of 1.", abs(shares - 1), 1e-9
        ),
        Check(
            "Kept",
            "Sum of the probabilities after all cuts, against 100 %. Deviation in probability, of 1.",
            abs(float(choice.final_probs.sum()) - 1),
            1e-9,
        ),
    ]


def draw_check(choice: Selection, ranks: np.ndarray, given: Given) -> Check:
    """The first draws, each made again as a choice of its own."""
    some = range(min(CHECKED_DRAWS, len(ranks)))
    others = sum(select(given.candidates, choice.settings, i).chosen_rank != ranks[i] for i in some)
    return Check(
        "Draws",
        f"The first {len(some)} draws against the model's own choice there. Deviation in draws that differ.",
        float(others),
        0.0,
    )


def entropy_check(choice: Selection, given: Given) -> Check:
    """The formula behind the curve against the sum over all tokens. At temperature 0, both are 0."""
    temperature = choice.settings.temperature
    curve = float(uncertainty(given.candidates.logits, np.array([temperature]))["entropy"].iloc[0]) if temperature else 0.0
    description = (
        f"The curve's formula at temperature {significant(temperature)} against the sum over all tokens. Deviation in bits."
    )
    return Check("Entropy", description, abs(curve - choice.entropy), 1e-6)


def published_checks() -> list[Check]:
    """The nine words against the printed figures: the cut to three, and "pizza" at temperature 5."""
    given = nine_words()
    three, warm = (
        dict(zip(given.texts, select(given.candidates, settings, given.position).final_probs, strict=True))
        for settings in (SamplingSettings(top_k=3), SamplingSettings(temperature=5))
    )
    apart = max(abs(float(three[word]) - printed) for word, printed in PUBLISHED_TOP_3.items())
    return [
        Check(
            "Published top-k 3",
            "The three probabilities that a cut to the best three leaves, printed with 4 decimals. Deviation in probability, of 1.",
            apart,
            5e-5,
        ),
        Check(
            "Published temperature 5",
            'The probability of "pizza", printed as 4.3 %. Deviation in probability, of 1.',
            abs(float(warm["pizza"]) - PUBLISHED_PIZZA),
            5e-4,
        ),
    ]


@dataclass(frozen=True)
class Loop:
    """A stretch that repeats. start: its first token; period: tokens of one round; length: tokens in all, at least two rounds."""

    start: int
    period: int
    length: int


def loop(ids: Sequence[int]) -> Loop | None:
    """The longest stretch of ids that is one round, repeated at least once in full; None if there is none of 6 tokens or more."""
    array, best = np.asarray(ids), None
    for period in range(1, len(array) // 2 + 1):
        same = np.concatenate([[False], array[period:] == array[:-period], [False]]).astype(int)
        starts, ends = np.flatnonzero(np.diff(same) == 1), np.flatnonzero(np.diff(same) == -1)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            length = end - start + period
            if end - start >= period and length >= 6 and (best is None or length > best.length):
                best = Loop(start, period, length)
    return best


_CONTINUED: Recent[tuple[int, ...]] = Recent(MB)


def greedy_count(config: GPTConfig) -> int:
    """How many tokens of the greedy text are written without being asked for: some 0.2 s of a small model, a few of a large one."""
    size = config.n_layers * 12 * config.emb_dim**2 + config.vocab_size * config.emb_dim
    return max(8, min(GREEDY_TOKENS, int(_WORK / size)))


def continuation(
    run: Run, settings: SamplingSettings, progress: Callable[[float], object] = lambda _: None, count: int = WRITTEN
) -> tuple[int, ...]:
    """Up to `count` tokens after the sequence: fewer where the context is full or the model ends its text.

    In pieces, between which others have their turn in the queue; progress is told which share is there, from 0 to 1.
    """
    return _CONTINUED.get((run, settings, count), lambda: _in_pieces(run, settings, progress, count))


def _in_pieces(run: Run, settings: SamplingSettings, progress: Callable[[float], object], count: int) -> tuple[int, ...]:
    model, ids, goes_on = runtime.named(run.model), run.ids, True
    while goes_on and len(ids) < len(run.ids) + count:
        ids, goes_on = _written_on(model, replace(run, ids=ids), settings, min(AT_ONCE, len(run.ids) + count - len(ids)))
        progress((len(ids) - len(run.ids)) / count)
    return ids[len(run.ids) :]


@queued
def _written_on(model: LanguageModel, run: Run, settings: SamplingSettings, count: int) -> tuple[tuple[int, ...], bool]:
    """The sequence with up to `count` tokens more, and whether others may follow."""
    *_, last = generate(model, run.ids, max_new_tokens=count, intervention=run.intervention, **asdict(settings))
    return last.ids, last.stopped == "count"
