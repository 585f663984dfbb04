"""Random models that transformers writes, to be read by this project and compared; and ways to spoil what was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from gptcore.model import GPTModel

Tensors = dict[str, Tensor]


def theirs(folder: Path, dtype: torch.dtype = torch.float32, **shape: Any) -> GPT2LMHeadModel:
    """A random model of transformers', written to the folder: 61 tokens, 20 positions, 2 layers of 3 heads, 5 wide each."""
    sizes = {"vocab_size": 61, "n_positions": 20, "n_embd": 15, "n_head": 3, "n_layer": 2} | shape
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, attn_implementation="eager")).to(dtype).eval()
        with torch.no_grad():
            for parameter in model.parameters():  # far from the small, regular values that a new model starts with
                parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    return model


def ids_for(model: GPT2LMHeadModel) -> Tensor:
    return torch.arange(model.config.n_positions).remainder(model.config.vocab_size).unsqueeze(0) * 7 % model.config.vocab_size


def assert_same_logits(model: GPT2LMHeadModel, ours: GPTModel, within: float = 1e-5) -> None:
    with torch.inference_mode():
        wanted, found = model(ids_for(model)).logits, ours(ids_for(model))
    assert found.dtype == wanted.dtype
    assert (found - wanted).abs().max() <= within * wanted.abs().max()


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Replace the tensors of a folder's weights."""
    tensors = change(load_file(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / "model.safetensors", {"format": "pt"})


def reconfigure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
