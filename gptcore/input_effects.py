"""Which token of the text mattered for the next one? Replace it and see; or ask differently, and mind that the answers differ.

replace: the token is exchanged for several others, one at a time. delete: it is taken out, and what follows moves up. Both run the
model on other texts and are exact answers to their question. gradient, gradient_x_input: how steeply the result rises with the token's
embedding (Simonyan et al. 2013, https://arxiv.org/abs/1312.6034). integrated_gradients: the same along the way from an average
embedding to the token's own, so that all shares add up (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365). attention: the last
token's weights, averaged over all heads. rollout: attention multiplied through the layers (Abnar and Zuidema 2020,
https://arxiv.org/abs/2005.00928), which under a causal mask leans to the first token whatever it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.arguments import Ids, Whole, token_ids, whole
from gptcore.devices import in_float64
from gptcore.edits import NOTHING, Edits, forward_from
from gptcore.effects import followed
from gptcore.errors import InterventionError, OutOfRangeError, SequenceLengthError, TokenError
from gptcore.trace import Kept, Trace, kept
from gptcore.variants import LOGITS_AT_ONCE, Stage, push, starts_at_once

Method = Literal["replace", "delete", "gradient", "gradient_x_input", "integrated_gradients", "attention", "rollout"]
SUBSTITUTES = 8
STEPS = 32  # of the integral, each in the middle of its stretch
_GRADIENT_TOKENS = 2048  # in memory at once with all that a gradient needs


@dataclass(frozen=True, eq=False)
class TokenEffects:
    """What each token of the text meant for the result. Arrays are copies.

    result: what was followed, of the text as it is: log2 of the target's probability in bits, or with a rival the logit difference.
    effects: for replace and delete the loss of result without the token (positive: the token speaks for the target); for the gradient
    methods in the unit of result (gradient: its length, never negative); for attention and rollout weights that add up to 1.
    substitutes, substitute_results: for replace, the tokens put in and the result with each. base_result: for integrated_gradients, at
    the average embeddings: effects add up to result - base_result.
    """

    method: Method
    target: int
    rival: int | None
    result: float
    effects: Float[np.ndarray, "n_tokens"]
    substitutes: Int[np.ndarray, "n_tokens substitutes"] | None = None
    substitute_results: Float[np.ndarray, "n_tokens substitutes"] | None = None
    base_result: float | None = None


def token_effects(
    trace: Trace,
    target: int | None = None,
    rival: int | None = None,
    method: Method = "replace",
    positions: Sequence[int] | None = None,
) -> TokenEffects:
    """Of every token of the trace on the token after the last. target: None for the likeliest. positions: the tokens that are replaced
    or deleted, where somebody waits for a long text; the effects of the others are then NaN, their substitutes -1.

    The substitutes of a token are the SUBSTITUTES others that the model held likeliest at its place; the first token, which nothing
    predicts, is exchanged for those whose embeddings are nearest to its own.
    Raises TokenError for a token outside the vocabulary, InterventionError for another method or for positions where a method takes
    all, OutOfRangeError for a position that is not there, SequenceLengthError where one token alone would be deleted.
    """
    if method not in get_args(Method):
        raise InterventionError(f"method is {method!r}; choose one of: {', '.join(get_args(Method))}.")
    if positions is not None and method not in ("replace", "delete"):
        raise InterventionError(f"{method} takes all tokens together; name positions with replace or delete.")
    target = followed(trace, target, rival)
    asked, wanted = _Asked(trace, target, rival), _places(trace, positions)
    if method in ("attention", "rollout"):
        effects = trace.newest_row().mean((0, 1)) if method == "attention" else _rollout(trace)
        return TokenEffects(method, target, rival, asked.result, effects)
    if method == "replace":
        return _replaced(asked, wanted)
    if method == "delete":
        return TokenEffects(method, target, rival, asked.result, asked.result - _without_each(asked, wanted))
    return _by_gradient(asked, method)


class _Asked:
    """The result that is followed, of any residual stream."""

    def __init__(self, trace: Trace, target: int, rival: int | None) -> None:
        self.trace, self.inside, self.target, self.rival = trace, kept(trace), target, rival
        with torch.inference_mode():
            self.result = float(self.of(self.inside.resid[None, -1, -1])[0])

    @property
    def edits(self) -> Edits:
        return self.inside.edits or Edits((NOTHING,) * self.trace.config.n_layers)

    def of(self, resid: Float[Tensor, "variants emb_dim"]) -> Float[Tensor, "variants"]:
        """resid: after the last block, at the last position. In float64."""
        found = []
        for some in resid.split(LOGITS_AT_ONCE):
            logits = self.inside.model.unembed(some)
            if self.rival is None:
                found.append((in_float64(logits[:, self.target]) - in_float64(logits.logsumexp(-1))) / math.log(2))
            else:
                found.append(in_float64(logits[:, self.target]) - in_float64(logits[:, self.rival]))
        return torch.cat(found)

    def texts(self, ids: Int[Tensor, "variants n"], start: int) -> Float[Tensor, "variants"]:
        """The result with other tokens from position `start` on."""
        positions = torch.arange(start, start + ids.shape[1], device=ids.device)

        def joining(layer: int, stage: Stage, at: Tensor) -> Tensor | None:
            return self.edits.embed(self.inside.model, ids, start) if (layer, stage) == (0, "resid_pre") else None

        return self.of(push(self.inside, positions, joining))


def _places(trace: Trace, positions: Sequence[int] | None) -> list[int]:
    """In their order, each once; all where none are named."""
    for position in positions or ():
        if not 0 <= position < trace.n_tokens:
            raise OutOfRangeError(
                f"position is {position}; there are {trace.n_tokens:,} tokens, so give a number from 0 to {trace.n_tokens - 1}."
            )
    return list(range(trace.n_tokens)) if positions is None else sorted(set(positions))


@torch.inference_mode()
def _replaced(asked: _Asked, wanted: list[int]) -> TokenEffects:
    trace = asked.trace
    ids = torch.tensor(trace.ids, device=asked.inside.resid.device)
    others = _substitutes(asked.inside, ids, wanted)
    found = np.full(others.shape, np.nan)
    for some in torch.tensor(wanted).split(starts_at_once(trace.config.emb_dim)):
        group = some.tolist()
        rows = ids[group[0] :].repeat(len(group), others.shape[1], 1)  # [token, substitute, n]
        for place, position in enumerate(group):
            rows[place, :, position - group[0]] = others[position]
        found[group] = asked.texts(rows.flatten(0, 1), group[0]).reshape(len(group), -1).cpu().numpy()
    return TokenEffects(
        "replace", asked.target, asked.rival, asked.result, asked.result - found.mean(1), others.cpu().numpy().copy(), found
    )


def _substitutes(inside: Kept, ids: Int[Tensor, "n_tokens"], wanted: list[int]) -> Int[Tensor, "n_tokens substitutes"]:
    table = inside.model.token_embedding.weight
    count = min(SUBSTITUTES, len(table) - 1)
    found = ids.new_full((len(ids), count), -1)
    if 0 in wanted:
        # Cosine similarity but for the token's own length, which all share.
        near = table @ table[ids[0]] / torch.linalg.vector_norm(table, dim=-1).clamp_min(torch.finfo(table.dtype).tiny)
        found[0] = _likeliest(near[None], ids[:1], count)[0]
    for some in torch.tensor([position for position in wanted if position], device=ids.device, dtype=ids.dtype).split(
        LOGITS_AT_ONCE
    ):
        found[some] = _likeliest(inside.model.unembed(inside.resid[-1, some - 1]), ids[some], count)
    return found


def _likeliest(scores: Float[Tensor, "n vocab_size"], but: Int[Tensor, "n"], count: int) -> Int[Tensor, "n count"]:
    return scores.scatter(1, but[:, None], -torch.inf).topk(count).indices


@torch.inference_mode()
def _without_each(asked: _Asked, wanted: list[int]) -> Float[np.ndarray, "n_tokens"]:
    ids, device = asked.trace.ids, asked.inside.resid.device
    if len(ids) == 1:
        raise SequenceLengthError("The text has 1 token, and without it there is nothing to predict from; give at least 2.")
    found = np.full(len(ids), np.nan)
    for position in wanted:
        rest = ids[position + 1 :]
        result = (
            asked.texts(torch.tensor([rest], device=device), position) if rest else asked.of(asked.inside.resid[None, -1, -2])
        )
        found[position] = float(result[0])
    return found


def _by_gradient(asked: _Asked, method: Method) -> TokenEffects:
    model, trace = asked.inside.model, asked.trace
    with torch.inference_mode(False), torch.enable_grad():
        ids = torch.tensor([trace.ids], device=model.token_embedding.weight.device)
        own = model.token_embedding.weight.detach()[ids[0]]
        base = model.token_embedding.weight.detach().mean(0).expand_as(own)
        whole = method == "integrated_gradients"
        shares = (torch.arange(STEPS, dtype=own.dtype, device=own.device) + 0.5) / STEPS if whole else own.new_ones(1)
        total = torch.zeros_like(own)
        for some in shares.split(max(1, _GRADIENT_TOKENS // len(own))):
            rows = (base + some[:, None, None] * (own - base)).requires_grad_()
            result = asked.of(forward_from(model, asked.edits.with_positions(model, rows), asked.inside.edits)[:, -1])
            total += torch.autograd.grad(result.sum(), rows)[0].sum(0)
        gradient = total / len(shares)
        base_result = None
        if whole:
            effects, start = (gradient * (own - base)).sum(-1), asked.edits.with_positions(model, base[None])
            base_result = float(asked.of(forward_from(model, start, asked.inside.edits)[:, -1]))
        else:
            effects = (gradient * own).sum(-1) if method == "gradient_x_input" else torch.linalg.vector_norm(gradient, dim=-1)
    found = effects.detach().cpu().double().numpy()
    return TokenEffects(method, asked.target, asked.rival, asked.result, found, base_result=base_result)


def _rollout(trace: Trace) -> Float[np.ndarray, "n_tokens"]:
    """Each layer's maps, averaged over heads and with half of the way round attention, multiplied from the first layer up."""
    row = np.zeros(trace.n_tokens)
    row[-1] = 1.0
    for layer in reversed(range(trace.config.n_layers)):
        reached = np.flatnonzero(row)
        mean = np.zeros(trace.n_tokens)
        for some in np.array_split(reached, -(-len(reached) // 64)):
            mean += row[some] @ trace.attention(layer, some.tolist()).pattern.mean(0)
        row = 0.5 * row + 0.5 * mean
    return row


def what_if(ids: Ids, position: Whole, token_id: Whole) -> tuple[int, ...]:
    """The text with another token in one place; what stands behind it stays.

    Raises OutOfRangeError for a position that is not there, TokenError for an id below 0.
    """
    changed, (token,) = list(token_ids(ids)), token_ids((token_id,))
    place = whole(position)
    if place is None or not 0 <= place < len(changed):
        raise OutOfRangeError(
            f"position is {position!r:.80}; there are {len(changed):,} tokens, so give a whole number from 0 to {len(changed) - 1}."
        )
    if token < 0:
        raise TokenError(f"Token id {token} is not in any vocabulary; ids count from 0.")
    changed[place] = token
    return tuple(changed)


def rank_agreement(one: Float[np.ndarray, "n"], other: Float[np.ndarray, "n"]) -> float:
    """Spearman's rank correlation of two answers, from -1 to 1; equal values share the mean of their ranks. NaN where one of them
    says the same of every token."""
    ranks = [_ranks(np.asarray(values)) for values in (one, other)]
    a, b = (values - values.mean() for values in ranks)
    length = math.sqrt(float((a @ a) * (b @ b)))
    return float(a @ b) / length if length else math.nan


def _ranks(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
