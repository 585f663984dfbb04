"""What is built of the project: an installed command that starts from any folder, and nothing on anybody's path but gptcore."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
import torch

from app import command, offered, runtime
from app.lessons import library
from tests.browser.server import Server, free_port
from tests.house_rules import ROOT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    run = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "-o", str(folder), str(ROOT)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def installed(file: Path, folder: Path) -> Path:
    """A fresh environment with this file installed; what it needs in turn comes from the environment of the tests."""
    venv.create(folder, with_pip=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (others,) = {path for path in sys.path if path.endswith("site-packages")}
    (site / "others.pth").write_text(others)
    install = [str(folder / "bin/python"), "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", str(file)]
    run = subprocess.run(install, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder / "bin"


def say(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in arguments], cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_the_installed_command_says_its_version_finds_what_it_needs_and_serves_the_app_from_any_folder(
    built: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    bin = installed(wheel, tmp_path / "env")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert say(bin / "glass-gpt", "--version", cwd=elsewhere).stdout.split() == ["glass-gpt", command.version()]
    port = free_port()
    doctor = say(bin / "glass-gpt", "doctor", "--port", str(port), cwd=elsewhere)
    assert doctor.returncode == 0 and "The app can start" in doctor.stdout, doctor.stdout + doctor.stderr
    alone = 'import gptcore; assert len(gptcore.load("storyteller").trace([1, 2, 3]).logits) == 8192'
    assert (loaded := say(bin / "python", "-c", alone, cwd=elsewhere)).returncode == 0, loaded.stderr
    for name in ("app", "pages"):
        assert say(bin / "python", "-c", f"import {name}", cwd=elsewhere).returncode != 0
    log = tmp_path / "log.txt"
    with (
        log.open("wb") as out,
        subprocess.Popen([bin / "glass-gpt", "--port", str(port)], cwd=elsewhere, stdout=out, stderr=out) as process,
    ):
        server = Server(f"http://localhost:{port}", log, process)
        try:
            server.wait_until_healthy()
            with urllib.request.urlopen(f"{server.url}/_stcore/host-config") as answer:
                assert json.load(answer)["allowedOrigins"] == []  # the project's settings, though no folder of settings is here
        finally:
            process.terminate()


@pytest.mark.slow
def test_the_source_distribution_installs_the_same_files_as_the_wheel(built: Path, tmp_path: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    bin = installed(source, tmp_path / "env")
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    assert say(bin / "glass-gpt", "--version", cwd=tmp_path).stdout.split() == ["glass-gpt", command.version()]
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        there = {str(path.relative_to(site)) for name in ("gptcore", "glass_gpt") for path in (site / name).rglob("*")}
        assert {name for name in there if not (site / name).is_dir() and "__pycache__" not in name} == set(names)
        assert all((site / name).read_bytes() == archive.read(name) for name in names)


def test_what_is_built_holds_the_house_and_nothing_else(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    inside = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in inside if not name.endswith(".dist-info")} == {"gptcore", "glass_gpt"}
    names = zipfile.ZipFile(wheel).namelist()
    assert {"glass_gpt/app/.streamlit/config.toml", "glass_gpt/pages/write.py", "glass_gpt/command.py"} <= set(names)
    assert {f"glass_gpt/app/lessons/ready/{name}.json" for name in library.ready()} <= set(names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    with tarfile.open(source) as archive:
        assert not [name for name in archive.getnames() if "/tests/" in name or "/.venv" in name]


def test_the_package_needs_what_the_requirements_say() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-"))]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == wanted
    assert command.version() == project["version"]
    assert set(command.NEEDED) <= {re.split("[=<>]", line)[0] for line in wanted}


def test_the_command_refuses_what_cannot_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for arguments, said in (
        (["--port", "99999"], "choose 1 to 65535"),
        (["--models", str(tmp_path / "none")], "there is no folder"),
        (["--device", "cuda"], "this machine has: cpu"),
        (["--device", "tpu"], "choose one of: cpu, cuda, mps, auto"),
    ):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        assert ended.value.code == 2 and said in capsys.readouterr().err


def test_folders_that_the_command_names_are_offered_beside_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[int] = []
    monkeypatch.setattr(command, "_run", lambda port, others: started.append(port) or 0)
    monkeypatch.setenv("GLASS_MODELS", "owner/name")
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    assert command.main([part for folder in folders for part in ("--models", str(folder))]) == 0 and started
    assert [model.source for model in offered.offered()][-3:] == ["owner/name", *map(str, folders)]


def test_the_device_of_the_command_or_the_environment_is_where_models_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(command, "_run", lambda port, others: started.append(os.environ["GLASS_DEVICE"]) or 0)
    for said, arguments in (("", []), ("auto", []), ("auto", ["--device", "cpu"])):
        monkeypatch.setenv("GLASS_DEVICE", said)
        assert command.main(arguments) == 0
    assert started == ["cpu", "auto", "cpu"]
    monkeypatch.setenv("GLASS_DEVICE", " Auto")
    assert runtime._engine()._device == "auto"  # type: ignore[attr-defined]


def test_the_doctor_names_the_devices_and_the_one_in_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(command, "HUB", "http://127.0.0.1:9")
    port = str(free_port())
    assert command.main(["doctor", "--port", port]) == 0
    assert re.search(r"ok +devices: cpu \(\d+ cores\); models compute on cpu", capsys.readouterr().out)
    assert command.main(["doctor", "--port", port, "--device", "cuda"]) == 1
    assert re.search(r"MISSING The device asked for is cuda; this machine has: cpu", capsys.readouterr().out)


def test_the_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "NEEDED", ("torch", "no-such-package"))
    monkeypatch.setattr(command, "HUB", "http://127.0.0.1:9")
    assert command.main(["doctor", "--port", str(free_port())]) == 1
    said = capsys.readouterr().out
    assert "MISSING no-such-package" in said and "cannot start" in said and "note    http://127.0.0.1:9 does not answer" in said
