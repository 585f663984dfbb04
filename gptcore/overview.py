"""All attention maps of a sequence at a glance: pooled to a fixed size, with a few numbers for each head.

1,024 tokens of GPT-2 small have 576 MB of attention maps; here they are made a few rows at a time and thrown away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import LayerRows, attend, in_chunks, owned, queries


@dataclass(frozen=True, eq=False)
class AttentionOverview:
    """Every head of the layers asked for. Arrays are copies.

    maps: the pattern pooled to at most `size` x `size` cells; a cell is the largest weight of the queries and keys that it covers
    (with no more tokens than cells it is the pattern itself). starts: the first token of each cell, the same for both axes.
    entropy: bits, of the newest token's row. mean_entropy, over the rows; first_token_share: mean weight on the first token;
    strongest: (query, key) of the largest weight, strongest_weight: all three leave out the first row, which can see only itself,
    unless there is no other.
    """

    maps: Float[np.ndarray, "n_layers n_heads cells cells"]
    starts: tuple[int, ...]
    entropy: Float[np.ndarray, "n_layers n_heads"]
    mean_entropy: Float[np.ndarray, "n_layers n_heads"]
    first_token_share: Float[np.ndarray, "n_layers n_heads"]
    strongest: Int[np.ndarray, "n_layers n_heads 2"]
    strongest_weight: Float[np.ndarray, "n_layers n_heads"]


def overview(layers: Sequence[LayerRows], size: int) -> AttentionOverview:
    """Pools layer by layer; memory for one piece of one layer's maps at a time."""
    n_tokens = len(layers[0].resid)
    cells = min(size, n_tokens)
    starts = tuple(n_tokens * cell // cells for cell in range(cells))
    found = [_layer(rows, starts) for rows in layers]
    maps, entropies, shares, pairs, weights = (np.stack(arrays) for arrays in zip(*found, strict=True))
    skipped = min(1, n_tokens - 1)
    mean_entropies, first_token_shares = (rows[..., skipped:].mean(-1) for rows in (entropies, shares))
    return AttentionOverview(maps, starts, entropies[..., -1].copy(), mean_entropies, first_token_shares, pairs, weights)


def newest_row(rows: LayerRows) -> Float[np.ndarray, "n_heads key"]:
    """The attention weights of the last token, one row a head."""
    last = torch.tensor([len(rows.resid) - 1], device=rows.resid.device)
    return owned(attend(queries(rows, last), rows.k, rows.v, last).pattern[:, 0])


def _layer(rows: LayerRows, starts: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """maps [H, cells, cells], entropy [H, T], weight on the first token [H, T], strongest (query, key) [H, 2] and weight [H]."""
    n_heads, n_tokens = rows.k.shape[:2]
    positions = torch.arange(n_tokens, device=rows.resid.device)
    by_query, entropies, peaks, peak_keys, shares = [], [], [], [], []
    for some in in_chunks(positions, n_heads * n_tokens * rows.k.element_size()):
        seen = int(some[-1]) + 1  # keys behind the last query of this piece have no weight
        pattern = attend(queries(rows, some), rows.k[:, :seen], rows.v[:, :seen], some).pattern
        entropies.append(torch.special.entr(pattern).sum(-1) / math.log(2))
        peak, key = pattern.max(-1)
        peaks.append(peak)
        peak_keys.append(key)
        shares.append(pattern[..., 0])
        by_query.append(_pool(pattern, starts))
    peak, keys, skipped = torch.cat(peaks, 1), torch.cat(peak_keys, 1), min(1, n_tokens - 1)
    query = peak[:, skipped:].argmax(-1, keepdim=True) + skipped
    pairs = torch.cat([query, keys.gather(1, query)], 1)
    maps = np.maximum.reduceat(np.concatenate(by_query, axis=1), starts, axis=1)
    return maps, owned(torch.cat(entropies, 1)), owned(torch.cat(shares, 1)), owned(pairs), owned(peak.gather(1, query)[:, 0])


def _pool(pattern: Float[Tensor, "n_heads query key"], starts: tuple[int, ...]) -> Float[np.ndarray, "n_heads query cells"]:
    """The largest weight of each cell's keys; cells that begin behind the last key stay 0."""
    seen = [start for start in starts if start < pattern.shape[-1]]
    weights = pattern.cpu().numpy()
    pooled = np.zeros((*weights.shape[:2], len(starts)), weights.dtype)
    pooled[..., : len(seen)] = np.maximum.reduceat(weights, seen, axis=-1)
    return pooled
