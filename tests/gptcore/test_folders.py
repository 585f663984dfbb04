"""Model folders: which file is missing or spoilt is said by name, and nothing outside a folder is ever read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gptcore.checkpoints import load_model
from gptcore.errors import CheckpointError
from gptcore.folders import is_complete, needed_files


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model folder of its own for each test."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def test_a_folder_is_complete_only_with_every_file(folder: Path) -> None:
    assert is_complete(folder)
    for name in ("config.json", "vocab.json", "merges.txt", "model.safetensors"):
        aside = folder.with_name(name)
        (folder / name).rename(aside)
        assert not is_complete(folder)
        aside.rename(folder / name)
    assert is_complete(folder) and not is_complete(folder / "nothing")


def test_a_model_in_parts_is_complete_only_with_every_part(folder: Path) -> None:
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = {"weight_map": {"wte.weight": parts[0], "wpe.weight": parts[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    (folder / "model.safetensors").rename(folder / parts[0])
    assert not is_complete(folder)
    shutil.copy(folder / parts[0], folder / parts[1])
    assert is_complete(folder)


def test_the_weights_come_last_and_the_newer_layout_of_a_vocabulary_goes_before_the_older() -> None:
    names = ["model.safetensors", "tokenizer.json", "vocab.json", "merges.txt", "config.json", "added_tokens.json", "README.md"]
    assert needed_files(names, "it") == ["config.json", "tokenizer.json", "added_tokens.json", "model.safetensors"]
    names.remove("tokenizer.json")
    assert needed_files(names, "it") == ["config.json", "vocab.json", "merges.txt", "added_tokens.json", "model.safetensors"]


def test_the_settings_of_a_tokenizer_and_of_generation_belong_to_a_model_where_it_has_them() -> None:
    settings = ["tokenizer_config.json", "added_tokens.json", "special_tokens_map.json", "generation_config.json"]
    names = ["model.safetensors", "tokenizer.json", "config.json", *settings, "preprocessor_config.json"]
    assert needed_files(names, "it") == ["config.json", "tokenizer.json", *settings, "model.safetensors"]


def test_pickled_weights_are_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(CheckpointError, match=r"only as pytorch_model\.bin.*never loaded.*save_pretrained"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.json", None, "config.json cannot be read"),
        ("config.json", "{", "config.json cannot be read"),
        ("config.json", "[]", "holds a list"),
        ("model.safetensors", None, "has no model.safetensors"),
    ],
)
def test_a_folder_with_a_file_missing_or_spoilt_says_which(folder: Path, name: str, content: str | None, told: str) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content, "utf-8")
    with pytest.raises(CheckpointError, match=told):
        load_model(folder)


@pytest.mark.parametrize(
    "index",
    [
        {},
        {"weight_map": {}},
        {"weight_map": ["model.safetensors"]},
        {"weight_map": {"wte.weight": 1}},
        {"weight_map": {"wte.weight": "../other/model.safetensors"}},
        {"weight_map": {"wte.weight": "pytorch_model-00001-of-00002.bin"}},
        {"weight_map": {"wte.weight": "model-00001-of-00002.safetensors"}},
    ],
)
def test_an_index_names_only_safetensors_files_of_its_own_folder(folder: Path, index: dict[str, Any]) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(CheckpointError):
        load_model(folder)
