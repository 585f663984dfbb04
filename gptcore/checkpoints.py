"""Models by name: the catalogue, folders and the hub; and the one table between GPT-2's published parameter names and ours.

Weights are read from safetensors files only (https://github.com/huggingface/safetensors: a JSON header with the name, type, shape
and place of each tensor, then the bytes). The file is mapped into memory and not copied; each number is looked at once, whether
it is finite.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch.overrides import TorchFunctionMode

from gptcore.config import GPT2_LARGE, GPT2_MEDIUM, GPT2_SMALL, GPT2_XL, GPTConfig, from_published, to_published
from gptcore.devices import choose, move
from gptcore.errors import CheckpointError, ConfigError
from gptcore.folders import CONFIG, WEIGHTS, cached_folder, check_complete, read_json
from gptcore.integrity import mark_if_spoilt
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.parameters import count_parameters
from gptcore.store import TraceStore
from gptcore.stored_weights import EMBEDDING, HEAD, PREFIX, QKV_BIAS, check_finite, check_tensors, settle_tying, stored_tensors
from gptcore.tokenizer import Tokenizer

EMBEDDED = Path(__file__).parent / "models" / "storyteller"


@dataclass(frozen=True)
class CatalogueEntry:
    """name: for `load`; title: for people; parameters, context_length: its size; download_bytes: about, 0 if it is embedded."""

    name: str
    title: str
    parameters: int
    context_length: int
    download_bytes: int

    def is_local(self) -> bool:
        """Whether it loads without the network."""
        return is_local(self.name)


# Sizes of the published model.safetensors files, which also hold a mask of context_length x context_length a layer.
_ON_THE_HUB: dict[str, tuple[str, str, GPTConfig, int]] = {
    "gpt2": ("openai-community/gpt2", "GPT-2 small", GPT2_SMALL, 548_105_171),
    "gpt2-medium": ("openai-community/gpt2-medium", "GPT-2 medium", GPT2_MEDIUM, 1_519_984_962),
    "gpt2-large": ("openai-community/gpt2-large", "GPT-2 large", GPT2_LARGE, 3_247_159_078),
    "gpt2-xl": ("openai-community/gpt2-xl", "GPT-2 XL", GPT2_XL, 6_431_829_962),
}
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?/[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")

# Published name -> ours, and whether the published matrix is transposed: OpenAI stores [in, out], torch's Linear [out, in].
_TOP_NAMES: dict[str, str] = {
    "wte.weight": "token_embedding.weight",
    "wpe.weight": "position_embedding.weight",
    "ln_f.weight": "final_norm.scale",
    "ln_f.bias": "final_norm.shift",
}
_BLOCK_NAMES: dict[str, tuple[str, bool, tuple[int, ...]]] = {  # and the published shape, in widths of the residual stream
    "ln_1.weight": ("ln_1.scale", False, (1,)),
    "ln_1.bias": ("ln_1.shift", False, (1,)),
    "attn.c_attn.weight": ("attention.qkv.weight", True, (1, 3)),
    "attn.c_attn.bias": ("attention.qkv.bias", False, (3,)),
    "attn.c_proj.weight": ("attention.out_proj.weight", True, (1, 1)),
    "attn.c_proj.bias": ("attention.out_proj.bias", False, (1,)),
    "ln_2.weight": ("ln_2.scale", False, (1,)),
    "ln_2.bias": ("ln_2.shift", False, (1,)),
    "mlp.c_fc.weight": ("feed_forward.widen.weight", True, (1, 4)),
    "mlp.c_fc.bias": ("feed_forward.widen.bias", False, (4,)),
    "mlp.c_proj.weight": ("feed_forward.narrow.weight", True, (4, 1)),
    "mlp.c_proj.bias": ("feed_forward.narrow.bias", False, (1,)),
}


def published_names(config: GPTConfig, tied: bool) -> dict[str, tuple[str, bool]]:
    """Our parameter name -> (published name without its prefix, whether it is published transposed)."""
    names = {ours: (published, False) for published, ours in _TOP_NAMES.items()}
    for layer in range(config.n_layers):
        for published, (ours, transposed, _) in _BLOCK_NAMES.items():
            if config.qkv_bias or published != QKV_BIAS:
                names[f"blocks.{layer}.{ours}"] = (f"h.{layer}.{published}", transposed)
    if not tied:
        names["output_head.weight"] = (HEAD, False)
    return names


def published_shapes(config: GPTConfig, tied: bool) -> dict[str, tuple[int, ...]]:
    """Published name without its prefix -> the shape that this configuration wants; arithmetic, so that nothing has to be built."""
    width = config.emb_dim
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_TOP_NAMES, (width,))
    shapes |= {EMBEDDING: (config.vocab_size, width), "wpe.weight": (config.context_length, width)}
    for layer in range(config.n_layers):
        for name, (*_, widths) in _BLOCK_NAMES.items():
            if config.qkv_bias or name != QKV_BIAS:
                shapes[f"h.{layer}.{name}"] = tuple(n * width for n in widths)
    return shapes if tied else {**shapes, HEAD: (config.vocab_size, width)}


def catalogue() -> tuple[CatalogueEntry, ...]:
    """The models known by name, the embedded one first; without it where its configuration is missing or spoilt. Never raises."""
    entries = [
        CatalogueEntry(name, title, count_parameters(config), config.context_length, n_bytes)
        for name, (_, title, config, n_bytes) in _ON_THE_HUB.items()
    ]
    with suppress(CheckpointError):
        config, _ = read_config(EMBEDDED)
        title = "Storyteller (embedded)"
        entries.insert(0, CatalogueEntry(EMBEDDED.name, title, count_parameters(config), config.context_length, 0))
    return tuple(entries)


@dataclass(frozen=True)
class Availability:
    """What can be done with a model at this moment.

    state: "ready" (loads without the network), "downloadable" (a name on the hub that is not on this machine) or "broken" (cannot
    be loaded); reason: why it is broken and what to do, in a sentence or two, "" for the other two.
    """

    state: Literal["ready", "downloadable", "broken"]
    reason: str = ""


def availability(source: str | Path) -> Availability:
    """Whether a model of the catalogue, a folder, or "owner/name" is ready, has to be downloaded, or is broken. Never raises.

    It looks at the disk each time, at names and configuration only: a fault in the weights or the vocabulary shows when they are
    loaded.
    """
    try:
        folder = _local_folder(source)
        if folder is not None:
            read_config(folder)
    except CheckpointError as error:
        return Availability("broken", str(error))
    return Availability("downloadable" if folder is None else "ready")


def is_local(source: str | Path) -> bool:
    """Whether `load` does without the network. False too for what is broken, or can be no model at all. Never raises."""
    return availability(source).state == "ready"


def download(name: str, on_progress: Callable[[int, int], None] = lambda done, total: None, stop: Event | None = None) -> Path:
    """Bring a model of the catalogue or "owner/name" from the hub into the hub's cache; return its folder.

    A model that is on this machine is left as it is. Sizes and hashes are checked before a model counts as there; what is spoilt is
    fetched again. on_progress(bytes done, bytes in all) is called from another thread. Once `stop` is set it ends within a second,
    whatever the network does, with DownloadStopped.
    Raises CheckpointError if it cannot be had, comes with other bytes than promised, or is no GPT-2; nothing half-written stays behind.
    """
    if (folder := _local_folder(name)) is not None:
        return folder
    from gptcore import hub  # only here: the embedded model starts without a network client

    return hub.fetch(_repository(name), on_progress, read_config, stop)


def load(
    source: str | Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    may_download: bool = True,
    device: str = "cpu",
) -> LanguageModel:
    """A model of the catalogue, a model folder, or "owner/name" on the hub. What is not on this machine is downloaded first.

    device: where it computes, "cpu", "cuda", "mps", or "auto" for a graphics card if there is one; see `gptcore.devices`.
    Raises DeviceError for a device that this machine does not have, CheckpointError if it cannot be found, read, downloaded, or is no
    GPT-2; without may_download also if it is not here.
    """
    place = choose(device)
    folder = _local_folder(source)
    if folder is None and not may_download:
        raise CheckpointError(f"The model {source} is not on this machine; download it first.")
    folder = folder or download(str(source), on_progress)
    try:
        model = load_model(folder)
        tokenizer = Tokenizer.from_folder(folder, model.config.vocab_size)
    except CheckpointError as error:
        if not _is_folder(source) and folder != EMBEDDED and mark_if_spoilt(folder, [path.name for path in folder.iterdir()]):
            raise CheckpointError(f"{error} Its bytes are not those that the hub promised: download the model again.") from error
        raise
    name = folder.name if _is_folder(source) else str(source)
    return LanguageModel(name, move(model, place), tokenizer, TraceStore.for_config(model.config))


def _is_folder(source: str | Path) -> bool:
    if isinstance(source, Path):
        return True
    return source not in (EMBEDDED.name, *_ON_THE_HUB) and (os.path.isabs(source) or os.path.isdir(source))


def _local_folder(source: str | Path) -> Path | None:
    """The folder of a model that is on this machine, None for one that has to be downloaded.

    Raises CheckpointError for a folder that is not there or not whole, and for a name that can be no model's.
    """
    if source == EMBEDDED.name or _is_folder(source):
        folder = EMBEDDED if source == EMBEDDED.name else Path(os.path.realpath(source))
        if not os.path.isdir(folder):
            raise CheckpointError(f"There is no folder {folder}; give the path of a model folder, or install the project again.")
        check_complete(folder)
        return folder
    return cached_folder(_repository(str(source)))


def _repository(name: str) -> str:
    """The hub's name of a model of the catalogue, or an "owner/name" as it is."""
    if name in _ON_THE_HUB:
        return _ON_THE_HUB[name][0]
    if not _REPOSITORY.fullmatch(name) or "--" in name or ".." in name:
        known = ", ".join((EMBEDDED.name, *_ON_THE_HUB))
        raise CheckpointError(f"{name[:200]!r} is no model: choose {known}, a model folder, or owner/name on the hub.")
    return name


def read_config(folder: Path) -> tuple[GPTConfig, bool]:
    """The configuration of a model folder, and whether it says that the output head is tied to the token embedding.

    Raises CheckpointError that lists every key by which the model is none that GPTModel computes.
    """
    path = folder / CONFIG
    try:
        return from_published(read_json(path))
    except ConfigError as error:
        raise CheckpointError(f"{path} describes no model that can be loaded here: {error}") from error


def load_model(folder: str | Path, dtype: torch.dtype = torch.float32) -> GPTModel:
    """The model in a folder of GPT-2's published layout, frozen and in evaluation mode.

    Weights that are stored in `dtype` stay in the mapped file until they are used, and the transposed matrices are views of it
    (in a product as fast as a copy, for one token and for many); other types are converted.
    Raises CheckpointError for a configuration or a file that cannot be read, one that lists every missing, surplus or misshapen
    tensor, and one that counts the numbers which are not finite.
    """
    folder = Path(folder)
    config, tied = read_config(folder)
    with ExitStack() as opened:
        stored = stored_tensors(folder, opened)
        if config.n_layers > len(stored):  # or a false claim of a billion layers would be built only to be compared with
            raise CheckpointError(f"{folder} claims {config.n_layers:,} layers, but holds only {len(stored)} tensors.")
        tied = settle_tying(stored, tied)
        config = replace(config, qkv_bias=any(name.endswith(QKV_BIAS) for name in stored))
        check_tensors(folder, stored, published_shapes(config, tied))  # before anything of the claimed size is built
        check_finite(folder, stored, dtype)
        with torch.device("meta"), _WithoutInitialValues():  # shapes without numbers
            model = GPTModel(config, tied)
        weights = {ours: stored[name].read(dtype, swap) for ours, (name, swap) in published_names(config, tied).items()}
    if tied:
        weights["output_head.weight"] = weights["token_embedding.weight"]
    model.load_state_dict(weights, assign=True)
    if tied:
        model.output_head.weight = model.token_embedding.weight
    return model.eval().requires_grad_(False)


class _WithoutInitialValues(TorchFunctionMode):
    """Skips torch.nn.init. On the meta device it has nothing to write, but imports a compiler first: a second and 70 MB."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return kwargs["tensor"] if getattr(func, "__module__", "") == "torch.nn.init" else func(*args, **kwargs)


def save_model(model: GPTModel, folder: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write config.json and model.safetensors as GPT-2's are published, so that this module and transformers can load them.

    A file that was there is replaced only when the new one is whole. Raises CheckpointError if the disk refuses.
    """
    folder = Path(folder)
    weights = model.state_dict()
    tensors = {}
    for ours, (name, transposed) in published_names(model.config, model.tied).items():
        tensor = weights[ours].t() if transposed else weights[ours]
        tensors[name if name == HEAD else PREFIX + name] = tensor.to("cpu", dtype).contiguous()
    said = {**to_published(model.config, model.tied), "dtype": str(dtype).removeprefix("torch.")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # transformers takes only files that say which framework's layout they have.
        _write_whole(folder / WEIGHTS, lambda path: save_file(tensors, path, {"format": "pt"}))
        _write_whole(folder / CONFIG, lambda path: path.write_text(json.dumps(said, indent=2) + "\n", "utf-8"))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"The model could not be written to {folder}: {error}") from error


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside the path, then move it there: who reads the path never sees half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.touch()
        usual_mode = beside.stat().st_mode  # safetensors makes files that only their owner may read
        write(beside)
        beside.chmod(usual_mode)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
