"""What an independent GPT-2 (transformers) computes on the way, for the same weights and token ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPT2LMHeadModel

# Our name of an activation -> module inside a block, and whether it is what goes in or what comes out.
_PLACES = {
    "resid_pre": ("", "in"),
    "attn_in": ("ln_1", "out"),
    "attn_out": ("attn", "out"),
    "resid_mid": ("ln_2", "in"),
    "mlp_in": ("ln_2", "out"),
    "mlp_pre": ("mlp.c_fc", "out"),
    "mlp_post": ("mlp.act", "out"),
    "mlp_out": ("mlp", "out"),
    "resid_post": ("", "out"),
}


class TransformersRun:
    """layers[layer][name] is an array [n_tokens, ...] for the names of _PLACES; before_final and after_final: around the last
    LayerNorm; model: the transformers model."""

    def __init__(self, folder: Path, ids: Sequence[int]) -> None:
        self.model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
        body = self.model.transformer
        self.layers: list[dict[str, np.ndarray]] = [{} for _ in body.h]
        self.final: dict[str, np.ndarray] = {}
        for layer, block in enumerate(body.h):
            for name, (module, side) in _PLACES.items():
                self._keep(block.get_submodule(module), side, self.layers[layer], name)
        self._keep(body.ln_f, "in", self.final, "before")
        self._keep(body.ln_f, "out", self.final, "after")
        with torch.inference_mode():
            self.logits = self.model(torch.tensor([list(ids)])).logits[0].numpy()

    @staticmethod
    def _keep(module: torch.nn.Module, side: str, into: dict[str, np.ndarray], name: str) -> None:
        def hook(_: Any, given: Any, returned: Any) -> None:
            values = given if side == "in" else returned
            into[name] = (values[0] if isinstance(values, tuple) else values)[0].detach().numpy().copy()

        module.register_forward_hook(hook)


def close(given: np.ndarray, expected: np.ndarray) -> bool:
    """Whether the numbers are those expected, within what float32 rounds; NaN where NaN is expected."""
    return np.allclose(given, expected, rtol=1e-4, atol=1e-5, equal_nan=True)
