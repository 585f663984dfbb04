"""The parts of the page of shortcut connections, in their order."""

from __future__ import annotations

from app import ui
from app.chapters.shortcuts import lessons, sections

PARTS: ui.Parts = {
    "experiment": ("An untrained network", lambda _: lessons.experiment()),
    "model": ("The shortcuts of this model", sections.stream),
}
