"""transformers' GPT-2 with hooks, in float64: an outsider that switches parts off and patches cells by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import GPT2LMHeadModel

from gptcore.run import Ablation, Intervention, Patch


class Peer:
    """reference_ids: the tokens over which "mean" is meant."""

    def __init__(self, folder: Path, reference_ids: Sequence[int]) -> None:
        self.model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval().double()
        self.reference_ids = tuple(reference_ids)
        config = self.model.config
        self.n_layers, self.n_heads, self.context = config.n_layer, config.n_head, config.n_positions
        self.head_dim = config.n_embd // config.n_head
        self._means: dict[str, Tensor] | None = None
        self._last_only = False

    def logits(self, ids: Sequence[int], intervention: Intervention | None = None, last_only: bool = False) -> Tensor:
        """[n_tokens, vocab_size], float64. last_only: an ablation acts on the last token's row alone."""
        self._last_only = last_only
        hooks = {None: lambda _: {}, Ablation: self._ablation_hooks, Patch: self._patch_hooks}
        kind = None if intervention is None else type(intervention)
        with torch.inference_mode(), self._hooked(hooks[kind](intervention)):
            return self.model(torch.tensor([list(ids)])).logits[0]

    def seen(self, ids: Sequence[int]) -> dict[str, Tensor]:
        """By site: resid_pre [depth, n, E], z [layer, n, E], attn_out and mlp_out [layer, n, E], position [n, E]."""
        found: dict[str, dict[int, Tensor]] = {"resid_pre": {}, "z": {}, "attn_out": {}, "mlp_out": {}, "position": {}}

        def keep(site: str, layer: int) -> Any:
            def hook(x: Tensor) -> Tensor:
                found[site][layer] = x[0].clone()
                return x

            return hook

        everything: dict[tuple[str, int], Any] = {("position", 0): keep("position", 0)}
        for layer in range(self.n_layers):
            everything |= {(site, layer): keep(site, layer) for site in ("resid_pre", "z", "attn_out", "mlp_out")}
        everything["resid_pre", self.n_layers] = keep("resid_pre", self.n_layers)
        with torch.inference_mode(), self._hooked(everything):
            self.model(torch.tensor([list(ids)]))
        return {site: torch.stack([rows[i] for i in sorted(rows)]) for site, rows in found.items()}

    @property
    def means(self) -> dict[str, Tensor]:
        """Each component's own mean over the reference text, without the first token of each pass."""
        if self._means is None:
            length, ids = min(self.context, 64), self.reference_ids
            parts = [self.seen(ids[start : start + length]) for start in range(0, len(ids), length)]
            kept = [{site: rows[:, 1 if rows.shape[1] > 1 else 0 :] for site, rows in part.items()} for part in parts]
            self._means = {site: torch.cat([part[site] for part in kept], 1).mean(1) for site in kept[0]}
        return self._means

    def _ablation_hooks(self, ablation: Ablation) -> dict[tuple[str, int], Any]:
        means = self.means  # a run of its own, before any hook hangs

        last_only = self._last_only

        def put(x: Tensor, changed: Tensor) -> Tensor:
            return torch.cat([x[..., :-1, :], changed[..., -1:, :]], dim=-2) if last_only else changed

        def usual(site: str, layer: int) -> Tensor:
            mean = means[site][layer]
            return mean if ablation.replacement == "mean" else torch.zeros_like(mean)

        def whole(site: str, layer: int) -> Any:
            return lambda x: put(x, usual(site, layer).expand_as(x))

        def without(layer: int) -> Any:
            def hook(given: Tensor) -> Tensor:
                x = given.clone()
                for head in (head for where, head in ablation.heads if where == layer):
                    part = slice(head * self.head_dim, (head + 1) * self.head_dim)
                    x[..., part] = usual("z", layer)[part]
                return put(given, x)

            return hook

        hooks: dict[tuple[str, int], Any] = {("z", layer): without(layer) for layer, _ in ablation.heads}
        hooks |= {("attn_out", layer): whole("attn_out", layer) for layer in ablation.attention}
        hooks |= {("mlp_out", layer): whole("mlp_out", layer) for layer in ablation.feed_forward}
        return hooks | ({("position", 0): whole("position", 0)} if ablation.position_embedding else {})

    def _patch_hooks(self, patch: Patch) -> dict[tuple[str, int], Any]:
        source = self.seen(patch.source)[patch.site]

        def put(layer: int) -> Any:
            def hook(x: Tensor) -> Tensor:
                x = x.clone()
                for cell in (cell for cell in patch.cells if cell[0] == layer):
                    part = slice(cell[1] * self.head_dim, (cell[1] + 1) * self.head_dim) if patch.site == "z" else slice(None)
                    x[:, cell[-1], part] = source[layer, cell[-2], part]
                return x

            return hook

        return {(patch.site, cell[0]): put(cell[0]) for cell in patch.cells}

    @contextmanager
    def _hooked(self, hooks: dict[tuple[str, int], Any]) -> Iterator[None]:
        body, handles = self.model.transformer, []
        for (site, layer), change in hooks.items():
            if site == "position":
                handles.append(body.wpe.register_forward_hook(lambda _m, _a, out, change=change: change(out)))
            elif site == "resid_pre":
                module = body.h[layer] if layer < self.n_layers else body.ln_f
                handles.append(module.register_forward_pre_hook(lambda _m, args, change=change: (change(args[0]), *args[1:])))
            elif site == "z":
                module = body.h[layer].attn.c_proj
                handles.append(module.register_forward_pre_hook(lambda _m, args, change=change: (change(args[0]),)))
            elif site == "attn_out":
                module = body.h[layer].attn
                handles.append(module.register_forward_hook(lambda _m, _a, out, change=change: (change(out[0]), *out[1:])))
            else:
                module = body.h[layer].mlp
                handles.append(module.register_forward_hook(lambda _m, _a, out, change=change: change(out)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def off(
    *heads: tuple[int, int], attention: Any = (), feed_forward: Any = (), position: bool = False, zero: bool = False
) -> Ablation:
    return Ablation(frozenset(heads), frozenset(attention), frozenset(feed_forward), position, "zero" if zero else "mean")


def apart(found: Any, expected: Any) -> float:
    found, expected = np.asarray(found), np.asarray(expected)
    return float(abs(found - expected).max() / abs(expected).max())
