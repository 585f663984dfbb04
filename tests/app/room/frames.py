"""The other half of app.room.room.frame, for tests and benchmarks; browsers have their own, components/room/state.js."""

from __future__ import annotations

import json
import zlib
from typing import Any


def read(frame: bytes | None) -> dict[str, Any]:
    """What a frame says, its parts among the fields."""
    assert frame is not None
    body = zlib.decompress(frame[1:]) if frame[0] else frame[1:]
    length = int.from_bytes(body[:4], "little")
    said: dict[str, Any] = json.loads(body[4 : 4 + length])
    at = 4 + length
    for name, size in said["parts"]:
        said["fields"][name] = body[at : at + size]
        at += size
    assert at == len(body)
    return said
