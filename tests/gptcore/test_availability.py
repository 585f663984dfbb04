"""Whether a model is ready, has to be downloaded, or is broken: asked of anything, it answers with a reason and never raises."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from gptcore import checkpoints
from gptcore.checkpoints import availability, catalogue, is_local, load
from gptcore.errors import CheckpointError

NAME = "owner/tiny"
COMMIT, OLDER = "a" * 40, "b" * 40


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The place of owner/tiny in an empty cache of the hub's."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    place = tmp_path / "hub" / "models--owner--tiny"
    for name in ("snapshots", "refs", "blobs"):
        (place / name).mkdir(parents=True)
    return place


def test_a_whole_folder_is_ready_and_a_name_on_the_hub_can_be_downloaded(folder: Path, cache: Path) -> None:
    for source in (folder, str(folder), os.path.relpath(folder)):
        assert (availability(source).state, availability(source).reason) == ("ready", "")
        assert is_local(source)
    for name in (NAME, "gpt2"):
        assert (availability(name).state, availability(name).reason) == ("downloadable", "")
        assert not is_local(name)


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def pipe_instead(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return spoil


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def link_to_itself(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.symlink_to(folder)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (shutil.rmtree, "There is no folder"),
        (link_to_itself, "There is no folder"),
        (remove("config.json"), r"no config\.json"),
        (remove("merges.txt"), "no vocabulary"),
        (remove("model.safetensors"), r"no model\.safetensors"),
        (pipe_instead("config.json"), r"no config\.json"),
        (pipe_instead("model.safetensors"), r"no model\.safetensors"),
        (write("config.json", b"{"), "must be JSON"),
        (write("config.json", b"\xff\xfe"), "cannot be read"),
        (write("config.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "nested too deeply"),
        (write("config.json", b'{"model_type": "llama"}'), "model_type is 'llama'"),
        (write("config.json", b'{"n_embd": ' + b"9" * 5000 + b"}"), "cannot be read"),
    ],
)
def test_a_spoilt_folder_is_broken_and_its_reason_is_that_of_loading(
    folder: Path, spoil: Callable[[Path], Any], told: str
) -> None:
    spoil(folder)
    found = availability(str(folder))
    assert found.state == "broken"
    with pytest.raises(CheckpointError, match=told) as refused:
        load(str(folder))
    assert found.reason == str(refused.value)


def test_a_folder_that_goes_away_and_comes_back_is_looked_at_each_time(folder: Path) -> None:
    assert is_local(str(folder))
    aside = folder.rename(folder.with_name("aside"))
    assert availability(str(folder)).state == "broken"
    aside.rename(folder)
    assert is_local(str(folder))


def test_a_folder_that_may_not_be_read_is_broken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = availability(folder)
    assert found.state == "broken" and "Permission denied" in found.reason


@pytest.mark.parametrize("entry", ["distilgpt2", "/models/typo", "", "a\0b", "\ud800", "x" * 300_000, "/" + "x" * 300])
def test_an_entry_that_can_be_no_model_is_broken_with_a_short_reason(entry: str) -> None:
    found = availability(entry)
    assert found.state == "broken"
    assert 10 < len(found.reason) < 600
    assert not is_local(entry)


def fill(snapshot: Path, tiny_folder: Path) -> None:
    shutil.copytree(tiny_folder, snapshot)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cache: (cache / "snapshots" / "dangling").symlink_to("nowhere"),
        lambda cache: (cache / "snapshots" / "loop").symlink_to("loop"),
        lambda cache: (cache / "snapshots" / "file").write_bytes(b""),
        lambda cache: (cache / "refs" / "main").write_bytes(b"\xff\xfe\x00"),
        lambda cache: (cache / "refs" / "main").write_text("../../../../etc"),
        lambda cache: (cache / "refs" / "main").write_text("a\0b"),
        lambda cache: (cache / "refs" / "main").write_text("x" * 5000),
        lambda cache: (cache / "refs" / "main").mkdir(),
        lambda cache: (cache / "refs" / "main").symlink_to("nowhere"),
        lambda cache: os.mkfifo(cache / "refs" / "main"),
        lambda cache: (shutil.rmtree(cache / "refs"), (cache / "refs").write_text("no folder")),
    ],
)
def test_whatever_lies_in_the_hubs_cache_neither_raises_nor_hides_a_whole_copy(
    cache: Path, tiny_folder: Path, spoil: Callable[[Path], Any]
) -> None:
    spoil(cache)
    assert availability(NAME).state == "downloadable"
    fill(cache / "snapshots" / COMMIT, tiny_folder)
    assert availability(NAME).state == "ready"


def test_a_cached_copy_with_a_link_to_nothing_counts_as_not_there(cache: Path, tiny_folder: Path) -> None:
    (cache / "refs" / "main").write_text(COMMIT)
    fill(cache / "snapshots" / COMMIT, tiny_folder)
    weights = cache / "snapshots" / COMMIT / "model.safetensors"
    weights.unlink()
    weights.symlink_to("../../blobs/gone")
    assert availability(NAME).state == "downloadable"
    fill(cache / "snapshots" / OLDER, tiny_folder)
    assert availability(NAME).state == "ready"


def test_the_snapshots_of_a_cache_may_be_no_folder(cache: Path) -> None:
    (cache / "snapshots").rmdir()
    for make in (lambda path: path.write_text(""), lambda path: path.symlink_to("nowhere")):
        make(cache / "snapshots")
        assert availability(NAME).state == "downloadable"
        (cache / "snapshots").unlink()


def test_a_spoilt_embedded_model_is_missing_in_the_catalogue_and_takes_nothing_else_down(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EMBEDDED", folder)
    assert catalogue()[0].name == "model"
    (folder / "config.json").write_text("{")
    assert [entry.name for entry in catalogue()] == ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"]
    assert availability("model").state == "broken"
