"""The tensors of a model folder as they lie in its safetensors files, before any of their numbers is used."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gptcore.errors import CheckpointError
from gptcore.folders import needed_weights, weight_names

PREFIX, EMBEDDING, HEAD, QKV_BIAS = "transformer.", "wte.weight", "lm_head.weight", "attn.c_attn.bias"
_MASK_BUFFER = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # stored with the weights, but no parameters
_NUMBER_TYPES = {"F64", "F32", "F16", "BF16"}


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of an open safetensors file; its numbers are not touched before they are used."""

    file: Any
    name: str

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.file.get_slice(self.name).get_shape())

    @property
    def number_type(self) -> str:
        return self.file.get_slice(self.name).get_dtype()

    def read(self, dtype: torch.dtype, transposed: bool) -> Tensor:
        tensor = self.file.get_tensor(self.name).to(dtype)
        return tensor.t() if transposed else tensor


def stored_tensors(folder: Path, opened: ExitStack) -> dict[str, StoredTensor]:
    """All tensors of a folder's weight files by their name without its prefix, the mask buffers left out."""
    needed_weights({path.name for path in folder.iterdir()}, str(folder))
    stored: dict[str, StoredTensor] = {}
    for path in (folder / name for name in weight_names(folder)):
        try:
            file = opened.enter_context(safe_open(path, framework="pt"))
        except (SafetensorError, OSError) as error:
            found = f"{path.stat().st_size:,} bytes" if path.is_file() else "no such file"
            raise CheckpointError(f"{path} is no whole safetensors file ({found}: {error}). Copy or fetch it again.") from error
        for name in file.keys():  # noqa: SIM118  an open safetensors file is no dict
            short = name.removeprefix(PREFIX)
            if short in stored:
                raise CheckpointError(f"{path} holds {short} a second time; each tensor may be there once.")
            if not _MASK_BUFFER.fullmatch(short):
                stored[short] = StoredTensor(file, name)
    return stored


def settle_tying(stored: dict[str, StoredTensor], said_tied: bool) -> bool:
    """Whether the output head is the token embedding. A file may hold both, or the one that they share under either name."""
    if not said_tied:
        return False
    if HEAD in stored and EMBEDDING in stored:
        # The numbers count, not what the configuration says of them: transformers decides in the same way.
        head, embedding = (stored[name].read(torch.float32, False) for name in (HEAD, EMBEDDING))
        if not torch.equal(head, embedding):
            return False
    if HEAD in stored:
        stored[EMBEDDING] = stored.pop(HEAD)
    return True


def check_tensors(folder: Path, stored: dict[str, StoredTensor], shapes: dict[str, tuple[int, ...]]) -> None:
    """Raises CheckpointError with everything by which the stored tensors differ from the wanted shapes."""
    there = {name: stored[name] for name in shapes if name in stored}
    differences = {
        "missing": [name for name in shapes if name not in stored],
        "surplus": [name for name in stored if name not in shapes],
        "misshapen": [f"{name} is {t.shape}, should be {shapes[name]}" for name, t in there.items() if t.shape != shapes[name]],
        "no float": [f"{name} is {t.number_type}" for name, t in there.items() if t.number_type not in _NUMBER_TYPES],
    }
    lines = [f"{kind} ({len(found)}): {', '.join(found)}" for kind, found in differences.items() if found]
    if lines:
        raise CheckpointError(f"The weights in {folder} do not fit its config.json as a GPT-2:\n" + "\n".join(lines))
