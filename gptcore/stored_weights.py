"""The tensors of a model folder as they lie in its safetensors files, before any of their numbers is used."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import ExitStack, suppress
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

    def count_not_finite(self, dtype: torch.dtype) -> int:
        """How many of its numbers are NaN or infinite, in `dtype`."""
        tensor = self.read(dtype, False)
        if not tensor.numel() or torch.stack(tensor.aminmax()).isfinite().all():  # one reading; either end shows a NaN
            return 0
        return tensor.numel() - int(tensor.isfinite().sum())


def stored_tensors(folder: Path, opened: ExitStack) -> dict[str, StoredTensor]:
    """All tensors of a folder's weight files by their name without its prefix, the mask buffers left out.

    Raises CheckpointError for files that are missing, no whole safetensors files, or larger than this machine's memory.
    """
    try:
        needed_weights({path.name for path in folder.iterdir()}, str(folder))
    except OSError as error:
        raise CheckpointError(f"The folder {folder} cannot be read ({error}).") from error
    stored: dict[str, StoredTensor] = {}
    paths = [folder / name for name in weight_names(folder)]
    if irregular := [path for path in paths if path.exists() and not path.is_file()]:  # a pipe would be waited for
        raise CheckpointError(f"{irregular[0]} is no regular file; only those are read.")
    _check_memory(folder, paths)
    for path in paths:
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


def check_finite(folder: Path, stored: dict[str, StoredTensor], dtype: torch.dtype) -> None:
    """Raises CheckpointError with every tensor that has numbers which are NaN or infinite, or become so in `dtype`, and their count."""
    counts = {name: count for name, tensor in stored.items() if (count := tensor.count_not_finite(dtype))}
    if counts:
        named = ", ".join(f"{name} ({count:,})" for name, count in list(counts.items())[:20])
        more = f" and {len(counts) - 20} more tensors" if len(counts) > 20 else ""
        raise CheckpointError(
            f"The weights in {folder} are not all finite numbers: {named}{more}. The training went wrong or the file is spoilt; "
            "fetch it again, or take an earlier checkpoint."
        )


def _check_memory(folder: Path, paths: Sequence[Path]) -> None:
    """Raises CheckpointError for files that are larger than the memory, as a sparse file can be; their numbers are all used."""
    size, room = sum(path.stat().st_size for path in paths if path.is_file()), _memory_bytes()
    if room is not None and size > room:
        raise CheckpointError(
            f"The weights in {folder} have {size:,} bytes; this machine has {room:,} bytes of memory. Choose a smaller model."
        )


def _memory_bytes() -> int | None:
    """The memory of this machine, or of the container that this process is in; None where neither is said."""
    limits = []
    with suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max" is no number
            limits.append(int(Path(path).read_text()))
    return min(limits, default=None)
