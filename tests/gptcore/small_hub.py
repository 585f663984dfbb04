"""A small hub of models on this machine, for tests of downloads."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants

NAME = "owner/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What a hub of models does, as far as its client asks: describe a repository, say what a file is, and send it, or parts of it.

    cut: file -> how many bytes of it are sent before the line breaks, as long as it is in here; silent: the same, but then nothing
    more comes and the line stays open, until `released`; instead: file -> other bytes that are sent under the right name and hash;
    status: answer to everything.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    silent: dict[str, int] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)
    instead: dict[str, bytes] = field(default_factory=dict)
    status: tuple[int, str] | None = None
    sent: list[str] = field(default_factory=list)
    url: str = ""

    def start(self) -> Callable[[], None]:
        """Listen on a free port of this machine until what is returned is called."""
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                """Not onto the screen."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: Any) -> None:
                """A client that hangs up in the middle is what some tests are about."""

        http = Server(("127.0.0.1", 0), Handler)
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{http.server_port}"

        def stop() -> None:
            self.released.set()
            http.shutdown()
            http.server_close()

        return stop

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        if self.status is not None:
            return self._refuse(request, *self.status)
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+?)(/revision/[^/]+)?", path):
            files = self.repositories.get(found[1])
            if files is None:
                return self._refuse(request, 404, "RepoNotFound")
            siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
            return self._send(request, 200, json.dumps({"id": found[1], "sha": COMMIT, "siblings": siblings}).encode(), {})
        found = re.fullmatch(rf"/([^/]+/[^/]+)/resolve/(?:main|{COMMIT})/(.+)", path)
        if not found or found[2] not in self.repositories.get(found[1], {}):
            return self._refuse(request, 404, "EntryNotFound")
        return self._send_file(request, found[2], self.repositories[found[1]][found[2]])

    def _send_file(self, request: BaseHTTPRequestHandler, name: str, data: bytes) -> None:
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        data = self.instead.get(name, data)
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if request.command == "GET":
            self.sent.append(name)
            if name in self.silent:
                self._send(request, 200, data, headers, self.silent[name])
                self.released.wait()
                return
        self._send(
            request, 206 if start else 200, data[start:], headers, max(0, self.cut[name] - start) if name in self.cut else None
        )

    def _refuse(self, request: BaseHTTPRequestHandler, status: int, code: str) -> None:
        self._send(request, status, b"{}", {"X-Error-Code": code})

    def _send(
        self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str], stop: int | None = None
    ) -> None:
        request.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(key, value)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body[:stop])
        request.close_connection = stop is not None


def point_client(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    """What $HF_ENDPOINT and $HF_HOME do when the client is first imported; one test below sets those themselves."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # many pieces of a small file, as of a large one
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)  # between its attempts


def half_written(cache: Path) -> list[str]:
    """Files in the cache that are not as they should be: not under a final name, or not with the content that their name promises."""
    faults = [str(path) for path in cache.rglob("*") if path.is_file() and "incomplete" in path.name]
    blobs = [path for path in cache.rglob("blobs/*") if path.is_file() and "incomplete" not in path.name]
    return faults + [str(path) for path in blobs if hashlib.sha256(path.read_bytes()).hexdigest() != path.name]


def cache_of(tmp_path: Path) -> Path:
    return tmp_path / "hub"
