"""Where the difference between two texts travels: cells of one run are put into the other, each by itself.

Patching the source's cell into the target's run asks what is enough to bring the source's answer over; the other direction, the two
exchanged, asks what it needs, and the answers differ. (Meng et al. 2022, https://arxiv.org/abs/2202.05262; Zhang and Nanda 2023,
https://arxiv.org/abs/2309.16042; Heimersheim and Nanda 2024, https://arxiv.org/abs/2404.15255.) Exact: no gradient stands in for a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from operator import index
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import attention_out, context, feed_forward_out, owned, residual_middle
from gptcore.arguments import Ids, check_ids, token_ids
from gptcore.devices import in_float64
from gptcore.errors import InterventionError, OutOfRangeError, SequenceLengthError
from gptcore.model import GPTModel
from gptcore.trace import Kept, Trace, kept
from gptcore.variants import ROWS_AT_ONCE, Stage, head_variants, push, starts_at_once

MapSite = Literal["resid_pre", "attn_out", "mlp_out"]


@dataclass(frozen=True)
class LogitDifference:
    """The logit of one token minus that of another, at the last position: unlike a probability it shows what speaks against, too."""

    target: int
    rival: int

    def of(self, model: GPTModel, resid: Float[Tensor, "... emb_dim"]) -> Float[Tensor, "..."]:
        """From the residual stream after the last block."""
        rows = model.output_head.weight[[self.target, self.rival]]
        logits = model.final_norm(resid) @ rows.T
        return logits[..., 0] - logits[..., 1]


@dataclass(frozen=True, eq=False)
class PatchEffects:
    """One cell patched, for every cell. Arrays are copies, [layer, position] or [layer, head].

    effect: how far the metric moves from the target's value, in logits; recovered: effect over the whole difference, 0 where the patch
    changes nothing and 1 where it brings the source's value; NaN where the two texts have the same value. The residual stream has
    n_layers + 1 rows, the last after the last block; the first is the same as typing the source's token. target_value, source_value:
    the metric without a patch. first_difference: the first position where the texts differ; before it every effect is exactly 0.
    """

    metric: LogitDifference
    effect: Float[np.ndarray, "layer place"]
    target_value: float
    source_value: float
    first_difference: int

    @property
    def recovered(self) -> Float[np.ndarray, "layer place"]:
        """effect / (source_value - target_value)."""
        whole = self.source_value - self.target_value
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.effect == 0, 0.0 if whole else np.nan, self.effect / whole)


@torch.inference_mode()
def patch_map(
    target: Trace,
    source: Trace,
    metric: LogitDifference,
    site: MapSite = "resid_pre",
    positions: Sequence[int] | None = None,
    layers: Sequence[int] | None = None,
) -> PatchEffects:
    """Each cell (layer, position) of the target's run taken from the same place of the source's; of the positions and layers that are
    named, where somebody waits for a long text: all other effects are then NaN.

    Raises OutOfRangeError for a position or layer that is not there, SequenceLengthError for texts of different lengths
    (nothing is cut or padded: `align` shows where they differ),
    InterventionError for traces of two models, TokenError for a metric outside the vocabulary.
    """
    if site not in get_args(MapSite):
        raise InterventionError(f"site is {site!r}; choose one of: {', '.join(get_args(MapSite))}.")
    ours, theirs, first = _pair(target, source, metric)
    n_layers, n_tokens = target.config.n_layers, target.n_tokens
    before, after = _values(metric, ours), _values(metric, theirs)
    n_rows = n_layers + (site == "resid_pre")
    columns = _among(positions, n_tokens, "position", "tokens")
    rows = _among(layers, n_rows, "layer", "places for this patch")
    effect = np.full((n_rows, n_tokens), np.nan)
    effect[np.ix_(rows, columns)] = 0
    wanted = [position for position in columns if position >= first]
    if wanted:
        place = torch.arange(first, n_tokens, device=ours.resid.device)
        instead = torch.stack([_written(site, theirs, layer, place) for layer in range(len(effect))])
        around = torch.stack([_around(site, ours, layer, place) for layer in range(len(effect))])
        for group in torch.tensor(wanted, device=place.device).split(starts_at_once(target.config.emb_dim)):
            values = metric.of(ours.model, _columns(site, ours, instead, around, group, first, rows))
            effect[np.ix_(rows, group.tolist())] = owned(in_float64(values)).reshape(len(rows), -1) - before
    return PatchEffects(metric, effect, before, after, first)


@torch.inference_mode()
def patch_heads(target: Trace, source: Trace, metric: LogitDifference, layers: Sequence[int] | None = None) -> PatchEffects:
    """Each head's context vectors taken from the source's run, at all positions: [layer, head]; NaN in layers that are not among those
    named. Raises as `patch_map`."""
    ours, theirs, first = _pair(target, source, metric)
    n_layers, n_heads = target.config.n_layers, target.config.n_heads
    before, after = _values(metric, ours), _values(metric, theirs)
    wanted = _among(layers, n_layers, "layer", "layers")
    effect = np.full((n_layers, n_heads), np.nan)
    effect[wanted] = 0
    if first < target.n_tokens:
        positions = torch.arange(first, target.n_tokens, device=ours.resid.device)
        per_pass = max(1, ROWS_AT_ONCE // (len(positions) * n_heads))
        for start in range(0, len(wanted), per_pass):
            some = wanted[start : start + per_pass]

            def joining(layer: int, stage: Stage, at: Tensor, some: list[int] = some) -> Tensor | None:
                if stage == "resid_pre" or layer not in some:
                    return None
                rows = ours.layers[layer]
                return head_variants(rows, context(rows, at), context(theirs.layers[layer], at), rows.resid[at], at)

            values = metric.of(ours.model, push(ours, positions, joining))
            effect[some] = owned(in_float64(values)).reshape(len(some), n_heads) - before
    return PatchEffects(metric, effect, before, after, first)


def _among(asked: Sequence[int] | None, count: int, name: str, counted: str) -> list[int]:
    """In their order, each once; all where none are named."""
    for value in asked or ():
        if not 0 <= value < count:
            raise OutOfRangeError(f"{name} is {value}; there are {count:,} {counted}, so give a number from 0 to {count - 1}.")
    return list(range(count)) if asked is None else sorted({index(value) for value in asked})


def _pair(target: Trace, source: Trace, metric: LogitDifference) -> tuple[Kept, Kept, int]:
    """Both insides, and the first position where the texts (or what is done to them) differ."""
    if target.n_tokens != source.n_tokens:
        raise SequenceLengthError(
            f"The target has {target.n_tokens:,} tokens and the source {source.n_tokens:,}; a patch needs texts of one length, "
            "position by position: exchange words for others of as many tokens."
        )
    ours, theirs = kept(target), kept(source)
    if ours.model is not theirs.model:
        raise InterventionError(
            f"The target is of {target.run.model} and the source of {source.run.model}; a patch needs one model."
        )
    check_ids((metric.target, metric.rival), target.config.vocab_size)
    if target.run.intervention != source.run.intervention:
        return ours, theirs, 0
    differing = (position for position, (a, b) in enumerate(zip(target.ids, source.ids, strict=True)) if a != b)
    return ours, theirs, next(differing, target.n_tokens)


def _values(metric: LogitDifference, of: Kept) -> float:
    return float(metric.of(of.model, of.resid[-1, -1]))


def _written(site: MapSite, of: Kept, layer: int, positions: Tensor) -> Float[Tensor, "n emb_dim"]:
    if site == "resid_pre":
        return of.resid[layer, positions]
    rows = of.layers[layer]
    if site == "attn_out":
        return attention_out(rows, positions)
    return feed_forward_out(rows, residual_middle(rows, positions), positions)


def _around(site: MapSite, of: Kept, layer: int, positions: Tensor) -> Float[Tensor, "n emb_dim"]:
    """What the written rows are added to; nothing for the residual stream itself."""
    if site == "resid_pre":
        return torch.zeros_like(of.resid[0, positions])
    return of.resid[layer, positions] if site == "attn_out" else residual_middle(of.layers[layer], positions)


def _columns(
    site: MapSite,
    of: Kept,
    instead: Float[Tensor, "depth n emb_dim"],
    around: Float[Tensor, "depth n emb_dim"],
    group: Int[Tensor, "group"],
    first: int,
    depths: list[int],
) -> Float[Tensor, "variants emb_dim"]:
    """The residual stream after the last block, at the last position, with one cell patched: by layer (those in `depths`), then by position of
    `group`.

    instead, around: from position `first` on. The variants of a group share one start, so that a few passes do for all positions.
    """
    stage_there, later = ("resid_mid", 0) if site == "attn_out" else ("resid_pre", 1 if site == "mlp_out" else 0)

    def joining(layer: int, stage: Stage, at: Tensor) -> Tensor | None:
        if stage != stage_there or layer - later not in depths:
            return None
        rows = of.layers[layer - later] if layer - later < len(of.layers) else None
        here = instead[layer - later] + around[layer - later]
        unpatched = residual_middle(of.layers[layer], at) if site == "attn_out" else of.resid[layer, at]
        if site == "mlp_out" and rows is not None:
            here = rows.edit.on_resid_post(here, torch.arange(first, first + len(here), device=at.device))
        return torch.where((at == group[:, None])[..., None], here[at - first], unpatched)

    return push(of, torch.arange(int(group[0]), of.resid.shape[1], device=of.resid.device), joining)


@dataclass(frozen=True)
class Aligned:
    """A stretch of two texts: tokens start ... stop - 1 of each. kind: equal, replaced, or only in one of them."""

    kind: Literal["equal", "replaced", "only_a", "only_b"]
    a: tuple[int, int]
    b: tuple[int, int]


_KINDS: dict[str, Literal["equal", "replaced", "only_a", "only_b"]] = {
    "equal": "equal",
    "replace": "replaced",
    "delete": "only_a",
    "insert": "only_b",
}


def align(ids_a: Ids, ids_b: Ids) -> tuple[Aligned, ...]:
    """Where two texts are the same and where they differ, from left to right; nothing is left out of either."""
    matcher = SequenceMatcher(None, token_ids(ids_a), token_ids(ids_b), autojunk=False)
    return tuple(Aligned(_KINDS[kind], (a, a_end), (b, b_end)) for kind, a, a_end, b, b_end in matcher.get_opcodes())
