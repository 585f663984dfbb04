"""Many variants of one trace in one pass: each joins the batch where it begins to differ, and what lies before is shared.

After layer l there are only the variants that differ up to there; the last layer has all of them. So every head of every layer can be
switched off in the time of about n_heads (n_layers - 1) / 2 passes, with each weight read once per layer, and nothing approximated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import LayerRows
from gptcore.model import causal_mask
from gptcore.trace import Kept

ROWS_AT_ONCE = 8192  # tokens of all variants together, a few hundred MB with the widest of GPT-2
_WIDE = 512  # from this width on the arithmetic takes longer than what surrounds it
LOGITS_AT_ONCE = 128  # rows of the whole vocabulary

Stage = Literal["resid_pre", "resid_mid"]
# (layer, stage, positions) -> the variants that join there, [variants, positions, emb_dim]; layer n_layers is after the last block.
Joining: TypeAlias = Callable[[int, Stage, Tensor], Tensor | None]


def push(kept: Kept, positions: Int[Tensor, "n"], joining: Joining) -> Float[Tensor, "variants emb_dim"]:
    """The residual stream after the last block, at the last of `positions`, of all variants in the order in which they joined.

    positions: those at which the variants differ from the trace, without a gap and to the end of the variants' text; keys and values
    before them are the trace's.
    """
    batch: Tensor | None = None
    for layer, rows in enumerate(kept.layers):
        batch = _with(batch, joining(layer, "resid_pre", positions))
        if layer == len(kept.layers) - 1:  # from here on nothing but the last position is read
            batch = None if batch is None else _attention(rows, batch, positions, last_only=True)
            positions = positions[-1:]
        elif batch is not None:
            batch = _attention(rows, batch, positions)
        batch = _with(batch, joining(layer, "resid_mid", positions))
        if batch is not None:
            mlp_out = rows.edit.on_mlp_out(rows.block.feed_forward(rows.block.ln_2(batch)), positions)
            batch = rows.edit.on_resid_post(batch + mlp_out, positions)
    batch = _with(batch, joining(len(kept.layers), "resid_pre", positions))
    if batch is None:
        return kept.resid.new_empty(0, kept.resid.shape[-1])
    return batch[:, -1]


def _with(batch: Tensor | None, more: Tensor | None) -> Tensor | None:
    if batch is None or more is None:
        return more if batch is None else batch
    return torch.cat([batch, more])


def _attention(
    rows: LayerRows, resid_pre: Float[Tensor, "variants n emb_dim"], positions: Int[Tensor, "n"], last_only: bool = False
) -> Float[Tensor, "variants m emb_dim"]:
    """resid_mid; with last_only of the last position."""
    attention, start = rows.block.attention, int(positions[0])
    normed = rows.block.ln_1(resid_pre)
    if last_only and len(positions) > 1:
        q = attention.queries(normed[:, -1:]).transpose(1, 2)
        weight, bias = attention.qkv.weight[len(normed[0, 0]) :], attention.qkv.bias
        kv = F.linear(normed, weight, None if bias is None else bias[len(normed[0, 0]) :])
        k, v = kv.unflatten(-1, (2, attention.n_heads, attention.head_dim)).permute(2, 0, 3, 1, 4)
        resid_pre, positions = resid_pre[:, -1:], positions[-1:]
    else:
        q, k, v = attention.queries_keys_values(normed)
    z = _attend(q, k, v, rows.k[:, :start], rows.v[:, :start])
    attn_out = rows.edit.on_attn_out(attention.project(rows.edit.on_z(z, positions)), positions)
    return resid_pre + attn_out


def _attend(
    q: Float[Tensor, "variants n_heads m head_dim"],
    k: Float[Tensor, "variants n_heads n head_dim"],
    v: Float[Tensor, "variants n_heads n head_dim"],
    prefix_k: Float[Tensor, "n_heads start head_dim"],
    prefix_v: Float[Tensor, "n_heads start head_dim"],
) -> Float[Tensor, "variants n_heads m head_dim"]:
    """Each variant attends to the shared prefix, which is not copied for it, and to its own tokens. m is n, or 1: the last."""
    n_queries, n_own, n_shared = q.shape[2], k.shape[2], prefix_k.shape[1]
    if not n_shared:
        return F.scaled_dot_product_attention(q, k, v, is_causal=n_queries == n_own and n_own > 1)
    by_head = q.transpose(0, 1).flatten(1, 2)  # [H, variants x m, D]
    shared = (by_head @ prefix_k.transpose(-2, -1)).unflatten(1, (len(q), n_queries)).transpose(0, 1)
    own = q @ k.transpose(-2, -1)
    if n_queries == n_own and n_own > 1:
        own.masked_fill_(~causal_mask(n_own, n_own, q.device), -torch.inf)
    weights = (torch.cat([shared, own], dim=-1) / q.shape[-1] ** 0.5).softmax(-1)
    from_shared = weights[..., :n_shared].transpose(0, 1).flatten(1, 2) @ prefix_v
    return weights[..., n_shared:] @ v + from_shared.unflatten(1, (len(q), n_queries)).transpose(0, 1)


def head_variants(
    rows: LayerRows,
    z: Float[Tensor, "n_heads n head_dim"],
    instead: Float[Tensor, "n_heads n head_dim"],
    resid_pre: Float[Tensor, "n emb_dim"],
    positions: Int[Tensor, "n"],
) -> Float[Tensor, "n_heads n emb_dim"]:
    """resid_mid with one head's context vectors replaced, one variant for each head; z: as they are."""
    projection = rows.block.attention.out_proj
    by_head = projection.weight.unflatten(1, (len(z), -1)).permute(1, 2, 0)  # [H, D, E]
    attn_out = rows.block.attention.project(z) + (instead - z) @ by_head
    return resid_pre + rows.edit.on_attn_out(attn_out, positions)


def starts_at_once(emb_dim: int) -> int:
    """How many positions share a pass where the variants of each begin at their own: fewer passes, against rows computed in vain."""
    return 4 if emb_dim < _WIDE else 2
