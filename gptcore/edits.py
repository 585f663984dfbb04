"""What an intervention changes on the way through the blocks, with the numbers that it puts in: `gptcore.interventions` makes it.

Shapes: `positions` are the places in the text of the rows at hand, one for each of the axis N; D = head_dim, E = emb_dim.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.model import GPTModel, LayerCache, TransformerBlock


class Cells(NamedTuple):
    """Rows that are put in at some places of the text."""

    places: Int[Tensor, "cells"]
    values: Float[Tensor, "cells width"]

    def put(self, x: Float[Tensor, "... n width"], positions: Int[Tensor, "n"]) -> Float[Tensor, "... n width"]:
        """x with the rows at these places replaced; x itself where none of them is among `positions`."""
        rows, cells = (positions[:, None] == self.places).nonzero(as_tuple=True)
        if not len(rows):
            return x
        x = x.clone()
        x[..., rows, :] = self.values[cells]
        return x


@dataclass(frozen=True, eq=False)
class LayerEdit:
    """Of one block. heads: what stands in for a head's context vector at every position [D]; attn_out, mlp_out: what stands in for
    what the whole part writes at every position [E]; the rest: cells. z_cells are by head; resid_cells are put into the residual
    stream after the block."""

    heads: dict[int, Float[Tensor, "head_dim"]] = field(default_factory=dict)
    attn_out: Float[Tensor, "emb_dim"] | None = None
    mlp_out: Float[Tensor, "emb_dim"] | None = None
    z_cells: dict[int, Cells] = field(default_factory=dict)
    attn_cells: Cells | None = None
    mlp_cells: Cells | None = None
    resid_cells: Cells | None = None

    def on_z(
        self, z: Float[Tensor, "... heads n head_dim"], positions: Int[Tensor, "n"], heads: tuple[int, ...] | None = None
    ) -> Float[Tensor, "... heads n head_dim"]:
        """heads: those of the axis, where it is not all of them in their order."""
        if not self.heads and not self.z_cells:
            return z
        z = z.clone()
        for place, head in enumerate(range(z.shape[-3]) if heads is None else heads):
            if (value := self.heads.get(head)) is not None:
                z[..., place, :, :] = value
            if (cells := self.z_cells.get(head)) is not None:
                z[..., place, :, :] = cells.put(z[..., place, :, :], positions)
        return z

    def on_attn_out(self, x: Float[Tensor, "... n emb_dim"], positions: Int[Tensor, "n"]) -> Float[Tensor, "... n emb_dim"]:
        return _on_rows(x, self.attn_out, self.attn_cells, positions)

    def on_mlp_out(self, x: Float[Tensor, "... n emb_dim"], positions: Int[Tensor, "n"]) -> Float[Tensor, "... n emb_dim"]:
        return _on_rows(x, self.mlp_out, self.mlp_cells, positions)

    def on_resid_post(self, x: Float[Tensor, "... n emb_dim"], positions: Int[Tensor, "n"]) -> Float[Tensor, "... n emb_dim"]:
        return _on_rows(x, None, self.resid_cells, positions)


def _on_rows(x: Tensor, everywhere: Tensor | None, cells: Cells | None, positions: Tensor) -> Tensor:
    if everywhere is not None:
        x = everywhere.expand_as(x)
    return x if cells is None else cells.put(x, positions)


NOTHING = LayerEdit()


@dataclass(frozen=True, eq=False)
class Edits:
    """All of one intervention in one model.

    layers: by block. position_row: what stands in for each position's row of the embedding table; embed_cells: rows put into the
    residual stream before block 0. shared: so many of the first residual streams (and layers of keys and values) are those of the
    clean run at every position; first_position: before it everything is.
    """

    layers: tuple[LayerEdit, ...]
    position_row: Float[Tensor, "emb_dim"] | None = None
    embed_cells: Cells | None = None
    shared: int = 0
    first_position: int = 0

    def embed(self, model: GPTModel, ids: Int[Tensor, "batch new"], start: int = 0) -> Float[Tensor, "batch new emb_dim"]:
        """As GPTModel.embed, changed."""
        return self.with_positions(model, model.token_embedding(ids), start)

    def with_positions(
        self, model: GPTModel, rows: Float[Tensor, "batch new emb_dim"], start: int = 0
    ) -> Float[Tensor, "batch new emb_dim"]:
        """The residual stream before block 0, from rows that stand where those of the token embedding do."""
        positions = torch.arange(start, start + rows.shape[1], device=rows.device)
        by_place = model.position_embedding(positions) if self.position_row is None else self.position_row
        return _on_rows(rows + by_place, None, self.embed_cells, positions)


def run_block(
    block: TransformerBlock,
    resid_pre: Float[Tensor, "batch new emb_dim"],
    cache: LayerCache | None,
    edit: LayerEdit,
    positions: Int[Tensor, "new"],
) -> Float[Tensor, "batch new emb_dim"]:
    """The block's forward pass, changed. A head is replaced before the output projection, so that the projection's bias stays; what
    stands in for the whole attention stands in for the bias too."""
    z = edit.on_z(block.attention.context(block.ln_1(resid_pre), cache), positions)
    attn_out = edit.on_attn_out(block.attention.project(z), positions)
    resid_mid = resid_pre + attn_out
    mlp_out = edit.on_mlp_out(block.feed_forward(block.ln_2(resid_mid)), positions)
    return edit.on_resid_post(resid_mid + mlp_out, positions)


def forward(model: GPTModel, ids: Int[Tensor, "batch n_tokens"], edits: Edits | None) -> Float[Tensor, "batch n_tokens emb_dim"]:
    """The residual stream after the last block, in one pass without a cache."""
    return forward_from(model, model.embed(ids) if edits is None else edits.embed(model, ids), edits)


def forward_from(
    model: GPTModel, x: Float[Tensor, "batch n_tokens emb_dim"], edits: Edits | None
) -> Float[Tensor, "batch n_tokens emb_dim"]:
    """As `forward`, from the residual stream before block 0."""
    positions = torch.arange(x.shape[1], device=x.device)
    for place, block in enumerate(cast(TransformerBlock, block) for block in model.blocks):
        x = block(x) if edits is None else run_block(block, x, None, edits.layers[place], positions)
    return x
