"""From an intervention, a value of ids and indices, to the numbers that it puts in: a model's `Edits`."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor

from gptcore import activations
from gptcore.edits import Cells, Edits, LayerEdit
from gptcore.reference import ReferenceMeans
from gptcore.run import Ablation, Patch
from gptcore.trace import Trace, kept


def ablation_edits(ablation: Ablation, instead: ReferenceMeans) -> Edits:
    """instead: what stands in for the parts, from `gptcore.reference.replacements`."""
    layers, touched = [], []
    for layer, z in enumerate(instead.z):
        silent = layer in ablation.attention
        heads = {head: z[head] for head in range(len(z)) if silent or (layer, head) in ablation.heads}
        mlp_out = instead.mlp_out[layer] if layer in ablation.feed_forward else None
        layers.append(LayerEdit(heads, instead.attn_out[layer] if silent else None, mlp_out))
        if heads or mlp_out is not None:
            touched.append(layer)
    position_row = instead.position if ablation.position_embedding else None
    return Edits(tuple(layers), position_row, shared=0 if position_row is not None else min(touched) + 1)


def patch_edits(patch: Patch, source: Trace) -> Edits:
    """source: the clean trace of the patch's source."""
    found: dict[tuple[int, ...], list[tuple[int, Tensor]]] = defaultdict(list)
    values = _values(patch, source)
    for cell in sorted(patch.cells):
        found[cell[:-2]].append((cell[-1], values[cell]))
    cells = {
        where: Cells(torch.tensor([place for place, _ in rows], device=rows[0][1].device), torch.stack([row for _, row in rows]))
        for where, rows in found.items()
    }
    n_layers, first_position = source.config.n_layers, min(cell[-1] for cell in patch.cells)
    lowest = min(cell[0] for cell in patch.cells)
    if patch.site == "resid_pre":  # what stands before block l stands after block l - 1
        layers = tuple(LayerEdit(resid_cells=cells.get((layer + 1,))) for layer in range(n_layers))
        return Edits(layers, embed_cells=cells.get((0,)), shared=lowest, first_position=first_position)
    by_layer: list[dict[str, Any]] = [{} for _ in range(n_layers)]
    for (layer, *head), some in cells.items():
        if patch.site == "z":
            by_layer[layer].setdefault("z_cells", {})[head[0]] = some
        else:
            by_layer[layer]["attn_cells" if patch.site == "attn_out" else "mlp_cells"] = some
    return Edits(tuple(LayerEdit(**said) for said in by_layer), shared=lowest + 1, first_position=first_position)


def _values(patch: Patch, source: Trace) -> dict[tuple[int, ...], Tensor]:
    """Each cell's row of the source; every layer is computed once, at the positions that are needed of it."""
    rows, out = kept(source), {}
    for layer in {cell[0] for cell in patch.cells}:
        cells = [cell for cell in patch.cells if cell[0] == layer]
        places = sorted({cell[-2] for cell in cells})
        found = _of_layer(patch.site, rows.resid[layer] if patch.site == "resid_pre" else rows.layers[layer], places)
        for cell in cells:
            row = found[..., places.index(cell[-2]), :]
            out[cell] = row[cell[1]] if patch.site == "z" else row
    return out


def _of_layer(site: str, of: Any, places: list[int]) -> Tensor:
    """Rows [place, width], for "z" [head, place, head_dim]."""
    if site == "resid_pre":
        rows: Tensor = of[places]
        return rows
    positions = torch.tensor(places, device=of.resid.device)
    if site == "z":
        return activations.context(of, positions)
    if site == "attn_out":
        return activations.attention_out(of, positions)
    return activations.feed_forward_out(of, activations.residual_middle(of, positions), positions)
