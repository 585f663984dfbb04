"""The running app and a real browser, once for all browser tests.

Fixtures: `server` (the app, started as a user starts it), `browser` (Chromium), `visit` (opens a page of the app in a window
of its own). What to do with an open page stands in visit.py.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.browser.visit import COUNT_RUNS, listen, wait_ready

ROOT = Path(__file__).parents[2]
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_ARGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
HOW_TO = "There is no Chromium on the PATH: install one (Debian: apt-get install chromium), or name it in GLASS_BROWSER."

Visit = Callable[..., Page]


@dataclass(frozen=True)
class Server:
    """The running app: where it listens, and the file in which its output stands."""

    url: str
    log_path: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        return self.log_path.read_text("utf-8", errors="replace")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that opens a window is marked `browser`, so that -m "not browser" leaves them all out."""
    for item in items:
        if {"visit", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(server: Server, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"The app ended with {server.process.returncode} while it started:\n{server.log()}")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    pytest.fail(f"The app did not answer within {seconds:.0f} s:\n{server.log()}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app as `make run` starts it, on a free port."""
    port = _free_port()
    log_path = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "app", "--server.port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    running = Server(f"http://localhost:{port}", log_path, process)
    try:
        _wait_until_healthy(running)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium. Without one the tests are skipped, but in CI they fail."""
    path = os.environ.get("GLASS_BROWSER") or next(filter(None, map(shutil.which, BROWSER_NAMES)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO)
        pytest.skip(HOW_TO)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=BROWSER_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    """visit(path="/", width=1280, height=900, dark=False, touch=False) -> an open page whose first run is over.

    Each visit is a new visitor with a window of its own. wait=False returns as soon as the address is opened.
    """
    contexts: list[BrowserContext] = []

    def open_page(
        path: str = "/", *, width: int = 1280, height: int = 900, dark: bool = False, touch: bool = False, wait: bool = True
    ) -> Page:
        context = browser.new_context(
            viewport=ViewportSize(width=width, height=height),
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            accept_downloads=True,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.add_init_script(COUNT_RUNS)
        page = context.new_page()
        listen(page)
        page.goto(server.url + path, wait_until="domcontentloaded")
        if wait:
            wait_ready(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
