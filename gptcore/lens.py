"""The logit lens: what the model would say if it stopped after each layer.

Each layer's residual stream goes through the final LayerNorm (with its own mean and variance) and the output head
(nostalgebraist 2020, https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru). The last layer's row is the model's own output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import owned
from gptcore.model import GPTModel

_ROWS_AT_ONCE = 64  # rows of the whole vocabulary: 13 MB for GPT-2


@dataclass(frozen=True, eq=False)
class Lens:
    """The lens at some positions. The axis `depth` is n_layers + 1 long: the residual stream before block 0, 1, ... and after
    the last. Arrays are copies.

    token_ids, probs: the likeliest tokens, best first. entropy: bits. targets: the token that is followed, one a position (the
    model's own best at the end, if none was named); target_rank: how many tokens are ahead of it, 0 when it leads; target_prob.
    divergence: Kullback-Leibler divergence from the model's final distribution to the layer's, in bits; 0 at the end.
    """

    positions: tuple[int, ...]
    token_ids: Int[np.ndarray, "position depth top"]
    probs: Float[np.ndarray, "position depth top"]
    entropy: Float[np.ndarray, "position depth"]
    targets: Int[np.ndarray, "position"]
    target_rank: Int[np.ndarray, "position depth"]
    target_prob: Float[np.ndarray, "position depth"]
    divergence: Float[np.ndarray, "position depth"]


class _Reduced(NamedTuple):
    """What is kept of some positions' logits; fields and shapes as in Lens."""

    token_ids: Tensor
    probs: Tensor
    entropy: Tensor
    targets: Tensor
    target_rank: Tensor
    target_prob: Tensor
    divergence: Tensor


def lens(
    model: GPTModel,
    resid: Float[Tensor, "depth n_tokens emb_dim"],
    positions: Sequence[int],
    top: int,
    targets: Sequence[int] | None,
) -> Lens:
    """The lens at `positions`, a few of them at a time: never layers x tokens x vocabulary at once.

    targets: one token id a position, None for the model's final best.
    """
    step = max(1, _ROWS_AT_ONCE // len(resid))
    pieces = []
    for start in range(0, len(positions), step):
        some = list(positions[start : start + step])
        wanted = None if targets is None else torch.tensor(targets[start : start + step], device=resid.device)
        pieces.append(_reduce(model.unembed(resid[:, some].transpose(0, 1)), top, wanted))
    return Lens(tuple(positions), *(owned(torch.cat(arrays)) for arrays in zip(*pieces, strict=True)))


def _reduce(logits: Float[Tensor, "position depth vocab_size"], top: int, targets: Int[Tensor, "position"] | None) -> _Reduced:
    """[P, depth, V] -> the few numbers a picture needs."""
    log_probs = logits.log_softmax(-1)
    probs = log_probs.exp()
    final, final_log = probs[:, -1:], log_probs[:, -1:]
    if targets is None:
        targets = logits[:, -1].argmax(-1)
    index = targets[:, None, None].expand(-1, logits.shape[1], 1)
    target = logits.gather(-1, index)
    # Among equal logits the smaller id leads, as in sampling.
    tied_before = (logits == target) & (torch.arange(logits.shape[-1], device=logits.device) < index)
    return _Reduced(
        *_likeliest(logits, probs, top),
        entropy=-(probs * log_probs).sum(-1) / math.log(2),
        targets=targets,
        target_rank=(logits > target).sum(-1) + tied_before.sum(-1),
        target_prob=probs.gather(-1, index).squeeze(-1),
        divergence=(final * (final_log - log_probs)).sum(-1).clamp_(min=0) / math.log(2),  # rounding may go below 0
    )


def _likeliest(
    logits: Float[Tensor, "position depth vocab_size"], probs: Float[Tensor, "position depth vocab_size"], top: int
) -> tuple[Int[Tensor, "position depth top"], Float[Tensor, "position depth top"]]:
    """Ids and probabilities of the best, ordered by logit, then by id."""
    best, ids = logits.topk(min(top, logits.shape[-1]))
    ids, by_id = ids.sort(-1)
    order = best.gather(-1, by_id).sort(dim=-1, descending=True, stable=True).indices
    ids = ids.gather(-1, order)
    return ids, probs.gather(-1, ids)
