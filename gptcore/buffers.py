"""Buffers: where the rows of one sequence are kept, and the passes that fill them.

Rows are only ever added at the end of a buffer; whoever has a view of the earlier ones may go on reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from gptcore.edits import Edits, run_block
from gptcore.model import GPTModel, TransformerBlock


class Buffer:
    """Room for the rows of one sequence: residual stream [n_layers + 1, capacity, E], keys and values [n_layers, H, capacity, D].

    ids: the tokens whose rows are there (their number is `used`). Only `run_tokens` writes, and only behind them.
    """

    def __init__(self, model: GPTModel, capacity: int) -> None:
        config, like = model.config, model.token_embedding.weight
        self.capacity = capacity
        self.ids: tuple[int, ...] = ()
        self.last_asked = 0
        self.resid = like.new_empty(config.n_layers + 1, capacity, config.emb_dim)
        self.k, self.v = (like.new_empty(config.n_layers, config.n_heads, capacity, config.head_dim) for _ in range(2))

    @property
    def used(self) -> int:
        return len(self.ids)

    @property
    def n_bytes(self) -> int:
        """Of the whole capacity, used or not."""
        return self.resid.nbytes + self.k.nbytes + self.v.nbytes

    def copy_from(self, other: Buffer, n_tokens: int) -> None:
        self.copy_rows(other, 0, n_tokens)
        self.ids = other.ids[:n_tokens]

    def copy_rows(self, other: Buffer, start: int, end: int, depths: int | None = None) -> None:
        """The rows of some tokens; of the first `depths` residual streams, keys and values only, unless it is None."""
        for ours, theirs in ((self.resid, other.resid), (self.k, other.k), (self.v, other.v)):
            ours[:depths, ..., start:end, :] = theirs[:depths, ..., start:end, :]


class _LayerRows:
    """One layer's part of a buffer as the model's LayerCache: new keys and values are written behind the first `start`."""

    def __init__(
        self, k: Float[Tensor, "n_heads capacity head_dim"], v: Float[Tensor, "n_heads capacity head_dim"], start: int
    ) -> None:
        self._k, self._v, self._start = k, v, start

    def extend(
        self, k: Float[Tensor, "batch n_heads new head_dim"], v: Float[Tensor, "batch n_heads new head_dim"]
    ) -> tuple[Float[Tensor, "batch n_heads all head_dim"], Float[Tensor, "batch n_heads all head_dim"]]:
        end = self._start + k.shape[-2]
        self._k[:, self._start : end], self._v[:, self._start : end] = k[0], v[0]
        return self._k[None, :, :end], self._v[None, :, :end]


def run_tokens(model: GPTModel, buffer: Buffer, new_ids: Sequence[int]) -> None:
    """The model's own forward pass over the tokens behind those of the buffer, block by block, each residual stream kept."""
    start, end = buffer.used, buffer.used + len(new_ids)
    resid = buffer.resid[:, None, start:end]  # [n_layers + 1, 1, N, E]
    resid[0] = model.embed(torch.tensor([list(new_ids)], device=resid.device), start)
    for layer, block in enumerate(model.blocks):
        resid[layer + 1] = block(resid[layer], _LayerRows(buffer.k[layer], buffer.v[layer], start))


def run_tokens_edited(
    model: GPTModel, buffer: Buffer, ids: tuple[int, ...], start: int, edits: Edits, clean: Buffer | None, n_clean: int
) -> None:
    """As `run_tokens`, under an intervention, for the tokens from `start` on. `clean` has the rows of the first n_clean tokens without it:
    what the intervention cannot reach is copied from there."""
    untouched = max(start, min(edits.first_position, n_clean))
    if clean is not None:
        buffer.copy_rows(clean, start, untouched)
    for begin, end in ((untouched, max(untouched, n_clean)), (max(untouched, n_clean), len(ids))):
        if begin < end:
            shared = edits.shared if clean is not None and end <= n_clean else 0
            _run_rows(model, buffer, ids[begin:end], begin, edits, clean, shared)


def _run_rows(
    model: GPTModel, buffer: Buffer, new_ids: Sequence[int], start: int, edits: Edits, clean: Buffer | None, shared: int
) -> None:
    """One pass. shared: so many residual streams, and layers of keys and values, are those of `clean`."""
    end = start + len(new_ids)
    resid = buffer.resid[:, None, start:end]  # [n_layers + 1, 1, N, E]
    positions = torch.arange(start, end, device=resid.device)
    if shared and clean is not None:
        buffer.copy_rows(clean, start, end, shared)
    else:
        resid[0] = edits.embed(model, torch.tensor([list(new_ids)], device=resid.device), start)
    for layer in range(max(0, shared - 1), model.config.n_layers):
        block, rows = cast(TransformerBlock, model.blocks[layer]), _LayerRows(buffer.k[layer], buffer.v[layer], start)
        resid[layer + 1] = run_block(block, resid[layer], rows, edits.layers[layer], positions)
    if shared and clean is not None:  # the first block has written the same keys and values again, but for rounding
        buffer.copy_rows(clean, start, end, shared)
