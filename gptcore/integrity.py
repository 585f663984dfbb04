"""Whether files of the hub's cache are what was promised: their size, and the hash by which the hub names their content.

The cache keeps each file under a name that is the SHA-256 of its content, for large files, or the SHA-1 that git gives it; a snapshot
has links to them (https://huggingface.co/docs/huggingface_hub/guides/manage-cache). Some systems have no links: there only what the hub
said when the file was fetched can be checked.

A snapshot that is being fetched, or was found spoilt, has a mark beside it until every file of it has been checked.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SHA256, _GIT_SHA1 = re.compile("[0-9a-f]{64}"), re.compile("[0-9a-f]{40}")
_PIECE = 2**22


@dataclass(frozen=True)
class Promise:
    """What the hub says of a file; None for what it does not say."""

    size: int | None = None
    sha256: str | None = None


def is_as_promised(path: Path, promise: Promise) -> bool:
    """Whether a cached file has the size and the content that the hub promised, or that its name in the cache promises."""
    size = path.stat().st_size
    if promise.size is not None and size != promise.size:
        return False
    name = promise.sha256 or Path(os.path.realpath(path)).name
    if _SHA256.fullmatch(name):
        return _digest(path, hashlib.sha256()) == name
    if _GIT_SHA1.fullmatch(name):
        return _digest(path, hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)) == name
    return True


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def remove_spoilt(folder: Path, promises: dict[str, Promise]) -> list[str]:
    """Take the files of a snapshot that are not as promised out of the cache; return their names."""
    spoilt = [
        name for name, promise in promises.items() if (folder / name).is_file() and not is_as_promised(folder / name, promise)
    ]
    for name in spoilt:
        Path(os.path.realpath(folder / name)).unlink(missing_ok=True)
        (folder / name).unlink(missing_ok=True)
    return spoilt


def mark_unchecked(snapshot: Path) -> None:
    """From here on the snapshot does not count as there."""
    mark = _mark_of(snapshot)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def mark_checked(snapshot: Path) -> None:
    """From here on it counts as there."""
    _mark_of(snapshot).unlink(missing_ok=True)


def is_unchecked(snapshot: Path) -> bool:
    """Whether a download of this snapshot never came to its end, or it was found spoilt."""
    return _mark_of(snapshot).exists()


def mark_if_spoilt(snapshot: Path, names: Iterable[str]) -> bool:
    """Look at every byte of a cached snapshot that could not be loaded; where one is wrong, it no longer counts as there."""
    spoilt = not all(is_as_promised(snapshot / name, Promise()) for name in names if (snapshot / name).is_file())
    if spoilt:
        with suppress(OSError):  # of a cache that cannot be written to; then it has to be put right by whoever can
            mark_unchecked(snapshot)
    return spoilt


def _mark_of(snapshot: Path) -> Path:
    return snapshot.parent.parent / f".unchecked-{snapshot.name}"
