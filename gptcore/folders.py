"""Model folders: which files one consists of, and where the hub's cache keeps one.

A folder counts as complete only when every file is there; a model that is being downloaded, or was cut off, is not.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from gptcore.errors import CheckpointError

CONFIG = "config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
_VOCABULARIES = (("vocab.json", "merges.txt"), ("tokenizer.json",))
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises CheckpointError if the file is missing, unreadable, or holds something else."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}); it belongs to every model folder, as JSON.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}; it must hold a JSON object.")
    return content


def needed_weights(names: Collection[str], place: str) -> str:
    """Which of these files holds the weights, or the index of their parts. Raises CheckpointError if none is safe to load."""
    if found := [name for name in (WEIGHTS, WEIGHTS_INDEX) if name in names]:
        return found[0]
    if pickled := sorted(name for name in names if name.endswith(_PICKLED)):
        raise CheckpointError(
            f"{place} has its weights only as {', '.join(pickled)}. Pickled files can run code when they are opened, so they are "
            f"never loaded. Choose a model with a {WEIGHTS}; or, if you trust this one, open it with transformers and write it "
            "again with save_pretrained(folder)."
        )
    raise CheckpointError(f"{place} has no {WEIGHTS}; only weights in safetensors files are loaded.")


def needed_files(names: Collection[str], place: str) -> list[str]:
    """Which of these files make the model: configuration, vocabulary, and last the weights or the index of their parts.

    Raises CheckpointError, which names the place, if one of the three is not among them.
    """
    if CONFIG not in names:
        raise CheckpointError(f"{place} has no {CONFIG}; a model has it beside {WEIGHTS}, vocab.json and merges.txt.")
    weights = needed_weights(names, place)
    ranks = tuple(sorted(name for name in names if name.endswith(".tiktoken"))[:1])
    vocabulary = next((files for files in (*_VOCABULARIES, ranks) if files and set(files) <= set(names)), None)
    if vocabulary is None:
        raise CheckpointError(f"{place} has no vocabulary; it needs vocab.json with merges.txt, or tokenizer.json.")
    added = [name for name in ("added_tokens.json",) if name in names]
    return [CONFIG, *vocabulary, *added, weights]


def weight_names(folder: Path) -> list[str]:
    """The weight file of a folder, or those that its index of parts names. Raises CheckpointError for an index that is none."""
    if (folder / WEIGHTS).is_file() or not (folder / WEIGHTS_INDEX).is_file():
        return [WEIGHTS]
    parts = read_json(folder / WEIGHTS_INDEX).get("weight_map")
    names = set(parts.values()) if isinstance(parts, dict) and all(isinstance(p, str) for p in parts.values()) else set()
    # An index comes from somebody else: it may name files of its own folder, and nothing else.
    strays = [name for name in names if not name.endswith(".safetensors") or "/" in name or "\\" in name]
    if not names or strays:
        named = ", ".join(sorted(strays))[:200] or "none"
        raise CheckpointError(f"{folder / WEIGHTS_INDEX} must name .safetensors files of its own folder; it names {named}.")
    return sorted(names)


def is_complete(folder: Path) -> bool:
    """Whether every file of a model is in the folder."""
    try:
        needed_files({path.name for path in folder.iterdir() if path.is_file()}, str(folder))
        return all((folder / name).is_file() for name in weight_names(folder))
    except (CheckpointError, OSError):
        return False


def cache_of(repository: str) -> Path:
    """Where the hub's cache ($HF_HOME) keeps "owner/name": files by content under blobs, by name under snapshots/<commit>."""
    return Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def cached_folder(repository: str) -> Path | None:
    """The complete folder of "owner/name" in the hub's cache: of the branch main, else the newest; None if there is none."""
    storage = cache_of(repository)
    snapshots = sorted((storage / "snapshots").glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    main = storage / "refs" / "main"
    if main.is_file():
        snapshots.insert(0, storage / "snapshots" / main.read_text().strip())
    return next((folder for folder in snapshots if is_complete(folder)), None)
