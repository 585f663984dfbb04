"""Downloads, from a small hub of our own on this machine: bytes are counted, failures are told apart, nothing half-written stays."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import GPT2LMHeadModel

from gptcore import hub
from gptcore.checkpoints import download, is_local, load
from gptcore.errors import CheckpointError
from tests.gptcore.small_hub import NAME, Hub, cache_of, half_written, point_client

ROOT = Path(__file__).parents[2]


def test_a_model_is_downloaded_once_and_then_loads_without_the_network(server: Hub, tmp_path: Path, tiny_folder: Path) -> None:
    assert not is_local(NAME)
    folder = download(NAME)
    assert is_local(NAME) and not half_written(cache_of(tmp_path))
    assert sorted(server.sent) == ["config.json", "merges.txt", "model.safetensors", "vocab.json"]
    server.status, server.sent = (503, ""), []
    assert download(NAME) == folder
    model = load(NAME)
    assert model.name == NAME
    assert server.sent == []
    for name, tensor in load(tiny_folder).model.state_dict().items():
        assert torch.equal(model.model.state_dict()[name], tensor)


def test_loading_a_model_that_is_not_here_downloads_it(server: Hub) -> None:
    counted: list[tuple[int, int]] = []
    assert load(NAME, lambda done, total: counted.append((done, total))).config.n_layers == 2
    assert counted[-1][0] == counted[-1][1] > 0


def test_only_what_a_model_needs_is_fetched(server: Hub) -> None:
    server.repositories[NAME] |= {"pytorch_model.bin": b"x" * 99, "README.md": b"x", "onnx/model.onnx": b"x", "model.h5": b"x"}
    download(NAME)
    assert sorted(server.sent) == ["config.json", "merges.txt", "model.safetensors", "vocab.json"]


def test_a_name_of_the_catalogue_is_asked_for_where_it_is_published(server: Hub) -> None:
    server.repositories["openai-community/gpt2"] = server.repositories.pop(NAME)
    assert load("gpt2").name == "gpt2"
    assert is_local("gpt2") and not is_local("gpt2-xl")


def test_progress_counts_every_byte_of_the_weights_once(server: Hub) -> None:
    size = len(server.repositories[NAME]["model.safetensors"])
    counted: list[tuple[int, int]] = []
    download(NAME, lambda done, total: counted.append((done, total)))
    assert {total for _, total in counted} == {size}
    done = [done for done, _ in counted]
    assert done == sorted(done) and done[0] == 0 and done[-1] == size
    assert len(set(done)) > 100


def test_the_xet_protocol_counts_every_byte_once() -> None:
    """The hub keeps large files behind a protocol that reports bytes written and bytes received side by side."""
    reporting = pytest.importorskip("huggingface_hub.utils._xet_progress_reporting")
    counted: list[int] = []
    with reporting.XetDownloadProgressReporter(
        reconstruction_desc="", total=100, log_level=20, tqdm_class=hub._bar(counted.append)
    ) as bar:
        for written, received in ((0, 30), (40, 60), (100, 90)):
            report = SimpleNamespace(
                total_bytes_completed=written,
                total_transfer_bytes_completed=received,
                total_bytes_completion_rate=1.0,
                total_transfer_bytes_completion_rate=1.0,
                total_bytes=100,
            )
            bar.update_progress(report)
    assert sum(counted) == 100


def test_weights_in_parts_and_a_vocabulary_in_one_file_are_fetched_too(server: Hub, tmp_path: Path, tiny_folder: Path) -> None:
    parts = tmp_path / "parts"
    GPT2LMHeadModel.from_pretrained(tiny_folder).save_pretrained(parts, max_shard_size="50kB")
    names = sorted(path.name for path in parts.glob("*.safetensors"))
    assert len(names) > 1
    files = {path.name: path.read_bytes() for path in parts.iterdir()}
    vocab = json.loads((tiny_folder / "vocab.json").read_text("utf-8"))
    merges = (tiny_folder / "merges.txt").read_text("utf-8").split("\n")[1:-1]
    one = {"model": {"type": "BPE", "vocab": vocab, "merges": merges}, "pre_tokenizer": {"type": "ByteLevel"}, "normalizer": None}
    server.repositories[NAME] = files | {"tokenizer.json": json.dumps(one).encode()}
    counted: list[tuple[int, int]] = []
    download(NAME, lambda done, total: counted.append((done, total)))
    assert counted[-1] == (sum(len(files[name]) for name in names),) * 2
    loaded, original = load(NAME), load(tiny_folder)
    assert torch.equal(loaded.model.token_embedding.weight, original.model.token_embedding.weight)
    assert loaded.tokenizer.vocabulary() == original.tokenizer.vocabulary()


def test_a_line_that_breaks_once_is_taken_up_where_it_broke(server: Hub, tmp_path: Path) -> None:
    size = len(server.repositories[NAME]["model.safetensors"])
    server.cut["model.safetensors"] = size // 2
    counted: list[int] = []

    def on_progress(done: int, total: int) -> None:
        counted.append(done)
        if done:
            server.cut.clear()

    download(NAME, on_progress)
    assert server.sent.count("model.safetensors") == 2
    assert counted[-1] == size and max(counted) == size
    assert is_local(NAME) and not half_written(cache_of(tmp_path))


def test_a_line_that_stays_broken_is_an_error_that_leaves_nothing_half_written_and_can_be_tried_again(
    server: Hub, tmp_path: Path
) -> None:
    server.cut["model.safetensors"] = 50_000
    with pytest.raises(CheckpointError, match=r"owner/tiny could not be downloaded \(.*Check the connection and try again"):
        download(NAME)
    assert not is_local(NAME) and not half_written(cache_of(tmp_path))
    server.cut.clear()
    download(NAME)
    assert is_local(NAME) and load(NAME)


def test_a_download_that_is_called_off_leaves_nothing_half_written(server: Hub, tmp_path: Path) -> None:
    class CalledOff(BaseException):
        """As the application raises when the visitor has left."""

    def call_off(done: int, total: int) -> None:
        if done:
            raise CalledOff

    with pytest.raises(CalledOff):
        download(NAME, call_off)
    assert not is_local(NAME) and not half_written(cache_of(tmp_path))


def test_a_disk_that_is_too_small_is_an_error_before_the_weights_are_asked_for(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(server.repositories[NAME]["model.safetensors"])
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, size - 1))
    with pytest.raises(CheckpointError, match=r"needs 0\.1 MB, and the disk of .* has 0\.1 MB free.*HF_HOME"):
        download(NAME)
    assert "model.safetensors" not in server.sent
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, size))
    assert download(NAME)


def test_a_disk_that_fills_up_on_the_way_is_told_from_a_broken_line(
    server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(url: str, file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(CheckpointError, match="The disk became full while owner/tiny was downloaded"):
        download(NAME)
    assert not is_local(NAME) and not half_written(cache_of(tmp_path))


def test_another_architecture_is_refused_before_its_weights_are_fetched(server: Hub) -> None:
    said = json.loads(server.repositories[NAME]["config.json"]) | {"model_type": "llama"}
    server.repositories[NAME]["config.json"] = json.dumps(said).encode()
    with pytest.raises(CheckpointError, match="model_type is 'llama'"):
        download(NAME)
    assert "model.safetensors" not in server.sent


@pytest.mark.parametrize(
    ("gone", "instead", "told"),
    [
        ("model.safetensors", "pytorch_model.bin", r"owner/tiny has its weights only as pytorch_model\.bin.*never loaded"),
        ("model.safetensors", "model.gguf", r"owner/tiny has no model\.safetensors"),
        ("merges.txt", "spiece.model", "owner/tiny has no vocabulary"),
        ("config.json", "params.json", r"owner/tiny has no config\.json"),
    ],
)
def test_a_repository_without_a_file_that_is_needed_is_refused_before_anything_is_fetched(
    server: Hub, gone: str, instead: str, told: str
) -> None:
    server.repositories[NAME][instead] = server.repositories[NAME].pop(gone)
    with pytest.raises(CheckpointError, match=told):
        download(NAME)
    assert server.sent == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ((401, "RepoNotFound"), "There is no owner/tiny on the hub, or it is private"),
        ((403, "GatedRepo"), "asks you to accept terms"),
        ((500, ""), "answered 500"),
        ((429, ""), "answered 429"),
    ],
)
def test_what_the_hub_says_no_to_is_told_apart(server: Hub, status: tuple[int, str], told: str) -> None:
    server.status = status
    with pytest.raises(CheckpointError, match=told):
        download(NAME)


def test_a_model_that_does_not_exist_is_said_to_be_missing(server: Hub) -> None:
    with pytest.raises(CheckpointError, match="There is no owner/other on the hub"):
        load("owner/other")


def test_without_a_network_the_error_says_what_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and never listens: a connection is refused
        point_client(monkeypatch, f"http://127.0.0.1:{unused.getsockname()[1]}", cache_of(tmp_path))
        with pytest.raises(CheckpointError, match=r"could not be downloaded \(.*storyteller needs no network"):
            download("gpt2")


def test_when_downloads_are_switched_off_the_error_names_the_switch(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE is set"):
        download(NAME)
    assert server.sent == []


def test_a_file_that_a_killed_program_left_is_removed_and_one_under_way_is_not(server: Hub, tmp_path: Path) -> None:
    blobs = cache_of(tmp_path) / "models--owner--tiny" / "blobs"
    blobs.mkdir(parents=True)
    left, under_way = blobs / "a.incomplete", blobs / "b.incomplete"
    for path in (left, under_way):
        path.write_bytes(b"half")
    os.utime(left, (time.time() - 7200,) * 2)
    download(NAME)
    assert not left.exists() and under_way.exists()


def test_an_older_whole_copy_is_used_while_a_newer_one_is_not_whole(server: Hub, tmp_path: Path) -> None:
    folder = download(NAME)
    newer = folder.parent / ("f" * 40)
    newer.mkdir()
    shutil.copy(folder / "config.json", newer)
    (cache_of(tmp_path) / "models--owner--tiny" / "refs").mkdir()
    (cache_of(tmp_path) / "models--owner--tiny" / "refs" / "main").write_text("f" * 40)
    assert is_local(NAME) and download(NAME) == folder
    for name in ("vocab.json", "merges.txt", "model.safetensors"):
        shutil.copy(folder / name, newer)
    os.utime(newer, (0, 0))  # the branch decides, not the clock
    assert download(NAME) == newer


def test_two_who_ask_at_once_both_get_the_model(server: Hub, tmp_path: Path) -> None:
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(download(NAME))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 2 and folders[0] == folders[1]
    assert not half_written(cache_of(tmp_path))


@pytest.mark.timeout(400)  # a new Python that loads torch, which a busy machine makes wait
def test_a_program_of_its_own_finds_hub_and_cache_by_the_environment_and_writes_nothing_on_the_screen(
    server: Hub, tmp_path: Path
) -> None:
    off = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE"}
    environment = {key: value for key, value in os.environ.items() if key not in off}
    environment |= {
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(tmp_path / "home"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
        "TQDM_POSITION": "-1",  # the hub's client then draws its progress bars even where there is no terminal
    }
    code = f"import gptcore; print(gptcore.is_local('{NAME}'), gptcore.load('{NAME}').name, gptcore.is_local('{NAME}'))"
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path, timeout=380)
    assert (ran.stdout, ran.stderr, ran.returncode) == (f"False {NAME} True\n", "", 0)
    assert (tmp_path / "home" / "hub" / "models--owner--tiny").is_dir()
