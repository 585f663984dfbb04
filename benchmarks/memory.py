"""How much memory a piece of work needs at its worst moment, as the operating system sees it (Linux)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def _status(field: str) -> float:
    """A field of /proc/self/status in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024 / 1e6


def peak_growth(run: Callable[[int], object], weights: Iterable[Any]) -> float:
    """MB by which run(1024) lifts the highest memory above what is taken after run(16), which warms up.

    Its result is held until the measure is taken. Weights are copied into memory of their own first: pages of a mapped file
    come and go as the system likes.
    """
    for weight in weights:
        weight.data = weight.data.clone()
    run(16)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest so far
    before = _status("VmRSS")
    held = run(1024)
    growth = _status("VmHWM") - before
    del held
    return growth
