"""The beats of the branches page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.branches import sections, story

PARTS: Beats = {
    "tree": Beat(
        "The tree", "What else could it have said?", sections.the_tree, story.says_tree,
        steppers=sections.tree_controls, tries=story.try_tree, checks=sections.tree_checks, words=("probability", "seed", "temperature"),
    ),
    "beam": Beat(
        "The search", "Which text is the likeliest?", sections.the_beam, story.says_beam,
        steppers=sections.beam_controls, tries=story.try_beam, checks=sections.beam_checks, words=("beam search", "greedy", "surprise"),
        questions=story.QUESTIONS,
    ),
}  # fmt: skip
