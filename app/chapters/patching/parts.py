"""The beats of the patching page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.patching import sections, story

PARTS: Beats = {
    "map": Beat(
        "The map", "Where does the difference travel?", sections.the_map, story.says_map,
        steppers=sections.controls, tries=story.try_map, checks=sections.map_checks,
        words=("activation patching", "residual stream", "logit difference"),
    ),
    "cell": Beat(
        "One cell", "What does one cell carry?", sections.one_cell, story.says_cell,
        steppers=sections.controls, tries=story.try_cell, checks=sections.map_checks, words=("activation patching", "causal cone"),
    ),
    "heads": Beat(
        "The heads", "Which heads carry it?", sections.the_heads, story.says_heads,
        steppers=sections.controls, tries=story.try_heads, words=("activation patching", "attention head"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
