"""Downloads that go wrong on the way: other bytes than promised never count, a download can be stopped at once, nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from gptcore import hub
from gptcore.checkpoints import availability, download, is_local, load
from gptcore.errors import CheckpointError, DownloadStopped
from tests.gptcore.small_hub import NAME, Hub, cache_of, half_written

ROOT = Path(__file__).parents[2]


def spoilt(data: bytes, how: str) -> bytes:
    """Wrong weights: other numbers, 1,000 bytes short or long, and a whole file of another model."""
    if how == "not finite":
        return data[:-400] + b"\xff" * 400
    return {"flipped": data[:-400] + bytes(400), "short": data[:-1000], "long": data + bytes(1000)}[how]


@pytest.mark.parametrize("how", ["not finite", "flipped", "short", "long"])
def test_weights_that_are_not_those_that_were_promised_never_count_as_there(server: Hub, tmp_path: Path, how: str) -> None:
    server.instead["model.safetensors"] = spoilt(server.repositories[NAME]["model.safetensors"], how)
    with pytest.raises(CheckpointError, match=r"model\.safetensors of owner/tiny came with other bytes.*Download it again"):
        download(NAME)
    assert availability(NAME).state == "downloadable" and not half_written(cache_of(tmp_path))
    server.instead.clear()
    download(NAME)
    assert availability(NAME).state == "ready" and load(NAME)


def test_a_small_file_that_is_not_the_one_that_was_promised_is_refused_before_the_weights(server: Hub) -> None:
    server.instead["merges.txt"] = server.repositories[NAME]["merges.txt"][:-50]
    with pytest.raises(CheckpointError, match=r"merges\.txt of owner/tiny came with other bytes"):
        download(NAME)
    assert "model.safetensors" not in server.sent
    server.instead.clear()
    assert load(NAME)


def test_while_its_bytes_are_checked_a_model_does_not_count_as_there(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def look(folder: Path, promises: dict[str, Any]) -> list[str]:
        if (folder / "model.safetensors").is_file():
            seen.append(availability(NAME).state)
        return remove_spoilt(folder, promises)

    remove_spoilt = hub.remove_spoilt
    monkeypatch.setattr(hub, "remove_spoilt", look)
    download(NAME)
    assert seen == ["downloadable"] and is_local(NAME)


@pytest.mark.parametrize("how", ["not finite", "short", "long"])
def test_spoilt_weights_in_the_cache_can_be_fetched_again(server: Hub, tmp_path: Path, how: str) -> None:
    blob = (download(NAME) / "model.safetensors").resolve()
    blob.write_bytes(spoilt(blob.read_bytes(), how))
    if how == "not finite":  # nothing shows it before it is loaded
        with pytest.raises(CheckpointError, match=r"not all finite.*download the model again"):
            load(NAME, may_download=False)
    assert availability(NAME).state == "downloadable"
    server.sent.clear()
    assert load(NAME)
    assert server.sent == ["model.safetensors"] and not half_written(cache_of(tmp_path))


def test_a_published_model_that_cannot_be_loaded_is_not_taken_for_a_spoilt_copy(server: Hub) -> None:
    server.repositories[NAME]["model.safetensors"] = spoilt(server.repositories[NAME]["model.safetensors"], "not finite")
    for _ in range(2):
        with pytest.raises(CheckpointError, match="not all finite") as refused:
            load(NAME)
        assert "download the model again" not in str(refused.value)
    assert server.sent.count("model.safetensors") == 1


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["model.safetensors", "merges.txt"])
def test_a_download_is_stopped_at_once_though_nothing_comes_from_the_network(server: Hub, tmp_path: Path, name: str) -> None:
    server.silent[name] = 100
    stop, outcome = threading.Event(), Future[Path]()

    def fetch() -> None:
        try:
            outcome.set_result(download(NAME, stop=stop))
        except CheckpointError as error:
            outcome.set_exception(error)

    threading.Thread(target=fetch).start()
    wait_until(lambda: name in server.sent)
    began = time.monotonic()
    stop.set()
    with pytest.raises(DownloadStopped, match="owner/tiny was stopped"):
        outcome.result(timeout=30)
    assert time.monotonic() - began < 3
    assert not is_local(NAME) and not half_written(cache_of(tmp_path))
    left = [thread for thread in threading.enumerate() if thread.name == f"download {NAME}"]
    assert all(thread.daemon for thread in left)  # the end of a program does not wait for it
    server.silent.clear()
    server.released.set()
    for thread in left:
        thread.join(60)
    assert load(NAME) and not half_written(cache_of(tmp_path))


def test_a_download_that_is_stopped_while_bytes_come_ends_and_leaves_nothing(server: Hub, tmp_path: Path) -> None:
    stop = threading.Event()
    with pytest.raises(DownloadStopped):
        download(NAME, lambda done, total: stop.set() if done else None, stop)
    assert not is_local(NAME) and not half_written(cache_of(tmp_path))
    with pytest.raises(DownloadStopped):
        download(NAME, stop=stop)


@pytest.mark.timeout(400)
def test_what_a_killed_download_left_is_removed_by_the_next_one_that_succeeds(server: Hub, tmp_path: Path) -> None:
    server.silent["model.safetensors"] = 100
    environment = os.environ | {"HF_ENDPOINT": server.url, "HF_HUB_CACHE": str(cache_of(tmp_path)), "PYTHONPATH": str(ROOT)}
    environment = {key: value for key, value in environment.items() if key not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    code = f"from gptcore.checkpoints import download; download({NAME!r})"
    with subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=tmp_path) as killed:
        end = time.monotonic() + 300
        while "model.safetensors" not in server.sent:
            assert time.monotonic() < end
            time.sleep(0.05)
        wait_until(lambda: bool(half_written(cache_of(tmp_path))))
        killed.kill()
    assert half_written(cache_of(tmp_path)) and not is_local(NAME)
    server.silent.clear()
    server.released.set()
    download(NAME)
    assert not half_written(cache_of(tmp_path)) and is_local(NAME)


def test_a_cache_that_cannot_be_written_to_is_told_from_a_broken_line(server: Hub, tmp_path: Path) -> None:
    cache_of(tmp_path).write_text("a file where the cache should be")
    with pytest.raises(CheckpointError, match=r"cache .*hub cannot be written to.*HF_HOME") as refused:
        download(NAME)
    assert "connection" not in str(refused.value)


def test_a_read_only_cache_is_said_to_be_so(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *args: Any, **more: Any) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be written to.*Read-only file system.*HF_HOME"):
        download(NAME)
