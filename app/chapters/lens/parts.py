"""The parts of the logit lens page, in their order."""

from __future__ import annotations

from app import ui
from app.chapters.lens import sections

PARTS: ui.Parts = {
    "grid": ("Every position", sections.every_position),
    "position": ("One position, layer by layer", sections.one_position),
}
