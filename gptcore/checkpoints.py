"""Models by name: the catalogue, folders and the hub; and the one table between GPT-2's published parameter names and ours.

Weights are read from safetensors files only (https://github.com/huggingface/safetensors: a JSON header with the name, type, shape
and place of each tensor, then the bytes). The file is mapped into memory, so a model is there before its weights are read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gptcore.config import GPT2_LARGE, GPT2_MEDIUM, GPT2_SMALL, GPT2_XL, GPTConfig, from_published, to_published
from gptcore.errors import CheckpointError, ConfigError
from gptcore.folders import CONFIG, WEIGHTS, cached_folder, needed_weights, read_json, weight_names
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.parameters import count_parameters
from gptcore.store import TraceStore
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
_BLOCK_NAMES: dict[str, tuple[str, bool]] = {
    "ln_1.weight": ("ln_1.scale", False),
    "ln_1.bias": ("ln_1.shift", False),
    "attn.c_attn.weight": ("attention.qkv.weight", True),
    "attn.c_attn.bias": ("attention.qkv.bias", False),
    "attn.c_proj.weight": ("attention.out_proj.weight", True),
    "attn.c_proj.bias": ("attention.out_proj.bias", False),
    "ln_2.weight": ("ln_2.scale", False),
    "ln_2.bias": ("ln_2.shift", False),
    "mlp.c_fc.weight": ("feed_forward.widen.weight", True),
    "mlp.c_fc.bias": ("feed_forward.widen.bias", False),
    "mlp.c_proj.weight": ("feed_forward.narrow.weight", True),
    "mlp.c_proj.bias": ("feed_forward.narrow.bias", False),
}
_PREFIX, _EMBEDDING, _HEAD, _QKV_BIAS = "transformer.", "wte.weight", "lm_head.weight", "attn.c_attn.bias"
_MASK_BUFFER = re.compile(r"h\.\d+\.attn\.(masked_)?bias")  # stored with the weights, but no parameters
_NUMBER_TYPES = {"F64", "F32", "F16", "BF16"}


def published_names(config: GPTConfig, tied: bool) -> dict[str, tuple[str, bool]]:
    """Our parameter name -> (published name without its prefix, whether it is published transposed)."""
    names = {ours: (published, False) for published, ours in _TOP_NAMES.items()}
    for layer in range(config.n_layers):
        for published, (ours, transposed) in _BLOCK_NAMES.items():
            if config.qkv_bias or published != _QKV_BIAS:
                names[f"blocks.{layer}.{ours}"] = (f"h.{layer}.{published}", transposed)
    if not tied:
        names["output_head.weight"] = (_HEAD, False)
    return names


def catalogue() -> tuple[CatalogueEntry, ...]:
    """The models known by name, the embedded one first."""
    entries = [
        CatalogueEntry(name, title, count_parameters(config), config.context_length, n_bytes)
        for name, (_, title, config, n_bytes) in _ON_THE_HUB.items()
    ]
    if (EMBEDDED / CONFIG).is_file():
        config, _ = read_config(EMBEDDED)
        title = "Storyteller (embedded)"
        entries.insert(0, CatalogueEntry(EMBEDDED.name, title, count_parameters(config), config.context_length, 0))
    return tuple(entries)


def is_local(source: str | Path) -> bool:
    """Whether `load` does without the network. Raises CheckpointError for what can be no model at all."""
    return _local_folder(source) is not None


def download(name: str, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Bring a model of the catalogue or "owner/name" from the hub into the hub's cache; return its folder.

    A model that is on this machine is left as it is. on_progress(bytes done, bytes in all) may be called from another thread.
    Raises CheckpointError if it cannot be had or is no GPT-2; nothing half-written stays behind.
    """
    if (folder := _local_folder(name)) is not None:
        return folder
    from gptcore import hub  # only here: the embedded model starts without a network client

    return hub.fetch(_repository(name), on_progress, read_config)


def load(source: str | Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> LanguageModel:
    """A model of the catalogue, a model folder, or "owner/name" on the hub. What is not on this machine is downloaded first.

    Raises CheckpointError if it cannot be found, read, downloaded, or is no GPT-2.
    """
    folder = _local_folder(source) or download(str(source), on_progress)
    model = load_model(folder)
    tokenizer = Tokenizer.from_folder(folder, model.config.vocab_size)
    name = folder.name if _is_folder(source) else str(source)
    return LanguageModel(name, model, tokenizer, TraceStore.for_config(model.config))


def _is_folder(source: str | Path) -> bool:
    return isinstance(source, Path) or (source not in (EMBEDDED.name, *_ON_THE_HUB) and os.path.isdir(source))


def _local_folder(source: str | Path) -> Path | None:
    """The folder of a model that is on this machine, None for one that has to be downloaded."""
    if source == EMBEDDED.name or _is_folder(source):
        folder = EMBEDDED if source == EMBEDDED.name else Path(source).resolve()
        if not folder.is_dir():
            raise CheckpointError(f"There is no folder {folder}; give the path of a model folder, or install the project again.")
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
    Raises CheckpointError for a configuration or a file that cannot be read, and one that lists every missing, surplus or
    misshapen tensor.
    """
    folder = Path(folder)
    config, tied = read_config(folder)
    with ExitStack() as opened:
        stored = _stored_tensors(folder, opened)
        if config.n_layers > len(stored):  # or a false claim of a billion layers would be built only to be compared with
            raise CheckpointError(f"{folder} claims {config.n_layers:,} layers, but holds only {len(stored)} tensors.")
        tied = _settle_tying(stored, tied)
        with torch.device("meta"), _WithoutInitialValues():  # shapes without numbers
            model = GPTModel(replace(config, qkv_bias=any(name.endswith(_QKV_BIAS) for name in stored)), tied)
        names = published_names(model.config, tied)
        _check_tensors(folder, stored, {name: _published_shape(model, ours, swap) for ours, (name, swap) in names.items()})
        weights = {ours: stored[name].read(dtype, swap) for ours, (name, swap) in names.items()}
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


@dataclass(frozen=True)
class _StoredTensor:
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


def _stored_tensors(folder: Path, opened: ExitStack) -> dict[str, _StoredTensor]:
    """All tensors of a folder's weight files by their name without its prefix, the mask buffers left out."""
    needed_weights({path.name for path in folder.iterdir()}, str(folder))
    stored: dict[str, _StoredTensor] = {}
    for path in (folder / name for name in weight_names(folder)):
        try:
            file = opened.enter_context(safe_open(path, framework="pt"))
        except (SafetensorError, OSError) as error:
            found = f"{path.stat().st_size:,} bytes" if path.is_file() else "no such file"
            raise CheckpointError(f"{path} is no whole safetensors file ({found}: {error}). Copy or fetch it again.") from error
        for name in file.keys():  # noqa: SIM118  an open safetensors file is no dict
            short = name.removeprefix(_PREFIX)
            if short in stored:
                raise CheckpointError(f"{path} holds {short} a second time; each tensor may be there once.")
            if not _MASK_BUFFER.fullmatch(short):
                stored[short] = _StoredTensor(file, name)
    return stored


def _settle_tying(stored: dict[str, _StoredTensor], said_tied: bool) -> bool:
    """Whether the output head is the token embedding. A file may hold both, or the one that they share under either name."""
    if not said_tied:
        return False
    if _HEAD in stored and _EMBEDDING in stored:
        # The numbers count, not what the configuration says of them: transformers decides in the same way.
        head, embedding = (stored[name].read(torch.float32, False) for name in (_HEAD, _EMBEDDING))
        if not torch.equal(head, embedding):
            return False
    if _HEAD in stored:
        stored[_EMBEDDING] = stored.pop(_HEAD)
    return True


def _published_shape(model: GPTModel, ours: str, transposed: bool) -> tuple[int, ...]:
    shape = tuple(model.get_parameter(ours).shape)
    return shape[::-1] if transposed else shape


def _check_tensors(folder: Path, stored: dict[str, _StoredTensor], shapes: dict[str, tuple[int, ...]]) -> None:
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


def save_model(model: GPTModel, folder: str | Path, dtype: torch.dtype = torch.float32) -> None:
    """Write config.json and model.safetensors as GPT-2's are published, so that this module and transformers can load them.

    A file that was there is replaced only when the new one is whole. Raises CheckpointError if the disk refuses.
    """
    folder = Path(folder)
    weights = model.state_dict()
    tensors = {}
    for ours, (name, transposed) in published_names(model.config, model.tied).items():
        tensor = weights[ours].t() if transposed else weights[ours]
        tensors[name if name == _HEAD else _PREFIX + name] = tensor.to("cpu", dtype).contiguous()
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
