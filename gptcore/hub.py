"""Bring a model from the hub into its cache, with progress by the byte.

Only what a model needs is fetched: its configuration, its vocabulary, and weights in safetensors files. The small files come
first, so that a model that cannot be run is refused before half a gigabyte is on its way. huggingface_hub writes each file under
a temporary name and moves it into place when it is whole; then its size and its hash are checked, and only after that does the model
count as there.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.errors import HTTPError as TransportError  # type: ignore[attr-defined]  # of its transport, which changes
from huggingface_hub.utils.tqdm import tqdm

from gptcore.errors import CheckpointError, DownloadStopped
from gptcore.folders import WEIGHTS_INDEX, cache_of, is_complete, needed_files, weight_names
from gptcore.integrity import Promise, mark_checked, mark_unchecked, remove_spoilt

_ANSWER_SECONDS = 10
_ABANDONED_SECONDS = 3600
_LOOK_SECONDS = 0.1  # between two looks at whether to stop
_GRACE_SECONDS = 0.4  # for a download that is told to stop, to clear up by itself


def fetch(
    repository: str, on_progress: Callable[[int, int], None], accept: Callable[[Path], object], stop: Event | None = None
) -> Path:
    """Download "owner/name" from $HF_ENDPOINT into the cache in $HF_HOME, and return its folder.

    on_progress(done, total) counts the bytes of the weights, from another thread. accept(folder) is called once the small files are
    there, and raises what speaks against fetching the weights. stop: once it is set, DownloadStopped is raised within a second; a read
    from the network that does not end is left to itself.
    Raises CheckpointError if the model does not exist, the network or the disk gives out, the bytes are not those that were promised,
    or accept says no.
    """
    stop, called_off, outcome = stop or Event(), Event(), Future[Path]()

    def go_on() -> None:
        if stop.is_set() or called_off.is_set():
            raise _stopped(repository)

    def work() -> None:
        try:
            outcome.set_result(_fetch(repository, on_progress, accept, go_on))
        except BaseException as error:  # noqa: BLE001  handed to the one who waits
            outcome.set_exception(error)

    # A thread of its own, for which the end of the program does not wait: a read from the network cannot be interrupted.
    Thread(target=work, name=f"download {repository}", daemon=True).start()
    try:
        while not wait([outcome], _LOOK_SECONDS).done:
            if stop.is_set() and not wait([outcome], _GRACE_SECONDS).done:
                raise _stopped(repository)
    except BaseException:
        called_off.set()
        _remove_open(repository)
        raise
    return outcome.result()


def _stopped(repository: str) -> DownloadStopped:
    return DownloadStopped(f"The download of {repository} was stopped; what was there of it is removed.")


def _fetch(
    repository: str, on_progress: Callable[[int, int], None], accept: Callable[[Path], object], go_on: Callable[[], None]
) -> Path:
    """As `fetch`, in one thread. go_on raises when there is to be no more."""

    def count(done: int, total: int) -> None:
        go_on()
        on_progress(done, total)

    with _told_apart(repository):
        _remove_abandoned(repository)
        found = HfApi().model_info(repository, files_metadata=True, timeout=_ANSWER_SECONDS)
        promises = {file.rfilename: Promise(file.size, file.lfs.sha256 if file.lfs else None) for file in found.siblings or ()}
        *small, weights = needed_files(promises, repository)
        if weights == WEIGHTS_INDEX:
            small.append(weights)
        folder = cache_of(repository) / "snapshots" / str(found.sha)
        mark_unchecked(folder)
        try:
            remove_spoilt(folder, {name: promises[name] for name in small})
            for name in small:
                _fetch_file(repository, name, found.sha, lambda n_bytes: go_on())
            _check(repository, folder, small, promises)
            accept(folder)
            _fetch_weights(repository, folder, promises, found.sha, count)
        except BaseException:
            if not is_complete(folder):  # then the mark says nothing that is not seen
                mark_checked(folder)
            raise
        mark_checked(folder)
        _remove_left(folder, [*small, *weight_names(folder)])
    return folder


def _fetch_weights(
    repository: str, folder: Path, promises: dict[str, Promise], commit: str | None, on_progress: Callable[[int, int], None]
) -> None:
    names = weight_names(folder)
    remove_spoilt(folder, {name: promises.get(name, Promise()) for name in names})
    missing = {name: promises.get(name, Promise()).size or 0 for name in names if not (folder / name).is_file()}
    _check_space(repository, sum(missing.values()))
    done, total = 0, sum(missing.values())

    def count(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        on_progress(min(done, total), total)

    on_progress(0, total)
    for name in missing:
        _fetch_file(repository, name, commit, count)
    _check(repository, folder, list(missing), promises)
    on_progress(total, total)


def _check(repository: str, folder: Path, names: Collection[str], promises: dict[str, Promise]) -> None:
    """Raises CheckpointError for files that are not as promised, and takes them out of the cache."""
    if spoilt := remove_spoilt(folder, {name: promises.get(name, Promise()) for name in names}):
        raise CheckpointError(
            f"{', '.join(spoilt)} of {repository} came with other bytes than the hub promised (size or SHA-256), and is removed. "
            "Download it again; if that does not help, the hub's own copy is spoilt."
        )


def _fetch_file(repository: str, name: str, commit: str | None, count: Callable[[int], None]) -> Path:
    return Path(hf_hub_download(repository, name, revision=commit, tqdm_class=_bar(count)))


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


def _remove_left(folder: Path, names: Collection[str]) -> None:
    """What killed downloads of the same files left: whoever fetches one holds its lock, so these belong to nobody."""
    for name in names:
        for path in (folder.parent.parent / "blobs").glob(f"{Path(os.path.realpath(folder / name)).name}.*incomplete"):
            path.unlink(missing_ok=True)


def _remove_open(repository: str) -> None:
    """The half-written files of a download that is left to itself: those that this process has open, where the system says so."""
    blobs = os.path.realpath(cache_of(repository) / "blobs")
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            path = os.readlink(descriptor)
            if path.startswith(blobs + os.sep) and path.endswith(".incomplete"):
                os.unlink(path)


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
    if any(isinstance(cause, OSError) and cause.filename is not None for cause in causes):  # those of the network name no file
        return (
            f"The hub's cache {constants.HF_HUB_CACHE} cannot be written to ({causes[-1]}). Point HF_HOME at a folder that can."
        )
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
