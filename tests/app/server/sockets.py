"""Requests as anybody can make them, byte by byte: with any Host, any Origin, and none at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """The status, the head as text, and the body as far as it came."""

    status: int
    head: str
    body: bytes


def ask(url: str, *headers: str, method: str = "GET", version: str = "1.1", timeout: float = 10) -> Answer:
    """The answer to one request. headers: whole lines; without a Host among them, the one of the url (version 1.0: none)."""
    parts = urlsplit(url)
    lines = [f"{method} {parts.path or '/'}{'?' if parts.query else ''}{parts.query} HTTP/{version}", *headers]
    if version == "1.1" and not any(line.startswith("Host:") for line in headers):
        lines.append(f"Host: {parts.netloc}")
    if not any(line.startswith("Connection:") for line in headers):
        lines.append("Connection: close")
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=timeout) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
            if received.startswith(b"HTTP/1.1 101"):  # a websocket stays open
                break
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ")[1]), head.decode("latin-1"), body)


def ask_for_websocket(url: str, *headers: str) -> Answer:
    """The answer to a browser's wish for a websocket: 101 where it is let in."""
    upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    return ask(url, *upgrade, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: streamlit", *headers)


def run_alone(coroutine: Coroutine[object, object, T]) -> T:
    """asyncio.run, in a thread of its own: in the main thread a browser that another test left open keeps a loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
