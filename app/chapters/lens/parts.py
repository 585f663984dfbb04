"""The parts of the logit lens page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.lens import sections, story

WORDS = ("logit lens", "residual stream", "layer", "LayerNorm", "output head", "probability")
PARTS: Beats = {
    "grid": Beat(
        "Every token, every block", "When does the model make up its mind?", sections.every_position, story.says_grid,
        steppers=sections.colouring, tries=story.try_grid, maths=sections.cell_in_numbers, checks=sections.cell_checks,
        words=(*WORDS, "entropy"),
    ),
    "position": Beat(
        "One token, block by block", "Does it always know by the middle?", sections.one_position, story.says_position,
        steppers=sections.depth_controls, tries=story.try_position, maths=sections.formula, checks=sections.formula_checks, words=WORDS,
    ),
    "stages": Beat(
        "Early, middle, late", "What do early, middle and late layers do?", sections.stages, story.says_stages,
        tries=story.try_stages, checks=sections.stages_checks, words=WORDS, questions=story.QUESTIONS,
    ),
}  # fmt: skip
