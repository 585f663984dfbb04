"""The app as a user starts it: its own process, a free port, its output in a file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """The running app: where it listens, and the file in which its output stands."""

    url: str
    log_path: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        return self.log_path.read_text("utf-8", errors="replace")

    def wait_until_healthy(self, timeout: float = 60) -> None:
        """Raises RuntimeError, with the log, if the app ends or does not answer within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"The app ended with {self.process.returncode} while it started:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except OSError:  # nobody listens yet
                time.sleep(0.05)
        raise RuntimeError(f"The app did not answer within {timeout} s:\n{self.log()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _launcher(path: Path, script: Path) -> Path:
    lines = ["import streamlit as st", "from app.live.slot import SLOT", "from app.server import stack"]
    path.write_text(
        "\n".join([*lines, f"app = st.App({str(script)!r}, routes=stack.routes(SLOT.news), middleware=stack.middleware())"])
    )
    return path


@contextmanager
def running_app(
    log_path: Path, script: str = "app", base: str = "", shell: str = "", port: int = 0, **environment: str
) -> Iterator[Server]:
    """`streamlit run app`, as in the Makefile, with these environment variables besides; stopped at the end.

    script: another script instead, for what is tested by itself, behind a launcher like the app's.
    base: `server.baseUrlPath`, with a slash before it. shell: a command before the start, such as one that sets a limit. port: 0 for any free one.
    """
    port = port or free_port()
    if script != "app":
        script = str(_launcher(log_path.with_name("launcher.py"), ROOT / script))
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port), "--server.baseUrlPath", base]
    if shell:
        command = ["sh", "-c", f'{shell}; exec "$@"', "sh", *command]
    variables = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environment
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    server = Server(f"http://localhost:{port}{base}", log_path, process)
    try:
        server.wait_until_healthy()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
