"""The models that this server offers: what each is called, where it comes from, and whether it can be used at this moment.

A folder is called by its last part, with as much before it as tells it from the others; its path stays on the server.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import gptcore
from app import log, state
from app.recent import MB, keeping
from gptcore.checkpoints import EMBEDDED, Availability, CatalogueEntry, catalogue

# Comma-separated folders or hub repositories that visitors may choose beside the catalogue; set by whoever runs the server.
ALLOWED_MODELS_VARIABLE = "GLASS_MODELS"
_LOOKED_EVERY = 1.0  # seconds: the menu asks some thirty times a run
_FAILED_FOR = 60.0  # seconds until a model that could not be loaded is tried again
_looked: dict[str, tuple[float, Availability]] = {}
_failed: dict[str, tuple[float, str]] = {}


@dataclass(frozen=True)
class Offered:
    """name: in the menu and in links; source: what gptcore loads; entry: the catalogue's words on it, None for one of the server's."""

    name: str
    source: str
    entry: CatalogueEntry | None = None

    @property
    def title(self) -> str:
        """What it is called on the screen."""
        return self.entry.title if self.entry else self.name

    @property
    def download_bytes(self) -> int:
        """About; 0 where it is not known."""
        return self.entry.download_bytes if self.entry else 0


@cache
def _catalogue() -> tuple[CatalogueEntry, ...]:
    return catalogue()


def offered() -> tuple[Offered, ...]:
    """What a visitor may choose: the catalogue, then what the server allows."""
    return _offered(os.environ.get(ALLOWED_MODELS_VARIABLE, ""))


@keeping(MB)
def _offered(allowed: str) -> tuple[Offered, ...]:
    known = {entry.name: Offered(entry.name, entry.name, entry) for entry in _catalogue()}
    sources = [source for part in allowed.split(",") if (source := part.strip()) and source not in known]
    sources = list({os.path.realpath(source) if _is_folder(source) else source: source for source in reversed(sources)}.values())
    return (*known.values(), *(Offered(*each) for each in zip(_names(sources[::-1], set(known)), sources[::-1], strict=True)))


def _is_folder(source: str) -> bool:
    return os.path.isabs(source) or os.path.isdir(source)


def _names(sources: Sequence[str], taken: set[str]) -> list[str]:
    """A name for each: of a folder the shortest end of its path that no other has, else with a number behind it."""
    parts = [PurePath(source).parts if _is_folder(source) else (source,) for source in sources]
    parts = [tuple(part for part in each if part != "/") or ("/",) for each in parts]
    lengths = [1] * len(sources)
    while True:
        names = ["/".join(each[-length:]) for each, length in zip(parts, lengths, strict=True)]
        counts = Counter(names)
        growing = [i for i, name in enumerate(names) if (counts[name] > 1 or name in taken) and lengths[i] < len(parts[i])]
        if not growing:
            break
        for i in growing:
            lengths[i] += 1
    for i, name in enumerate(names):
        number = 1
        while names[i] in taken:
            number += 1
            names[i] = f"{name} ({number})"
        taken = taken | {names[i]}
    return names


def names() -> tuple[str, ...]:
    """The names of all that is offered."""
    return tuple(each.name for each in offered())


def called(name: str) -> str:
    """A model's name within a sentence or a heading: the embedded one has one with a capital, whatever its folder is called."""
    return name.capitalize() if name == EMBEDDED.name else name


def find(name: str) -> Offered | None:
    """What is offered under this name; an older link may say its folder instead. None for anything else."""
    return next((each for each in offered() if name in (each.name, each.source)), None)


def named(label: object) -> str | None:
    """The name that a line of the menu stands for. A browser may show a menu that was drawn before a model was there, or was spoilt:
    what stands in brackets behind the title does not count. None for what is no line of it."""
    return next(
        (
            m.name
            for m in offered()
            if isinstance(label, str) and (label in (m.name, m.title) or label.startswith(f"{m.title} ("))
        ),
        None,
    )


def default() -> str:
    """The model of a visitor who has chosen none: the embedded one, where it is there."""
    return state.DEFAULT_MODEL if find(state.DEFAULT_MODEL) else names()[0]


def availability(name: str) -> Availability:
    """Whether it is ready, has to be downloaded, or is broken; what is not offered is broken, and never looked for.

    The reason does not name the server's folder; the log does, once.
    """
    if (found := find(name)) is None:
        return Availability("broken", not_offered(name))
    now = time.monotonic()
    failed = _failed.get(found.source)
    if failed and now - failed[0] < _FAILED_FOR:
        return Availability("broken", failed[1])
    looked = _looked.get(found.source)
    if looked is None or now - looked[0] > _LOOKED_EVERY:
        seen = gptcore.availability(found.source)
        if seen.state == "broken":
            seen = Availability("broken", _marked_broken(found, seen.reason))
        looked = _looked[found.source] = (now, seen)
    return looked[1]


def is_ready(name: str) -> bool:
    """Whether it is offered and can be loaded without the network."""
    return availability(name).state == "ready"


def could_not_be_loaded(name: str, reason: str) -> str:
    """For a while the model counts as broken, so that not every visitor waits for it to fail again. Returns what visitors are told."""
    found = find(name) or Offered(name, name)
    said = _marked_broken(found, reason)
    _failed[found.source] = (time.monotonic(), said)
    return said


def look_again() -> None:
    """Forget what was seen, and what failed."""
    _looked.clear()
    _failed.clear()


def _marked_broken(found: Offered, reason: str) -> str:
    """Logs it once; what visitors are told says the model's name instead of its place on this server."""
    log.say(f"model {found.source}", f"The model {found.source} is offered and cannot be used: {reason}", every=float("inf"))
    for place in {os.path.realpath(found.source), found.source} if _is_folder(found.source) else ():
        reason = reason.replace(place, found.name)
    return reason


def not_offered(name: str) -> str:
    """What is said of a name that is none of the offered ones."""
    return f"The model {name[:80]!r} is not offered here. Choose one of: {', '.join(names())}."


def replace_missing_model() -> None:
    """A link may name a model that this server does not offer: the default takes its place, and a message says so. Or it names one by
    its folder, as older links do: its name takes the place of that."""
    view = state.current()
    found = find(view.model)
    if found is None:
        state.notify(f"The model {view.model[:80]!r} is not offered here: {default()} takes its place.")
        state.update(model=default())
    elif found.name != view.model:
        state.rename_model(found.name)
