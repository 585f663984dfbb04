"""Two runs, A and B: what differs, their next tokens, their surprise, and what one head does in both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app import exchange, offered, runtime, sequence
from app.asked import probabilities
from app.engine import EngineModel
from app.pinned import Pinned
from app.runtime import Here
from gptcore.checks import TOLERANCE, Check
from gptcore.run import Run
from gptcore.sampling import select


def of_view(here: Here) -> Pinned:
    """What is in view, as B."""
    return Pinned(here.model, here.run, sequence.settings(here.view))


def without_a_pin(whole: Here, here: Here) -> Pinned | None:
    """What B was before it was changed: the same text with everything on, or before a token was exchanged. None where it is as it was.
    here: how far B goes."""
    settings = sequence.settings(whole.view)
    if whole.view.intervention is not None:
        return Pinned(here.model, here.clean, settings)
    known = exchange.exchanged(whole)
    if known is None or known.position >= len(here.ids):
        return None
    return Pinned(here.model, known.run.beginning(len(here.ids)), settings)


def differences(a: Pinned, b: Pinned) -> list[str]:
    """What differs, in words: model, text, intervention, settings."""
    found = []
    if a.run.model != b.run.model:
        found.append(f"the model ({offered.called(a.model.name)} and {offered.called(b.model.name)})")
    if texts_of(a) != texts_of(b):
        at = shared(a, b)
        found.append(f"the text from position {at} on")
    if a.run.intervention != b.run.intervention:
        found.append("what is switched off or patched")
    names = {"temperature": "temperature", "top_k": "top-k", "top_p": "top-p", "min_p": "min-p", "seed": "the seed"}
    return found + [words for name, words in names.items() if getattr(a.settings, name) != getattr(b.settings, name)]


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


def chances(side: Pinned, drawn: bool) -> np.ndarray:
    """The probability of every token to be next: the model's own, or, `drawn`, after temperature and cuts."""
    logits = runtime.trace(side.run).logits
    if not drawn:
        return probabilities(logits)
    found = select(logits, side.settings, position=len(side.run.ids))
    chance = np.empty(len(found.token_ids))
    chance[found.token_ids] = found.final_probs
    return chance


def next_tokens(a: Pinned, b: Pinned, drawn: bool = False, count: int = 6) -> NextTokens:
    """Of each the likeliest `count`, A's first; drawn: as in `chances`."""
    probs = [chances(side, drawn) for side in (a, b)]
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


def pattern(side: Pinned, layer: int, head: int, newest: int) -> np.ndarray:
    """Attention weights at the newest positions [query, key]; NaN for the future."""
    first = max(0, len(side.run.ids) - newest)
    rows = list(range(first, len(side.run.ids)))
    found = runtime.trace(side.run).attention(layer, rows, (head,)).pattern[0][:, first:]
    return np.where(np.tri(len(rows), dtype=bool), found, np.nan).astype(np.float32)


def pattern_difference(a: Pinned, b: Pinned, layer: int, head: int, newest: int) -> np.ndarray:
    """B's attention weights less A's, as `pattern`."""
    return pattern(b, layer, head, newest) - pattern(a, layer, head, newest)


@dataclass(frozen=True, eq=False)
class Depths:
    """The lens at the newest token of one side. texts, probs: the likeliest token at each depth, before block 0 first; target: the token
    that is followed, by its text; target_probs: its probability at each depth."""

    texts: list[str]
    probs: np.ndarray
    target: str
    target_probs: np.ndarray


def depths(a: Pinned, b: Pinned) -> tuple[Depths, Depths]:
    """Both sides. Of one vocabulary both follow B's likeliest token, of two each its own."""
    target = int(runtime.trace(b.run).logits.argmax())
    shared = a.model.tokenizer.vocabulary() == b.model.tokenizer.vocabulary()
    return _depths(a, target if shared else int(runtime.trace(a.run).logits.argmax())), _depths(b, target)


def _depths(side: Pinned, target: int) -> Depths:
    lens = runtime.trace(side.run).lens([len(side.run.ids) - 1], 1, [target])
    text_of = side.model.tokenizer.text_of
    texts = [text_of(int(token)) for token in lens.token_ids[0, :, 0]]
    return Depths(texts, lens.probs[0, :, 0], text_of(target), lens.target_prob[0])


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
