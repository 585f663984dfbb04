"""How surprised a model is by each token of a text: minus the logarithm to base 2 of the probability that it gave the token.

(Shannon 1948, section 6, https://doi.org/10.1002/j.1538-7305.1948.tb01338.x.) The sum over a text is the number of bits in which the
model, as one half of a compressor, could store it. Probabilities are those at temperature 1, over the whole vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import owned
from gptcore.arguments import Ids, Whole, at_least_one, check_ids, token_ids
from gptcore.devices import in_float64
from gptcore.edits import Edits, forward
from gptcore.errors import InterventionError, OutOfRangeError, SequenceLengthError
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.run import Intervention, Patch
from gptcore.trace import Trace

ROWS_AT_ONCE = 64  # rows of logits in memory: 26 MB in float64 with GPT-2's vocabulary


@dataclass(frozen=True)
class Window:
    """One pass of the model: it reads ids[start:stop] and predicts the tokens first ... stop, the last of them unread."""

    start: int
    stop: int
    first: int


@dataclass(frozen=True, eq=False)
class Surprise:
    """What a model expected at each token after the first, which nothing predicts. Arrays are the holder's own.

    ids: the tokens judged; bits: the surprise at each; rank: its place among all tokens, 1 for the most expected;
    expected, expected_probs: the most expected tokens there and their probabilities; windows: the passes it took.
    """

    ids: tuple[int, ...]
    bits: Float[np.ndarray, "n_judged"]
    rank: Int[np.ndarray, "n_judged"]
    expected: Int[np.ndarray, "n_judged top"]
    expected_probs: Float[np.ndarray, "n_judged top"]
    windows: tuple[Window, ...]

    @property
    def probs(self) -> Float[np.ndarray, "n_judged"]:
        """The probability of each token."""
        return np.exp2(-self.bits)


def windows(n_tokens: int, context_length: int, intervention: Intervention | None = None) -> tuple[Window, ...]:
    """The passes that predict the tokens 1 ... n_tokens - 1: one, as long as the context has room for all but the last token.

    A longer text is read in windows as long as the context, each half a context further on, the last one at the end. So from the
    second window on every token is predicted from at least half a context.
    Raises SequenceLengthError for a patch in a text that takes several windows: its places are those of one pass.
    """
    passes, judged = [], 1  # the next token to predict
    while judged < n_tokens:
        start = 0 if judged == 1 else min(judged - (context_length + 1) // 2, n_tokens - 1 - context_length)
        stop = min(start + context_length, n_tokens - 1)
        passes.append(Window(start, stop, judged))
        judged = stop + 1
    if isinstance(intervention, Patch) and len(passes) > 1:
        most = context_length + 1
        raise SequenceLengthError(
            f"A patch names places of one pass, which judges {most:,} tokens; the text has {n_tokens:,}, so shorten it by {n_tokens - most:,}."
        )
    return tuple(passes)


@torch.inference_mode()
def surprise(model: GPTModel | LanguageModel, ids: Ids, top: Whole = 3, intervention: Intervention | None = None) -> Surprise:
    """Judge each token after the first. The model runs once per window; logits are made and dropped a few rows at a time.

    intervention: what is silent or patched in every pass; it takes a LanguageModel.
    Raises SequenceLengthError for no tokens, or a patch in a text that takes several windows (its places are those of one pass),
    TokenError for an id outside the vocabulary, InterventionError for an intervention in a bare GPTModel.
    """
    edits = None
    if isinstance(model, LanguageModel):
        edits, model = None if not intervention else model.edits(intervention, len(ids)), model.model
    elif intervention:
        raise InterventionError(
            "A bare GPTModel has no vocabulary and no store; give the LanguageModel to judge a text under one."
        )
    ids, top = token_ids(ids), at_least_one("top", top, OutOfRangeError, "ask for at least 1 token")
    if not ids:
        raise SequenceLengthError("There is no token to judge; give at least 2, the first of which is only read.")
    check_ids(ids, model.config.vocab_size)
    passes = windows(len(ids), model.config.context_length, intervention)
    parts = [part for window in passes for part in _judge_window(model, ids, window, top, edits)]
    return joined(ids, parts, passes, min(top, model.config.vocab_size))


class Judged(NamedTuple):
    """Some tokens of a text, judged; the fields are as in Surprise."""

    bits: Float[np.ndarray, "n_judged"]
    rank: Int[np.ndarray, "n_judged"]
    expected: Int[np.ndarray, "n_judged top"]
    expected_probs: Float[np.ndarray, "n_judged top"]


@torch.inference_mode()
def judge(trace: Trace, first: int, targets: Sequence[int], top: int = 3) -> Judged:
    """A piece of a text by itself, from a trace that is there: the tokens that follow the positions from `first` on."""
    positions = range(first, first + len(targets))
    logits = torch.from_numpy(trace.logits_at(positions)).double()
    return _judge(logits, torch.tensor(tuple(targets)), top)


def joined(ids: tuple[int, ...], parts: Sequence[Judged], passes: tuple[Window, ...], top: int = 3) -> Surprise:
    """The pieces of a text, in their order, as one."""
    if not parts:
        return Surprise((), np.empty(0), np.empty(0, np.int64), np.empty((0, top), np.int64), np.empty((0, top)), ())
    bits, rank, expected, probs = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Surprise(ids[1:], bits, rank, expected, probs, passes)


def _judge_window(model: GPTModel, ids: tuple[int, ...], window: Window, top: int, edits: Edits | None) -> list[Judged]:
    device = model.token_embedding.weight.device
    x = forward(model, torch.tensor([ids[window.start : window.stop]], device=device), edits)
    out = []
    for first in range(window.first, window.stop + 1, ROWS_AT_ONCE):
        targets = torch.tensor(ids[first : min(first + ROWS_AT_ONCE, window.stop + 1)])
        row = first - 1 - window.start  # the position that predicts the token `first`
        logits = in_float64(model.unembed(x[0, row : row + len(targets)]))
        out.append(_judge(logits, targets.to(logits.device), top))
    return out


def _judge(logits: Float[Tensor, "rows vocab_size"], targets: Int[Tensor, "rows"], top: int) -> Judged:
    """Bits and rank of the targets, and the most expected tokens with their probabilities; equal logits rank by id."""
    log_total = logits.logsumexp(-1)
    own = logits.gather(1, targets[:, None])
    ahead = (logits > own).sum(-1)
    tied = ((logits == own) & (torch.arange(logits.shape[1], device=logits.device) < targets[:, None])).sum(-1)
    best, expected = logits.topk(min(top, logits.shape[1]), dim=-1)
    bits = (log_total - own[:, 0]) / np.log(2)
    return Judged(*map(owned, (bits, ahead + tied + 1, expected, (best - log_total[:, None]).exp())))
