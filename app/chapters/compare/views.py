"""Two runs, A and B: what differs, their next tokens, their surprise, and what one head does in both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app import runtime
from app.asked import probabilities
from app.engine import EngineModel
from app.pinned import Pinned
from app.runtime import Here
from gptcore.checks import TOLERANCE, Check
from gptcore.run import Run


def of_view(here: Here) -> Pinned:
    """What is in view, as B."""
    return Pinned(here.model, here.run)


def differences(a: Pinned, b: Pinned) -> list[str]:
    """What differs, in words: model, text, intervention."""
    found = []
    if a.run.model != b.run.model:
        found.append(f"the model ({a.model.name} and {b.model.name})")
    if texts_of(a) != texts_of(b):
        at = shared(a, b)
        found.append(f"the text from position {at} on")
    if a.run.intervention != b.run.intervention:
        found.append("what is switched off or patched")
    return found


def texts_of(side: Pinned) -> tuple[str, ...]:
    """The visible texts of its tokens."""
    return tuple(side.model.tokenizer.text_of(token) for token in side.run.ids)


def shared(a: Pinned, b: Pinned) -> int:
    """How many tokens both texts share at their beginning."""
    pairs = enumerate(zip(texts_of(a), texts_of(b), strict=False))
    return next((place for place, (x, y) in pairs if x != y), min(len(a.run.ids), len(b.run.ids)))


@dataclass(frozen=True, eq=False)
class NextTokens:
    """The likeliest next tokens of both, by their text, since ids of two vocabularies are not the same."""

    texts: list[str]
    a: np.ndarray
    b: np.ndarray


def next_tokens(a: Pinned, b: Pinned, count: int = 6) -> NextTokens:
    """Of each the likeliest `count`, A's first."""
    probs = [probabilities(runtime.trace(side.run).logits) for side in (a, b)]
    best = [[int(token) for token in np.argsort(-each, kind="stable")[:count]] for each in probs]
    if a.model.tokenizer.vocabulary() == b.model.tokenizer.vocabulary():
        ids = sorted({*best[0], *best[1]}, key=lambda token: (-probs[0][token], token))
        return NextTokens([a.model.tokenizer.text_of(token) for token in ids], probs[0][ids], probs[1][ids])
    named = [{side.model.tokenizer.text_of(token): token for token in ids} for side, ids in zip((a, b), best, strict=True)]
    texts = list(dict.fromkeys([*named[0], *named[1]]))
    return NextTokens(
        texts, *(np.array([_of(side.model, each, text) for text in texts]) for side, each in zip((a, b), probs, strict=True))
    )


def _of(model: EngineModel, probs: np.ndarray, text: str) -> float:
    """The probability of the token that looks so; 0 where the vocabulary has none."""
    places = [token for token, each in enumerate(runtime.vocabulary_texts(model.identity)) if each == text]
    return float(probs[places].sum())


def divergence(a: Pinned, b: Pinned) -> float | None:
    """From A's next-token distribution to B's, in bits; None between two vocabularies."""
    if a.model.tokenizer.vocabulary() != b.model.tokenizer.vocabulary():
        return None
    one, other = (probabilities(runtime.trace(side.run).logits) for side in (a, b))
    seen = one > 0
    return float((one[seen] * (np.log2(one[seen]) - np.log2(np.maximum(other[seen], 1e-300)))).sum())


def bits(side: Pinned) -> np.ndarray:
    """How surprising each token after the first is."""
    return np.asarray(-np.log2(np.maximum(runtime.token_probabilities(side.run), 1e-300)))


def bits_per_byte(side: Pinned) -> float:
    """Of the text after its first token: what two models can be compared in, whatever their tokens are."""
    n_bytes = sum(len(side.model.tokenizer.bytes_of(token)) for token in side.run.ids[1:])
    return float(bits(side).sum()) / n_bytes if n_bytes else math.nan


def heads_compare(a: Pinned, b: Pinned) -> str:
    """Why no map of one head can be subtracted from the other's; "" where it can."""
    if a.run.model != b.run.model:
        return "Heads of two models are other heads, so their maps are not subtracted."
    if len(a.run.ids) != len(b.run.ids):
        return f"A has {len(a.run.ids):,} tokens and B {len(b.run.ids):,}: cells of their maps stand for other pairs, so they are not subtracted."
    return ""


def pattern_difference(a: Pinned, b: Pinned, layer: int, head: int, newest: int) -> np.ndarray:
    """B's attention weights less A's, at the newest positions [query, key]; NaN for the future."""
    n_tokens = len(a.run.ids)
    first = max(0, n_tokens - newest)
    rows = list(range(first, n_tokens))
    one, other = (runtime.trace(side.run).attention(layer, rows, (head,)).pattern[0][:, first:] for side in (a, b))
    return np.where(np.tri(len(rows), dtype=bool), other - one, np.nan).astype(np.float32)


def check_next(a: Pinned, b: Pinned) -> list[Check]:
    """That the shown surprise is that of each text's own probabilities, by another path: its logits."""
    found = []
    for name, side in (("A", a), ("B", b)):
        if len(side.run.ids) < 2:
            continue
        own = Run(side.run.model, side.run.ids[:-1], side.run.intervention).beginning(len(side.run.ids) - 1)
        again = float(probabilities(runtime.trace(own).logits)[side.run.ids[-1]])
        given = float(runtime.token_probabilities(side.run)[-1])
        said = f"The probability of {name}'s newest token against a run without it. Deviation in probability, of 1."
        found.append(Check(f"Newest token of {name}", said, abs(again - given), TOLERANCE))
    return found
