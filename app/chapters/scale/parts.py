"""The parts of the page of GPT-2 and GPT-3, in their order."""

from __future__ import annotations

from app import ui
from app.chapters.scale import sections

PARTS: ui.Parts = {
    "sizes": ("What grew", sections.sizes),
    "memory": ("The memory it needs", sections.memory),
    "time": ("The time it takes", sections.training),
}
