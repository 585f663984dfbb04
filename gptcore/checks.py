"""Does the trace add up? Each check compares two ways to the same number and says how far they are apart.

Deviations are shares of the largest number compared, unless the description says otherwise. What a long sequence leaves out is
said in the description.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import LayerRows, attend, layer_norm, queries
from gptcore.edits import NOTHING, Edits, run_block
from gptcore.model import GPTModel, LayerNorm, TransformerBlock

TOLERANCE = 1e-5
OF_LARGEST = " Deviation as a share of the largest value."  # the end of a description, where it is so
_MOST_POSITIONS = 16  # for the checks that go through every layer position by position
_MOST_RECOMPUTED = 64  # tokens that are run through the model again
_MOST_EARLIER = 16  # ... without those behind: a few ten milliseconds with GPT-2 small


@dataclass(frozen=True)
class Check:
    """One comparison. deviation: the largest difference found; ok: whether it is within the tolerance."""

    name: str
    description: str
    deviation: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.deviation <= self.tolerance  # a deviation that is no number fails


class _Deviations(NamedTuple):
    """How far one layer is off."""

    residual_sum: float
    row_sum: float
    future: float
    layer_norm: float


def checks(
    model: GPTModel,
    ids: Sequence[int],
    layers: Sequence[LayerRows],
    resid: Float[Tensor, "depth n_tokens emb_dim"],
    logits: Float[Tensor, "vocab_size"],
    edits: Edits | None,
) -> tuple[Check, ...]:
    """All checks of one sequence: `layers` and `resid` as kept, `logits` as given out for the last position. Each follows the
    intervention that the sequence was run under: what a part writes is then what stands in for it."""
    positions = _spread(len(ids), resid.device)
    where = "at every position" if len(positions) == len(ids) else f"at {len(positions)} of {len(ids):,} positions"
    found = [_in_layer(rows, after, positions) for rows, after in zip(layers, resid[1:], strict=True)]
    residual_sum, row_sum, future, norms = (_worst(values) for values in zip(*found, strict=True))
    final_norm = _norm_deviation(model.final_norm, resid[-1, positions])
    start = max(0, len(ids) - _MOST_RECOMPUTED)
    again = (
        f"The last {_MOST_RECOMPUTED} tokens are run again in one pass, behind the kept keys and values of the first {start:,}"
        if start
        else "The whole sequence is run again from scratch, without kept keys and values"
    )
    return (
        Check(
            "Residual stream",
            f"Residual stream in + attention + feed-forward = residual stream out, in every layer, {where}. "
            "Attention and feed-forward are computed again, not obtained by subtraction.",
            residual_sum,
            TOLERANCE,
        ),
        Check("Attention rows", f"The weights of each row add up to 1, in every head, {where}.", row_sum, TOLERANCE),
        Check("No future", f"No token has a weight on one that comes after it, in any head, {where}.", future, 0.0),
        Check(
            "Lens",
            "The lens after the last layer gives the model's own logits, at the last position.",
            _apart(model.unembed(resid[:, -1])[-1], logits),  # all depths at once, as the lens does it
            TOLERANCE,
        ),
        Check(
            "Cached = uncached",
            f"{again}: residual stream after every layer and logits are the same.",
            _run_again(model, ids, start, layers, resid, logits, edits),
            TOLERANCE,
        ),
        Check(
            "LayerNorm",
            "Every LayerNorm: normalized has mean 0 and variance var / (var + eps), not quite 1; times scale plus shift it is what "
            f"the model's own LayerNorm gives, {where}.",
            _worst((norms, final_norm)),
            TOLERANCE,
        ),
    )


def _spread(n_tokens: int, device: torch.device) -> Int[Tensor, "query"]:
    """Up to _MOST_POSITIONS positions, evenly spread, the first and the last among them."""
    return torch.linspace(0, n_tokens - 1, min(n_tokens, _MOST_POSITIONS), device=device).round().long()


def _in_layer(rows: LayerRows, resid_post: Float[Tensor, "key emb_dim"], positions: Int[Tensor, "query"]) -> _Deviations:
    block, resid_pre = rows.block, rows.resid[positions]
    pattern, z = attend(queries(rows, positions), rows.k, rows.v, positions)[1:]
    attn_out = rows.edit.on_attn_out(block.attention.project(rows.edit.on_z(z, positions)), positions)
    resid_mid = resid_pre + attn_out
    mlp_out = rows.edit.on_mlp_out(block.feed_forward(block.ln_2(resid_mid)), positions)
    future = torch.arange(pattern.shape[-1], device=pattern.device) > positions[:, None]
    return _Deviations(
        residual_sum=_apart(rows.edit.on_resid_post(resid_pre + attn_out + mlp_out, positions), resid_post[positions]),
        row_sum=float((pattern.sum(-1) - 1).abs().max()),
        future=float(pattern.masked_fill(~future, 0).max()),
        layer_norm=_worst((_norm_deviation(block.ln_1, resid_pre), _norm_deviation(block.ln_2, resid_mid))),
    )


def _norm_deviation(norm: LayerNorm, before: Float[Tensor, "query emb_dim"]) -> float:
    seen = layer_norm(norm, before)
    scaled = torch.from_numpy(seen.normalized * seen.scale + seen.shift)
    return _worst((
        float(abs(seen.normalized.mean(-1)).max()),
        float(abs(seen.normalized.var(-1) - seen.var / (seen.var + seen.eps)).max()),
        _apart(scaled, torch.from_numpy(seen.after)),
    ))  # fmt: skip


class _Behind:
    """A LayerCache that puts new keys and values behind the kept ones of the first `start` tokens, and keeps nothing."""

    def __init__(self, rows: LayerRows, start: int) -> None:
        self._k, self._v = rows.k[None, :, :start], rows.v[None, :, :start]

    def extend(
        self, k: Float[Tensor, "batch n_heads new head_dim"], v: Float[Tensor, "batch n_heads new head_dim"]
    ) -> tuple[Float[Tensor, "batch n_heads all head_dim"], Float[Tensor, "batch n_heads all head_dim"]]:
        return torch.cat([self._k, k], dim=2), torch.cat([self._v, v], dim=2)


def _run_again(
    model: GPTModel,
    ids: Sequence[int],
    start: int,
    layers: Sequence[LayerRows],
    resid: Tensor,
    logits: Tensor,
    edits: Edits | None,
) -> float:
    """How far the kept rows from `start` on, and the logits, are from those of a new run."""
    new, positions = torch.tensor([list(ids[start:])], device=resid.device), torch.arange(start, len(ids), device=resid.device)
    x = model.embed(new, start) if edits is None else edits.embed(model, new, start)
    found = [_apart(resid[0, start:], x[0])]
    for rows, after in zip(layers, resid[1:], strict=True):
        x = run_block(rows.block, x, _Behind(rows, start) if start else None, rows.edit, positions)
        found.append(_apart(after[start:], x[0]))
    return _worst((*found, _apart(logits, model.unembed(x[0, -1]))))


def _apart(found: Tensor, expected: Tensor) -> float:
    """Largest difference, as a share of the largest number expected."""
    return float((found - expected).abs().max() / expected.abs().max())


def _worst(deviations: Sequence[float]) -> float:
    """The largest; one that is no number is worse than any."""
    return max(deviations, key=lambda deviation: (deviation != deviation, deviation))


def earlier_tokens_unchanged(
    model: GPTModel,
    ids: Sequence[int],
    layer: int,
    k: Float[Tensor, "n_heads n_tokens head_dim"],
    v: Float[Tensor, "n_heads n_tokens head_dim"],
    edits: Edits | None,
) -> Check:
    """Why keeping is allowed: run the first tokens of `ids` again, without those behind them, and compare their keys and values in
    one layer with k and v, which were kept from the whole sequence."""
    n_first = min(max(1, len(ids) - 1), _MOST_EARLIER)
    first = torch.tensor([list(ids[:n_first])], device=k.device)
    x = model.embed(first) if edits is None else edits.embed(model, first)
    positions = torch.arange(n_first, device=k.device)
    for place, block in enumerate(cast(TransformerBlock, block) for block in model.blocks[:layer]):
        x = run_block(block, x, None, NOTHING if edits is None else edits.layers[place], positions)
    last = cast(TransformerBlock, model.blocks[layer])
    _, fresh_k, fresh_v = last.attention.queries_keys_values(last.ln_1(x))
    pairs = ((fresh_k[0], k[:, :n_first]), (fresh_v[0], v[:, :n_first]))
    deviation = _worst([float((fresh - kept).abs().max()) / (float(kept.abs().max()) or 1.0) for fresh, kept in pairs])
    tokens = "token" if n_first == 1 else f"{n_first} tokens"
    description = (
        f"Keys and values of the first {tokens} in layer {layer}, computed again without the tokens behind, are the kept "
        f"ones.{OF_LARGEST}"
    )
    return Check("Earlier keys and values", description, deviation, TOLERANCE)
