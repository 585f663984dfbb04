"""Why this token, and not that one: the logit difference, taken apart into what each part wrote.

The residual stream is a sum, and behind the final LayerNorm, whose divisor is held as it is, so is every logit: token and position
embedding, each head, each output projection's bias, each feed-forward network (and each of its neurons), and the last shift add up to
it exactly. (Elhage et al. 2021, https://transformer-circuits.pub/2021/framework.) What is no sum is what would happen without a part:
then the divisor changes and later layers react, which is `gptcore.effects`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import index
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gptcore.activations import LayerRows, context, owned
from gptcore.arguments import check_ids
from gptcore.devices import in_float64
from gptcore.errors import OutOfRangeError
from gptcore.model import LayerNorm
from gptcore.trace import Kept, Trace, kept

_ROWS = 4096  # of the output head, in float64 at once


class Part(NamedTuple):
    """kind: token_embedding, position_embedding, patched, head, attention_bias, feed_forward or shift; layer, head: where it has one."""

    kind: str
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, eq=False)
class LogitAttribution:
    """What each part contributes to logit(target) - logit(rival), or to logit(target) less the mean over the vocabulary (rival None:
    softmax ignores what all logits share). In logits; arrays are copies, in float64.

    parts, contributions: in the order in which they are written; total: their sum; logit_difference: the model's own, from its logits:
    the two agree but for rounding. scale: the final LayerNorm's divisor. Under an intervention a part's contribution is that of what
    stands in for it; "patched" is a residual stream that was put in, and everything below it contributes nothing.
    """

    position: int
    target: int
    rival: int | None
    parts: tuple[Part, ...]
    contributions: Float[np.ndarray, "parts"]
    logit_difference: float
    scale: float

    @property
    def total(self) -> float:
        """The sum of all contributions."""
        return float(self.contributions.sum())

    def of(self, kind: str) -> Float[np.ndarray, "..."]:
        """The contributions of one kind of part: [layer, head] for head, [layer] for attention_bias and feed_forward, else one number.

        Raises OutOfRangeError for a kind that there is not.
        """
        found = [(part, value) for part, value in zip(self.parts, self.contributions, strict=True) if part.kind == kind]
        if not found:
            kinds = ", ".join(dict.fromkeys(part.kind for part in self.parts))
            raise OutOfRangeError(f"kind is {kind!r}; choose one of: {kinds}.")
        values, part = np.array([value for _, value in found]), found[-1][0]
        if part.layer is None:
            return values.reshape(())
        return values if part.head is None else values.reshape(part.layer + 1, part.head + 1)


@torch.inference_mode()
def logit_attribution(trace: Trace, target: int, rival: int | None = None, position: int = -1) -> LogitAttribution:
    """Every part's direct contribution at one position (-1: the last).

    Raises TokenError for a token outside the vocabulary, OutOfRangeError for a position that is not there.
    """
    inside, place = kept(trace), _place(trace, position)
    reader, scale = _reader(trace, inside, target, rival, place)
    at = torch.tensor([place], device=inside.resid.device)
    model, edits = inside.model, inside.edits
    row = model.position_embedding.weight[place] if edits is None or edits.position_row is None else edits.position_row
    parts = [Part("token_embedding"), Part("position_embedding"), Part("patched")]
    found = [reader @ in_float64(model.token_embedding.weight[trace.ids[place]]), reader @ in_float64(row), reader.new_zeros(())]
    if edits is not None and edits.embed_cells is not None and place in edits.embed_cells.places.tolist():
        found = _put_in(found, reader @ in_float64(inside.resid[0, place]))
    for layer, rows in enumerate(inside.layers):
        heads, bias, attn_out = _attention(rows, at, reader)
        # What the network wrote is in the stream already; to compute it again would read two thirds of the model's weights.
        before, after = (in_float64(inside.resid[depth, place]) for depth in (layer, layer + 1))
        mlp_out = after - before - in_float64(attn_out[0])
        parts += [Part("head", layer, head) for head in range(len(heads))]
        parts += [Part("attention_bias", layer), Part("feed_forward", layer)]
        found += [*heads, bias, reader @ mlp_out]
        cells = rows.edit.resid_cells
        if cells is not None and place in cells.places.tolist():
            found = _put_in(found, reader @ in_float64(inside.resid[layer + 1, place]))
    parts.append(Part("shift"))
    found.append(_direction(inside, target, rival) @ in_float64(model.final_norm.shift))
    logits = trace.logits if place == trace.n_tokens - 1 else trace.logits_at((place,))[0]
    other = logits.astype(np.float64).mean() if rival is None else float(logits[rival])
    return LogitAttribution(
        place, index(target), rival, tuple(parts), owned(torch.stack(found)), float(float(logits[target]) - other), scale
    )


def _put_in(found: list[Tensor], contribution: Tensor) -> list[Tensor]:
    """What was written so far is gone; place 2 is that of what was put in."""
    gone = [torch.zeros_like(value) for value in found]
    gone[2] = contribution
    return gone


@dataclass(frozen=True, eq=False)
class NeuronAttribution:
    """One layer's feed-forward taken apart further: neurons [4 emb_dim] and bias add up to its contribution. In logits, float64."""

    neurons: Float[np.ndarray, "neurons"]
    bias: float


@torch.inference_mode()
def neuron_attribution(trace: Trace, layer: int, target: int, rival: int | None = None, position: int = -1) -> NeuronAttribution:
    """What each neuron of one layer contributes directly; raises as `logit_attribution`, and OutOfRangeError for a layer.

    Where something stands in for the network no neuron contributes, and bias is all of it.
    """
    inside, place = kept(trace), _place(trace, position)
    seen = trace.feed_forward(layer, (place,))
    reader, _ = _reader(trace, inside, target, rival, place)
    narrow = inside.layers[layer].block.feed_forward.narrow
    mlp_post, mlp_out = (in_float64(torch.from_numpy(values[0])).to(reader.device) for values in (seen.mlp_post, seen.mlp_out))
    neurons = mlp_post * (reader @ in_float64(narrow.weight))
    bias, total = reader @ in_float64(narrow.bias), reader @ mlp_out
    edit, at = inside.layers[layer].edit, torch.tensor([place], device=inside.resid.device)
    if edit.mlp_out is not None or (edit.mlp_cells is not None and bool(torch.isin(at, edit.mlp_cells.places))):
        neurons, bias = torch.zeros_like(neurons), total
    return NeuronAttribution(owned(neurons), float(bias))


def _attention(rows: LayerRows, at: Tensor, reader: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What each head, and what is beside them, contributes; and all that attention writes."""
    projection, edit = rows.block.attention.out_proj, rows.edit
    z = context(rows, at)[:, 0]  # [H, D]
    alone = torch.block_diag(*z)  # [H, E]: each head's context by itself, so that W_O is read as it lies in memory, and once
    written = alone @ projection.weight.T  # [H, E]
    attn_out = edit.on_attn_out((written.sum(0) + projection.bias)[None], at)
    heads = in_float64(written) @ reader
    if edit.attn_cells is not None and bool(torch.isin(at, edit.attn_cells.places)):  # put in as a whole
        return torch.zeros_like(heads), reader @ in_float64(attn_out[0]), attn_out
    silent = edit.attn_out is not None and not edit.attn_out.any()  # replaced by nothing, the bias too
    return heads, reader.new_zeros(()) if silent else reader @ in_float64(projection.bias), attn_out


def _direction(inside: Kept, target: int, rival: int | None) -> Float[Tensor, "emb_dim"]:
    """The row of the output head less the rival's, or less the mean of all."""
    weight = inside.model.output_head.weight
    other = _mean_row(weight) if rival is None else in_float64(weight[rival])
    return in_float64(weight[target]) - other


def _mean_row(weight: Float[Tensor, "vocab_size emb_dim"]) -> Float[Tensor, "emb_dim"]:
    """In float64, some rows at a time: all of GPT-2's at once would be 309 MB."""
    return torch.stack([in_float64(piece).sum(0) for piece in weight.split(_ROWS)]).sum(0) / len(weight)


def _reader(trace: Trace, inside: Kept, target: int, rival: int | None, place: int) -> tuple[Tensor, float]:
    """The vector [E] whose dot product with what a part wrote is its contribution, and the divisor in it.

    ((c - mean c) / s * scale) . d = c . (g - mean g) / s with g = scale * d.
    """
    check_ids((target,) if rival is None else (target, rival), trace.config.vocab_size)
    resid = in_float64(inside.resid[-1, place])
    divisor = math.sqrt(float(resid.var(correction=0)) + LayerNorm.eps)
    g = in_float64(inside.model.final_norm.scale) * _direction(inside, target, rival)
    return (g - g.mean()) / divisor, divisor


def _place(trace: Trace, position: int) -> int:
    if not -trace.n_tokens <= position < trace.n_tokens:
        raise OutOfRangeError(
            f"position is {position}; there are {trace.n_tokens:,} tokens, so give a number from 0 to {trace.n_tokens - 1}, or -1 for the last."
        )
    return index(position) % trace.n_tokens
