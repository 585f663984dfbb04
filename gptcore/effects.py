"""What the next token's probability owes to each part: the part is switched off, and the model runs on without it.

Exact: every figure is the difference of two runs. What later layers do about the missing part is in it ("self-repair": Rushing and
Nanda 2024, https://arxiv.org/abs/2402.15390), so it is not the part's direct share, which is `gptcore.attribution`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import index
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import attention_out, context, owned
from gptcore.arguments import check_ids
from gptcore.edits import NOTHING, Edits
from gptcore.errors import InterventionError, OutOfRangeError
from gptcore.model import GPTModel
from gptcore.reference import replacements
from gptcore.run import Replacement
from gptcore.trace import Trace, kept
from gptcore.variants import LOGITS_AT_ONCE, ROWS_AT_ONCE, Stage, head_variants, push

Scope = Literal["last", "everywhere"]


@dataclass(frozen=True, eq=False)
class Effects:
    """What changes at the next token when one part is off; the axes are those of the parts. Arrays are copies.

    target, rival: the tokens that are followed. log_prob_change: of the target, in bits; negative where the part helps it.
    logit_difference_change: of target minus rival, None without a rival. divergence: Kullback-Leibler divergence from the
    distribution with the part to the one without, in bits. top_token: the likeliest without.
    """

    target: int
    rival: int | None
    log_prob_change: Float[np.ndarray, "..."]
    logit_difference_change: Float[np.ndarray, "..."] | None
    divergence: Float[np.ndarray, "..."]
    top_token: Int[np.ndarray, "..."]


@dataclass(frozen=True, eq=False)
class PartEffects:
    """Whole parts, [layer] each. block: attention and feed-forward of a layer together; position_embedding: one number, None where
    only layers above the first were asked for."""

    attention: Effects
    feed_forward: Effects
    block: Effects
    position_embedding: Effects | None


@torch.inference_mode()
def head_effects(
    trace: Trace,
    target: int | None = None,
    rival: int | None = None,
    scope: Scope = "last",
    replacement: Replacement = "mean",
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> Effects:
    """Each head off, one at a time: arrays [layer, head], of all layers and heads or of those named.

    target: None for the likeliest token. scope: "last" takes the head from the last token only, as if it alone were without it;
    "everywhere" from every token, as `Ablation` does. The upper layers cost least: name them first where somebody waits.
    Raises TokenError for a token outside the vocabulary, OutOfRangeError for a layer or head that is not there.
    """
    inside, instead = kept(trace), replacements(kept(trace).language_model, _checked(replacement, Replacement))
    target = followed(trace, target, rival)
    asked = [_head(trace, head) for head in (range(trace.config.n_heads) if heads is None else heads)]
    wanted = sorted({_layer(trace, layer) for layer in (range(trace.config.n_layers) if layers is None else layers)})
    positions = _positions(trace, _checked(scope, Scope))
    per_layer = max(1, ROWS_AT_ONCE // (len(positions) * max(1, len(asked))))
    found = []
    for start in range(0, len(wanted), per_layer):
        some = wanted[start : start + per_layer]

        def joining(layer: int, stage: Stage, at: Tensor, some: list[int] = some) -> Tensor | None:
            if stage == "resid_pre" or layer not in some:
                return None
            rows = inside.layers[layer]
            z = context(rows, at)
            return head_variants(rows, z, instead.z[layer][:, None].expand_as(z), rows.resid[at], at)[asked]

        found.append(push(inside, positions, joining))
    order = [wanted.index(_layer(trace, layer)) for layer in (wanted if layers is None else layers)]
    resid = torch.cat(found).unflatten(0, (len(wanted), -1))[order].flatten(0, 1)
    return _measured(inside.model, resid, trace, target, rival, (len(order), len(asked)))


@torch.inference_mode()
def part_effects(
    trace: Trace,
    target: int | None = None,
    rival: int | None = None,
    scope: Scope = "last",
    replacement: Replacement = "mean",
    layers: range | None = None,
) -> PartEffects:
    """Each layer's attention, feed-forward and both off, of all layers or of a stretch of them, and the position embedding; otherwise
    as `head_effects`."""
    inside, instead = kept(trace), replacements(kept(trace).language_model, _checked(replacement, Replacement))
    target = followed(trace, target, rival)
    positions = _positions(trace, _checked(scope, Scope))
    ends = (0, trace.config.n_layers - 1) if layers is None else (_layer(trace, layers[0]), _layer(trace, layers[-1]))
    wanted = range(ends[0], ends[1] + 1)
    edits = inside.edits or Edits((NOTHING,) * trace.config.n_layers)
    per_pass = max(1, ROWS_AT_ONCE // (3 * len(positions)))
    by_part: dict[str, list[Tensor]] = {"position": [], "attention": [], "feed_forward": [], "block": []}
    for start in range(wanted.start, wanted.stop, per_pass):
        some = range(start, min(start + per_pass, wanted.stop))
        joined: list[str] = []

        def joining(layer: int, stage: Stage, at: Tensor, some: range = some, joined: list[str] = joined) -> Tensor | None:
            if stage == "resid_mid":
                if layer not in some:
                    return None
                joined.append("attention")
                return (inside.layers[layer].resid[at] + instead.attn_out[layer])[None]
            if layer == 0 and some[0] == 0:
                joined.append("position")
                ids = torch.tensor([trace.ids], device=at.device)[:, at]
                return replace(edits, position_row=instead.position).embed(inside.model, ids, int(at[0]))
            if layer - 1 not in some:
                return None
            joined.extend(("feed_forward", "block"))
            rows = inside.layers[layer - 1]
            resid_pre = rows.resid[at]
            without_mlp = resid_pre + attention_out(rows, at) + instead.mlp_out[layer - 1]
            without_both = resid_pre + instead.attn_out[layer - 1] + instead.mlp_out[layer - 1]
            return rows.edit.on_resid_post(torch.stack([without_mlp, without_both]), at)

        for name, row in zip(joined, push(inside, positions, joining), strict=True):
            by_part[name].append(row)
    model = inside.model
    attention, feed_forward, block = (
        _measured(model, torch.stack(by_part[name]), trace, target, rival, (len(wanted),))
        for name in ("attention", "feed_forward", "block")
    )
    by_place = by_part["position"]
    position = _measured(model, torch.stack(by_place), trace, target, rival, ()) if by_place else None
    return PartEffects(attention, feed_forward, block, position)


def _measured(
    model: GPTModel,
    resid: Float[Tensor, "variants emb_dim"],
    trace: Trace,
    target: int,
    rival: int | None,
    shape: tuple[int, ...],
) -> Effects:
    """resid: after the last block, of each variant. With d the change of the logits and p the trace's distribution, the variant's is
    p exp(d) / sum(p exp(d)): this way small changes are not lost in the rounding of large logits."""
    before = torch.from_numpy(trace.logits).to(resid.device)
    probs = before.softmax(-1)
    columns: list[list[Tensor]] = [[], [], [], []]
    for some in resid.split(LOGITS_AT_ONCE):
        logits = model.unembed(some)
        top = logits.argmax(-1)
        change = logits.sub_(before)
        largest = change.amax(-1)
        at_target, at_rival = change[:, target], change[:, target if rival is None else rival]
        mean_change, log_total = change @ probs, ((change - largest[:, None]).exp_() @ probs).log() + largest
        bits = (at_target - log_total) / math.log(2), (log_total - mean_change).clamp_(min=0) / math.log(2)
        found = (bits[0], at_target - at_rival, bits[1], top)
        for column, values in zip(columns, found, strict=True):
            column.append(values)
    log_probs, differences, divergences, top_tokens = (owned(torch.cat(column)).reshape(shape) for column in columns)
    return Effects(target, rival, log_probs, None if rival is None else differences, divergences, top_tokens)


def followed(trace: Trace, target: int | None, rival: int | None) -> int:
    """The token to follow: the likeliest, if none is named. Raises TokenError for one that is not there."""
    check_ids([token_id for token_id in (target, rival) if token_id is not None], trace.config.vocab_size)
    return int(trace.logits.argmax()) if target is None else index(target)


def _positions(trace: Trace, scope: Scope) -> Int[Tensor, "n"]:
    device = kept(trace).resid.device
    return torch.arange(trace.n_tokens - 1 if scope == "last" else 0, trace.n_tokens, device=device)


def _checked(value: Any, choices: Any) -> Any:
    if value not in get_args(choices):
        raise InterventionError(f"{value!r} is not offered; choose one of: {', '.join(get_args(choices))}.")
    return value


def _head(trace: Trace, head: int) -> int:
    if not 0 <= head < trace.config.n_heads:
        raise OutOfRangeError(
            f"head is {head}; there are {trace.config.n_heads} heads per layer, so give a number from 0 to {trace.config.n_heads - 1}."
        )
    return index(head)


def _layer(trace: Trace, layer: int) -> int:
    if not 0 <= layer < trace.config.n_layers:
        raise OutOfRangeError(
            f"layer is {layer}; there are {trace.config.n_layers} layers, so give a number from 0 to {trace.config.n_layers - 1}."
        )
    return index(layer)
