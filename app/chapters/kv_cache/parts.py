"""The parts of the K/V cache page, in their order."""

from __future__ import annotations

from app import faults, ui
from app.chapters.kv_cache import race, sections

PARTS: ui.Parts = {
    "kept": ("What is kept", sections.kept),
    "work": ("The work it saves", sections.work),
    "measured": ("The time it saves here", faults.fragment(race.measured)),
}
