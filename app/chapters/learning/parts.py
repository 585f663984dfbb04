"""The parts of the page on learning, in their order."""

from __future__ import annotations

from app import ui
from app.chapters.learning import copies, live, one_step, sections

PARTS: ui.Parts = {
    "recorded": ("From noise to words", sections.recorded),
    "step": ("One step of learning", one_step.one_step),
    "live": ("Train one yourself", live.live),
    "overfit": ("Learned by heart", live.overfit),
    "copies": ("Does it copy?", copies.copies),
}
