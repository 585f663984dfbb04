"""Model folders: which files one consists of, and where the hub's cache keeps one.

A folder counts as complete only when every file is there; a model that is being downloaded, or was cut off, is not.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from gptcore.errors import CheckpointError
from gptcore.integrity import is_unchecked

CONFIG = "config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZER, TOKENIZER_CONFIG, ADDED_TOKENS, SPECIAL_TOKENS = (
    "tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json",
)  # fmt: skip
GENERATION_CONFIG = "generation_config.json"
_VOCABULARIES = ((TOKENIZER,), ("vocab.json", "merges.txt"))
_SETTINGS = (TOKENIZER_CONFIG, ADDED_TOKENS, SPECIAL_TOKENS, GENERATION_CONFIG)  # a model may have them or not
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_MOST_TEXT = 64 * 2**20  # thirty times GPT-2's vocabulary; parsed, JSON takes several times its bytes


def read_text(path: Path) -> str:
    """The text of a regular file, in UTF-8. Raises CheckpointError if it is missing, unreadable, too large or something else."""
    try:
        # A pipe that nobody writes to would be waited for, without O_NONBLOCK (which Windows does not have).
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CheckpointError(f"{path} is no regular file; only those are read.")
            content = file.read(_MOST_TEXT + 1)
        if len(content) > _MOST_TEXT:
            raise CheckpointError(f"{path} has more than {_MOST_TEXT:,} bytes; no GPT-2's is as large.")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}).") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises CheckpointError if the file is missing, unreadable, or holds something else."""
    text = read_text(path)
    try:
        content = json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be read ({error}); it must be JSON.") from error
    except RecursionError as error:
        raise CheckpointError(
            f"{path} cannot be read: its brackets are nested too deeply; it must hold a flat JSON object."
        ) from error
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
    """Which of these files make the model: configuration, vocabulary, their settings, and last the weights or the index of their parts.

    Raises CheckpointError, which names the place, if one of the three is not among them.
    """
    if CONFIG not in names:
        raise CheckpointError(f"{place} has no {CONFIG}; a model has it beside {WEIGHTS}, vocab.json and merges.txt.")
    weights = needed_weights(names, place)
    ranks = tuple(sorted(name for name in names if name.endswith(".tiktoken"))[:1])
    vocabulary = next((files for files in (*_VOCABULARIES, ranks) if files and set(files) <= set(names)), None)
    if vocabulary is None:
        raise CheckpointError(f"{place} has no vocabulary; it needs vocab.json with merges.txt, or tokenizer.json.")
    return [CONFIG, *vocabulary, *(name for name in _SETTINGS if name in names), weights]


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


def check_complete(folder: Path) -> None:
    """Raises CheckpointError, which says what is missing or cannot be read, unless every file of a model is in the folder."""
    try:
        needed_files({path.name for path in folder.iterdir() if path.is_file()}, str(folder))
        if missing := [name for name in weight_names(folder) if not (folder / name).is_file()]:
            raise CheckpointError(
                f"{folder} lacks {', '.join(missing)[:200]}, which {WEIGHTS_INDEX} names. Copy or fetch it again."
            )
        for name in weight_names(folder):
            _check_length(folder / name)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise CheckpointError(f"The folder {folder} cannot be read ({error}).") from error


def _check_length(path: Path) -> None:
    """Raises CheckpointError for a safetensors file that is shorter or longer than its own header says: a copy that broke off."""
    with path.open("rb") as file:
        size, length = os.fstat(file.fileno()).st_size, int.from_bytes(file.read(8), "little")
        try:
            header: dict[str, Any] = json.loads(file.read(min(length, _MOST_TEXT)))
            end = 8 + length + max((t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            end = -1
    if size != end:
        wanted = f"its header promises {end:,}" if end >= 0 else "it has no header"
        raise CheckpointError(f"{path} is no whole safetensors file ({size:,} bytes, {wanted}). Copy or fetch it again.")


def is_complete(folder: Path) -> bool:
    """Whether every file of a model is in the folder, the weights with all their bytes."""
    try:
        check_complete(folder)
    except CheckpointError:
        return False
    return True


def hub_cache() -> Path:
    """The folder that downloaded models are kept in."""
    return Path(constants.HF_HUB_CACHE)


def cache_of(repository: str) -> Path:
    """Where the hub's cache ($HF_HOME) keeps "owner/name": files by content under blobs, by name under snapshots/<commit>."""
    return hub_cache() / f"models--{repository.replace('/', '--')}"


def cached_folder(repository: str) -> Path | None:
    """The complete folder of "owner/name" in the hub's cache: of the branch main, else the newest; None if there is none.

    Whatever else is in the cache (links to nothing, half a download, one that was never checked, a spoilt reference) counts as not
    there.
    """
    snapshots = cache_of(repository) / "snapshots"
    folders = sorted((path for path in snapshots.glob("*") if os.path.isdir(path)), key=os.path.getmtime, reverse=True)
    main = _commit_of_main(repository)
    return next(
        (
            folder
            for folder in sorted(folders, key=lambda path: path.name != main)
            if is_complete(folder) and not is_unchecked(folder)
        ),
        None,
    )


def _commit_of_main(repository: str) -> str | None:
    """The name of the snapshot that the branch main has, None if the cache does not say or says nonsense."""
    try:
        return read_text(cache_of(repository) / "refs" / "main").strip()
    except CheckpointError:
        return None
