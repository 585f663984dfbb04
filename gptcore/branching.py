"""The tree of what could be, or was, written: the branches that a store has, and a beam search step by step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from gptcore.arguments import Ids, Whole, at_least_one, check_ids, token_ids
from gptcore.errors import SamplingError, TokenError
from gptcore.language_model import LanguageModel
from gptcore.model import check_length
from gptcore.run import Intervention, Run
from gptcore.store import TraceStore

_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Branch:
    """One token in the tree.

    ids: the text from its beginning to this token; prob: the model's probability of the token there, at temperature 1 (1.0 for the
    prompt itself, the root); log_prob: the natural logarithm of the probability of everything after the prompt up to here; parent,
    children: places in the tuple that `branches` returns (the root's parent is None), children likeliest first.
    """

    ids: tuple[int, ...]
    prob: float
    log_prob: float
    parent: int | None
    children: tuple[int, ...]


def branches(store: TraceStore, root: Run, texts: Iterable[Sequence[int]] | None = None) -> tuple[Branch, ...]:
    """The tree that grows from the ids of `root`, under its intervention: the root first, parents before their children.

    texts: sequences that begin with the root's ids; None: all that the store still has, which on a shared server are everybody's.
    Raises GPTCoreError as `TraceStore.trace`, and for a text that does not begin with the root's ids.
    """
    found = store.continuations(root) if texts is None else [token_ids(text) for text in texts]
    log_probs: dict[tuple[int, ...], float] = {}
    for text in sorted(set(found), key=len, reverse=True):
        if text[: len(root.ids)] != root.ids:
            raise TokenError(f"A text of {len(text):,} tokens does not begin with the root's {len(root.ids):,} tokens.")
        log_probs |= _log_probs(store, root, text, log_probs)
    return _grown(root.ids, log_probs)


def _log_probs(
    store: TraceStore, root: Run, text: tuple[int, ...], known: dict[tuple[int, ...], float]
) -> dict[tuple[int, ...], float]:
    """Of each beginning of `text` behind the root that is not known yet: the log-probability of its last token."""
    missing = [n for n in range(len(root.ids), len(text)) if text[: n + 1] not in known]
    found: dict[tuple[int, ...], float] = {}
    for start in range(0, len(missing), _ROWS_AT_ONCE):
        some = missing[start : start + _ROWS_AT_ONCE]
        rows = _log_softmax(store.trace(Run(root.model, text[:-1], root.intervention)).logits_at([n - 1 for n in some]))
        found |= {text[: n + 1]: float(row[text[n]]) for n, row in zip(some, rows, strict=True)}
    return found


def _grown(root: tuple[int, ...], log_probs: dict[tuple[int, ...], float]) -> tuple[Branch, ...]:
    order = [root, *sorted(log_probs, key=lambda ids: (len(ids), ids))]
    place, total = {ids: n for n, ids in enumerate(order)}, {root: 0.0}
    children: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for ids in order[1:]:
        total[ids] = total[ids[:-1]] + log_probs[ids]
        children.setdefault(ids[:-1], []).append(ids)
    return tuple(
        Branch(
            ids,
            1.0 if ids == root else math.exp(log_probs[ids]),
            total[ids],
            None if ids == root else place[ids[:-1]],
            tuple(place[child] for child in sorted(children.get(ids, ()), key=lambda c: (-log_probs[c], c[-1]))),
        )
        for ids in order
    )


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).double().log_softmax(-1).numpy()


@dataclass(frozen=True)
class Hypothesis:
    """One text of a beam. log_prob: its score, the sum of its new tokens' log-probabilities (natural logarithm); prob: of its last
    token; parent: the place, among those kept in the step before, of the text that it goes on; ended: the model has ended it."""

    ids: tuple[int, ...]
    log_prob: float
    prob: float
    parent: int
    ended: bool


@dataclass(frozen=True)
class BeamStep:
    """kept: the best `width` hypotheses, best first; dropped: the others that were scored, best first."""

    kept: tuple[Hypothesis, ...]
    dropped: tuple[Hypothesis, ...]


def beam_search(
    model: LanguageModel, ids: Ids, width: Whole, steps: Whole, intervention: Intervention | None = None
) -> Iterator[BeamStep]:
    """Expand, score, keep: in every step each kept text is gone on with by its `width` likeliest tokens, and the `width` likeliest of
    all these texts are kept. It ends after `steps`, when the context is full, or when all kept texts have ended.

    A text that the model has ended keeps its score and its place. Width 1 is greedy.
    Raises, at the call, SamplingError for a width or a number of steps below 1, otherwise as `gptcore.generate`.
    """
    width, steps = (
        at_least_one(name, value, SamplingError, "ask for at least 1") for name, value in (("width", width), ("steps", steps))
    )
    start = token_ids(ids)
    check_length(len(start), model.config.context_length)
    check_ids(start, model.config.vocab_size)
    if intervention is not None:
        intervention.check_fits(model.config, len(start))
    return _beam_steps(model, start, min(width, model.config.vocab_size), steps, intervention)


def _beam_steps(
    model: LanguageModel, start: tuple[int, ...], width: int, steps: int, intervention: Intervention | None
) -> Iterator[BeamStep]:
    kept: tuple[Hypothesis, ...] = (Hypothesis(start, 0.0, 1.0, 0, False),)
    for _ in range(min(steps, model.config.context_length - len(start))):
        scored = [one for parent, text in enumerate(kept) for one in _expanded(model, text, parent, width, intervention)]
        scored.sort(key=lambda one: (-one.log_prob, one.parent, one.ids[-1]))
        kept = tuple(scored[:width])
        yield BeamStep(kept, tuple(scored[width:]))
        if all(one.ended for one in kept):
            return


def _expanded(
    model: LanguageModel, text: Hypothesis, parent: int, width: int, intervention: Intervention | None
) -> Iterator[Hypothesis]:
    if text.ended:
        yield Hypothesis(text.ids, text.log_prob, text.prob, parent, True)
        return
    row = _log_softmax(model.trace(text.ids, intervention).logits[None])[0]
    for token_id in np.argsort(-row, kind="stable")[:width].tolist():
        ended = token_id in model.tokenizer.end_ids
        yield Hypothesis((*text.ids, token_id), text.log_prob + float(row[token_id]), math.exp(row[token_id]), parent, ended)
