"""The command `glass-gpt`: start the app from any folder, or say what is there and what is missing.

It stands in glass_gpt/command.py once it is installed, beside the folders app and pages, which are on nobody's path but the app's.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = "glass-gpt"
PORT = 8501
OLDEST_PYTHON = (3, 11)
HUB = "https://huggingface.co"
PATIENCE = 4  # seconds for an answer of the hub
NEEDED = ("torch", "streamlit", "tiktoken", "plotly", "pandas", "numpy", "safetensors", "tokenizers", "huggingface_hub")


class Finding(NamedTuple):
    """One line of the doctor. needed: whether the app cannot start without it."""

    is_there: bool
    says: str
    needed: bool = True


def house() -> Path:
    """The folder that holds app and pages: the project's, or that of the installed package."""
    here = Path(__file__).resolve().parent
    return here.parent if here.name == "app" else here


def version() -> str:
    """Of the installed package; of a checkout, what stands in its pyproject.toml."""
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        import tomllib

        return str(tomllib.loads((house() / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code. What it does not know goes to Streamlit as it is: `glass-gpt --server.baseUrlPath /gpt`."""
    parser = argparse.ArgumentParser(prog=PACKAGE, description="A from-scratch GPT-2, and a look inside it while it writes.")
    parser.add_argument(
        "action", nargs="?", choices=["run", "doctor"], default="run", help="run (the default), or doctor: what is missing"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"where the app listens (default {PORT})")
    models = "a folder with weights that visitors may choose; may be given again"
    parser.add_argument("--models", metavar="FOLDER", action="append", default=[], help=models)
    parser.add_argument(
        "--device",
        default=os.environ.get("GLASS_DEVICE", "").strip().lower() or "cpu",
        help="where the models compute: cpu (the default), cuda, mps, or auto for a graphics card if there is one",
    )
    parser.add_argument("--version", action="version", version=f"{PACKAGE} {version()}")
    said, others = parser.parse_known_args(arguments)
    if not 1 <= said.port <= 65535:
        parser.error(f"--port is {said.port}; choose 1 to 65535")
    for folder in said.models:
        if not Path(folder).is_dir():
            parser.error(f"--models: there is no folder {folder}")
    if said.action == "doctor":
        return doctor(said.port, said.device)
    if (wrong := _without_device(said.device)) is not None:
        parser.error(f"--device: {wrong}")
    os.environ["GLASS_DEVICE"] = said.device
    if said.models:
        before = [each for each in os.environ.get("GLASS_MODELS", "").split(",") if each.strip()]
        os.environ["GLASS_MODELS"] = ",".join([*before, *(str(Path(folder).resolve()) for folder in said.models)])
    return _run(said.port, others)


def _run(port: int, others: list[str]) -> int:
    if not _is_free(port):
        sys.stderr.write(f"Port {port} is in use. Choose another one: {PACKAGE} --port {port + 1}\n")
        return 1
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(house() / "app"), "--server.port", str(port), *others]
    return int(cli.main(standalone_mode=False) or 0)


def doctor(port: int, device: str = "cpu") -> int:
    """Say in plain words what is there and what is missing; 0 if the app can start."""
    found = list(_look(port, device))
    for each in found:
        sys.stdout.write(f"{'ok     ' if each.is_there else 'MISSING' if each.needed else 'note   '} {each.says}\n")
    can_start = all(each.is_there or not each.needed for each in found)
    sys.stdout.write("The app can start.\n" if can_start else "The app cannot start before what is missing is there.\n")
    return 0 if can_start else 1


def _look(port: int, device: str) -> Iterator[Finding]:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    yield Finding(sys.version_info[:2] >= OLDEST_PYTHON, f"Python {platform.python_version()} ({oldest} or newer is needed)")
    for name in NEEDED:
        yield _package(name)
    yield _torch()
    if importlib.util.find_spec("torch") is not None:
        yield _devices(device)
    yield Finding((house() / "pages").is_dir(), f"the pages, in {house() / 'pages'}")
    yield Finding(_is_free(port), f"port {port}" + ("" if _is_free(port) else " is in use: choose another with --port"))
    if all(importlib.util.find_spec(name) for name in NEEDED):
        yield _cache()
    yield _network()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    yield Finding(
        bool(browser), f"a browser for the tests: {browser or 'none found; only the tests need Chromium'}", needed=False
    )


def _package(name: str) -> Finding:
    try:
        return Finding(True, f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        return Finding(False, f"{name}: install the package again")


def _torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding(False, "torch cannot be imported")
    build = importlib.metadata.version("torch").partition("+")[2] or "of the package index"
    needs = (
        "runs on the CPU alone, which is enough" if build == "cpu" else "may bring gigabytes for GPUs that the app does not need"
    )
    return Finding(True, f"torch's build: {build}; it {needs}")


def _without_device(asked: str) -> str | None:
    """Why models cannot compute on the device asked for; None if they can. Only who asks for a card waits for torch to say."""
    if asked == "cpu":
        return None
    from gptcore.devices import choose
    from gptcore.errors import DeviceError

    try:
        choose(asked)
    except DeviceError as error:
        return str(error)
    return None


def _devices(asked: str) -> Finding:
    from gptcore.devices import choose, devices

    if (wrong := _without_device(asked)) is not None:
        return Finding(False, wrong)
    return Finding(
        True, f"devices: {', '.join(map(str, devices()))}; models compute on {choose(asked).type} (--device, or GLASS_DEVICE)"
    )


def _cache() -> Finding:
    from gptcore.folders import hub_cache  # it brings torch along, which may be what is missing

    folder = hub_cache()
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    can = os.access(nearest, os.W_OK)
    return Finding(
        can, f"write access for downloaded models, in {folder}" + ("" if can else ": set HF_HOME to another folder"), needed=False
    )


def _network() -> Finding:
    try:
        with urllib.request.urlopen(urllib.request.Request(HUB, method="HEAD"), timeout=PATIENCE):
            return Finding(True, f"{HUB} answers: GPT-2's weights can be downloaded", needed=False)
    except (urllib.error.URLError, OSError):
        return Finding(
            False, f"{HUB} does not answer: the embedded model works, GPT-2's weights cannot be downloaded", needed=False
        )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
