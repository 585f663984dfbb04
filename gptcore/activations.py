"""What happens inside one block, computed again from the residual stream with the keys and values of all tokens.

Each function does what the block's forward pass does, in the same order with the same weights, for the positions asked for, and
keeps what lies between. Attention is written out (scores, mask, softmax, weighted sum) where the model uses one fused kernel:
so the sums that `gptcore.checks` makes of it compare two ways of computing.

Shapes: `query` are the positions asked for, in the order given; `key` are all tokens of the sequence.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gptcore.edits import NOTHING, LayerEdit
from gptcore.model import LayerNorm, TransformerBlock

_CHUNK_BYTES = 16 * 2**20  # attention maps that are only passed through are made in pieces of this size


@dataclass(frozen=True, eq=False)
class AttentionActivations:
    """One layer's attention at the positions asked for. Arrays are copies.

    heads, positions: which heads and queries the axes stand for. q, k, v: queries, keys, values. scores: q . k, before scaling and
    mask. pattern: the weights after scaling, mask and softmax; each row sums to 1. z: what each head reads, pattern @ v.
    head_out: what each head adds to the residual stream, z through its part of the output projection, without the bias.
    bias: what the output projection adds beside the heads. attn_out: the sum over all heads plus the bias; None when only some heads
    were asked for. (Vaswani et al. 2017, section 3.2.)

    Under an intervention the pattern is still what the head would read by; z, head_out, bias and attn_out are what is written.
    """

    heads: tuple[int, ...]
    positions: tuple[int, ...]
    q: Float[np.ndarray, "n_heads query head_dim"]
    k: Float[np.ndarray, "n_heads key head_dim"]
    v: Float[np.ndarray, "n_heads key head_dim"]
    scores: Float[np.ndarray, "n_heads query key"]
    pattern: Float[np.ndarray, "n_heads query key"]
    z: Float[np.ndarray, "n_heads query head_dim"]
    head_out: Float[np.ndarray, "n_heads query emb_dim"]
    bias: Float[np.ndarray, "emb_dim"]
    attn_out: Float[np.ndarray, "query emb_dim"] | None

    @property
    def scaled(self) -> Float[np.ndarray, "n_heads query key"]:
        """scores / sqrt(head_dim)."""
        return self.scores / np.asarray(math.sqrt(self.q.shape[-1]), self.scores.dtype)

    @property
    def masked(self) -> Float[np.ndarray, "n_heads query key"]:
        """scaled, with -inf where a key stands behind its query: what the softmax is taken of."""
        future = np.arange(self.k.shape[1]) > np.asarray(self.positions)[:, None]
        return np.where(future, np.asarray(-np.inf, self.scores.dtype), self.scaled)


@dataclass(frozen=True, eq=False)
class LayerNormActivations:
    """One LayerNorm step by step: (before - mean) / sqrt(var + eps) = normalized; normalized * scale + shift = after.

    mean and var are each token's own, over the width; var divides by emb_dim. Arrays are copies.
    """

    before: Float[np.ndarray, "query emb_dim"]
    mean: Float[np.ndarray, "query"]
    var: Float[np.ndarray, "query"]
    normalized: Float[np.ndarray, "query emb_dim"]
    scale: Float[np.ndarray, "emb_dim"]
    shift: Float[np.ndarray, "emb_dim"]
    after: Float[np.ndarray, "query emb_dim"]
    eps: float


@dataclass(frozen=True, eq=False)
class FeedForwardActivations:
    """The feed-forward network at the positions asked for: resid_mid, LayerNorm, mlp_in, widen, mlp_pre, GELU, mlp_post, narrow,
    mlp_out. Arrays are copies; neurons are four times emb_dim. Under an intervention mlp_out is what is written, the rest what would
    have led to it."""

    resid_mid: Float[np.ndarray, "query emb_dim"]
    mlp_in: Float[np.ndarray, "query emb_dim"]
    mlp_pre: Float[np.ndarray, "query neurons"]
    mlp_post: Float[np.ndarray, "query neurons"]
    mlp_out: Float[np.ndarray, "query emb_dim"]


@dataclass(frozen=True, eq=False)
class BlockActivations:
    """The way through one block: resid_pre + attn_out = resid_mid, resid_mid + mlp_out = resid_post.

    resid_post is what the model left behind when it ran; everything between was computed again, nothing by subtraction: so the
    two sums are a check. was_set: where a patch has put another text's residual stream in after the block; there resid_post is not
    a sum. Arrays are copies.
    """

    resid_pre: Float[np.ndarray, "query emb_dim"]
    attn_in: Float[np.ndarray, "query emb_dim"]
    attn_out: Float[np.ndarray, "query emb_dim"]
    resid_mid: Float[np.ndarray, "query emb_dim"]
    mlp_in: Float[np.ndarray, "query emb_dim"]
    mlp_out: Float[np.ndarray, "query emb_dim"]
    resid_post: Float[np.ndarray, "query emb_dim"]
    was_set: Bool[np.ndarray, "query"]


class LayerRows(NamedTuple):
    """What was kept of one layer for all tokens: the residual stream before it, keys and values (never given out); edit: what an
    intervention changes there."""

    block: TransformerBlock
    resid: Float[Tensor, "key emb_dim"]
    k: Float[Tensor, "n_heads key head_dim"]
    v: Float[Tensor, "n_heads key head_dim"]
    edit: LayerEdit = NOTHING


class Attended(NamedTuple):
    """Scores, pattern and reading of some queries; shapes as in AttentionActivations."""

    scores: Float[Tensor, "n_heads query key"]
    pattern: Float[Tensor, "n_heads query key"]
    z: Float[Tensor, "n_heads query head_dim"]


def owned(values: Tensor) -> np.ndarray:
    """The same numbers in memory of their own."""
    return values.detach().cpu().numpy().copy()


def attend(
    q: Float[Tensor, "n_heads query head_dim"],
    k: Float[Tensor, "n_heads key head_dim"],
    v: Float[Tensor, "n_heads key head_dim"],
    positions: Int[Tensor, "query"],
) -> Attended:
    """Attention written out: softmax(q k^T / sqrt(D), future masked) v. (Vaswani et al. 2017, equation 1.)"""
    scores = q @ k.transpose(-2, -1)
    future = torch.arange(k.shape[-2], device=k.device) > positions[:, None]
    pattern = (scores / math.sqrt(q.shape[-1])).masked_fill_(future, -math.inf).softmax(-1)
    return Attended(scores, pattern, pattern @ v)


def queries(rows: LayerRows, positions: Int[Tensor, "query"]) -> Float[Tensor, "n_heads query head_dim"]:
    """The queries of some positions; keys and values are kept, queries are not."""
    return rows.block.attention.queries(rows.block.ln_1(rows.resid[positions])).transpose(0, 1)


def in_chunks(positions: Int[Tensor, "query"], row_bytes: int) -> Iterator[Int[Tensor, "some"]]:
    """The positions in pieces whose attention maps (row_bytes for one query, all heads) stay small."""
    yield from positions.split(max(1, _CHUNK_BYTES // row_bytes))


def context(rows: LayerRows, positions: Int[Tensor, "query"]) -> Float[Tensor, "n_heads query head_dim"]:
    """Each head's context vectors at some positions; maps are made in pieces and not kept."""
    row_bytes = rows.k.shape[0] * rows.k.shape[1] * rows.k.element_size()
    z = [attend(queries(rows, some), rows.k, rows.v, some).z for some in in_chunks(positions, row_bytes)]
    return rows.edit.on_z(torch.cat(z, dim=1), positions)


def attention_out(rows: LayerRows, positions: Int[Tensor, "query"]) -> Float[Tensor, "query emb_dim"]:
    """What attention adds to the residual stream at some positions."""
    return rows.edit.on_attn_out(rows.block.attention.project(context(rows, positions)), positions)


def residual_middle(rows: LayerRows, positions: Int[Tensor, "query"]) -> Float[Tensor, "query emb_dim"]:
    """The residual stream between attention and feed-forward."""
    return rows.resid[positions] + attention_out(rows, positions)


def feed_forward_out(
    rows: LayerRows, resid_mid: Float[Tensor, "query emb_dim"], positions: Int[Tensor, "query"]
) -> Float[Tensor, "query emb_dim"]:
    """What the feed-forward network adds to the residual stream at some positions."""
    return rows.edit.on_mlp_out(rows.block.feed_forward(rows.block.ln_2(resid_mid)), positions)


def attention(rows: LayerRows, positions: Int[Tensor, "query"], heads: tuple[int, ...]) -> AttentionActivations:
    """All there is to see of attention. Memory: three maps of heads x query x key."""
    chosen, projection = list(heads), rows.block.attention.out_proj
    q, k, v = queries(rows, positions)[chosen], rows.k[chosen], rows.v[chosen]
    scores, pattern, z = attend(q, k, v, positions)
    z = rows.edit.on_z(z, positions, heads)
    # W_O is [E, E]; its columns belong to the heads one after the other: head h reads z_h [query, D] with its [D, E] part.
    per_head = projection.weight.unflatten(1, (rows.k.shape[0], -1)).permute(1, 2, 0)[chosen]
    complete = sorted(chosen) == list(range(rows.k.shape[0]))
    attn_out = rows.edit.on_attn_out(rows.block.attention.project(z[np.argsort(chosen)]), positions) if complete else None
    silent = rows.edit.attn_out is not None and not rows.edit.attn_out.any()  # replaced by nothing, the bias too
    return AttentionActivations(
        heads=heads,
        positions=tuple(positions.tolist()),
        q=owned(q),
        k=owned(k),
        v=owned(v),
        scores=owned(scores),
        pattern=owned(pattern),
        z=owned(z),
        head_out=owned(z @ per_head),
        bias=owned(torch.zeros_like(projection.bias) if silent else projection.bias),
        attn_out=None if attn_out is None else owned(attn_out),
    )


def layer_norm(norm: LayerNorm, before: Float[Tensor, "query emb_dim"]) -> LayerNormActivations:
    """LayerNorm with every number that its formula passes through; `after` is what the model itself gives."""
    mean, var, normalized = norm.step_by_step(before)
    return LayerNormActivations(
        before=owned(before),
        mean=owned(mean[:, 0]),
        var=owned(var[:, 0]),
        normalized=owned(normalized),
        scale=owned(norm.scale),
        shift=owned(norm.shift),
        after=owned(norm(before)),
        eps=norm.eps,
    )


def feed_forward(rows: LayerRows, positions: Int[Tensor, "query"]) -> FeedForwardActivations:
    """The feed-forward network, one value per neuron."""
    network = rows.block.feed_forward
    resid_mid = residual_middle(rows, positions)
    mlp_in = rows.block.ln_2(resid_mid)
    mlp_pre = network.widen(mlp_in)
    mlp_post = network.gelu(mlp_pre)
    mlp_out = rows.edit.on_mlp_out(network.narrow(mlp_post), positions)
    return FeedForwardActivations(*map(owned, (resid_mid, mlp_in, mlp_pre, mlp_post, mlp_out)))


def block(rows: LayerRows, resid_post: Float[Tensor, "key emb_dim"], positions: Int[Tensor, "query"]) -> BlockActivations:
    """The way through the block; resid_post is the kept one."""
    resid_pre = rows.resid[positions]
    attn_out = attention_out(rows, positions)
    resid_mid = resid_pre + attn_out
    mlp_in = rows.block.ln_2(resid_mid)
    mlp_out = rows.edit.on_mlp_out(rows.block.feed_forward(mlp_in), positions)
    stages = (resid_pre, rows.block.ln_1(resid_pre), attn_out, resid_mid, mlp_in, mlp_out, resid_post[positions])
    cells = rows.edit.resid_cells
    was_set = torch.zeros_like(positions, dtype=torch.bool) if cells is None else torch.isin(positions, cells.places)
    return BlockActivations(*map(owned, (*stages, was_set)))
