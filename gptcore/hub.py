"""Bring a model from the hub into its cache, with progress by the byte.

Only what a model needs is fetched: its configuration, its vocabulary, and weights in safetensors files. The small files come
first, so that a model that cannot be run is refused before half a gigabyte is on its way. huggingface_hub writes each file under
a temporary name and moves it into place when it is whole.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # of its transport, which changes
from huggingface_hub.utils.tqdm import tqdm

from gptcore.errors import CheckpointError
from gptcore.folders import WEIGHTS_INDEX, cache_of, needed_files, weight_names

_ANSWER_SECONDS = 10
_ABANDONED_SECONDS = 3600


def fetch(repository: str, on_progress: Callable[[int, int], None], accept: Callable[[Path], object]) -> Path:
    """Download "owner/name" from $HF_ENDPOINT into the cache in $HF_HOME, and return its folder.

    on_progress(done, total) counts the bytes of the weights; with some servers it is called from another thread. accept(folder)
    is called once the small files are there, and raises what speaks against fetching the weights.
    Raises CheckpointError if the model does not exist, the network or the disk gives out, or accept says no.
    """
    with _told_apart(repository):
        _remove_abandoned(repository)
        found = HfApi().model_info(repository, files_metadata=True, timeout=_ANSWER_SECONDS)
        sizes = {file.rfilename: file.size or 0 for file in found.siblings or ()}
        *small, weights = needed_files(sizes, repository)
        if weights == WEIGHTS_INDEX:
            small.append(weights)
        for name in small:
            folder = _fetch_file(repository, name, found.sha, _silent).parent
        accept(folder)
        missing = {name: sizes.get(name, 0) for name in weight_names(folder) if not (folder / name).is_file()}
        _check_space(repository, sum(missing.values()))
        done, total = 0, sum(missing.values())

        def count(n_bytes: int) -> None:
            nonlocal done
            done += n_bytes
            on_progress(min(done, total), total)

        on_progress(0, total)
        for name in missing:
            _fetch_file(repository, name, found.sha, count)
        on_progress(total, total)
    return folder


def _fetch_file(repository: str, name: str, commit: str | None, count: Callable[[int], None]) -> Path:
    return Path(hf_hub_download(repository, name, revision=commit, tqdm_class=_bar(count)))


def _silent(n_bytes: int) -> None:
    """For the small files, which are here before a progress bar would be drawn."""


def _bar(count: Callable[[int], None]) -> type[tqdm]:
    """The hub reports bytes to a class of progress bars; this one draws nothing and passes them on."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: int | float | None = 1) -> None:
            count(int(n or 0))

        # With these two, a download by the xet protocol writes to one bar; without, to two, and each byte would count twice.
        def update_transfer(self, n: int | float | None = 1) -> None:
            """Bytes on the wire, some of them compressed: not what is counted here."""

        def set_transfer_postfix_str(self, *args: Any, **kwargs: Any) -> None:
            """There is nothing to write behind a bar that is not drawn."""

    return Bar


def _check_space(repository: str, needed: int) -> None:
    """Raises CheckpointError unless the disk of the cache has room for that many bytes."""
    cache = Path(constants.HF_HUB_CACHE)
    free = shutil.disk_usage(next(path for path in (cache, *cache.parents) if path.is_dir())).free
    if needed > free:
        raise CheckpointError(
            f"{repository} needs {needed / 1e6:,.1f} MB, and the disk of {cache} has {free / 1e6:,.1f} MB free. "
            "Make room, point HF_HOME at another disk, or choose a smaller model."
        )


def _remove_abandoned(repository: str) -> None:
    """A program that is killed leaves its temporary file behind. One that nobody has written to for an hour is nobody's."""
    for path in (cache_of(repository) / "blobs").glob("*.incomplete"):
        if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            path.unlink(missing_ok=True)


@contextmanager
def _told_apart(repository: str) -> Iterator[None]:
    """Turn the many ways in which a download fails into CheckpointErrors that say what to do."""
    try:
        yield
    except (OSError, TransportError, RuntimeError) as error:  # the hub's client, the transport below it, and the xet protocol
        raise CheckpointError(_reason(repository, error)) from error


def _reason(repository: str, error: BaseException) -> str:
    """What went wrong, and what to do. The order matters: each error of the hub's is also one of the more general below."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    if any(isinstance(cause, OSError) and cause.errno == errno.ENOSPC for cause in causes):
        return f"The disk became full while {repository} was downloaded; the unfinished file is removed. Make room and try again."
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in causes):
        return f"{repository} is not on this machine, and HF_HUB_OFFLINE is set. Unset it, or choose a model that is here."
    if isinstance(error, GatedRepoError):
        return f"The owner of {repository} asks you to accept terms: do so on the model's page, then run `hf auth login`."
    if isinstance(error, RepositoryNotFoundError):
        return f"There is no {repository} on the hub, or it is private. Check the name; for a private model run `hf auth login`."
    if isinstance(error, HfHubHTTPError):
        return f"The hub answered {error.response.status_code} when asked for {repository}. Try again later."
    said = (str(causes[-1]).splitlines() or [""])[0][:200]
    return (
        f"{repository} could not be downloaded ({type(causes[-1]).__name__}: {said}). The unfinished file is removed. "
        "Check the connection and try again; the model storyteller needs no network."
    )
