"""The beats of the what-if page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.what_if import sections, story

PARTS: Beats = {
    "board": Beat(
        "The board", "What if a part were silent?", sections.the_board, story.says_board,
        steppers=sections.controls, tries=story.try_board, checks=sections.board_checks,
        words=("ablation", "attention head", "feed-forward network", "logit difference", "direct share", "divergence", "embedding"),
    ),
    "without": Beat(
        "With and without", "What would the model say without it?", sections.with_and_without, story.says_without,
        steppers=sections.switches, tries=story.try_without, words=("ablation", "surprise", "probability", "embedding"),
    ),
    "goes_on": Beat(
        "Written on", "How would the text go on?", sections.going_on, story.says_going_on,
        steppers=sections.switches, tries=story.try_seed,
        words=("ablation", "seed", "embedding", "LayerNorm", "logit", "logit difference", "random number"),
        questions=story.QUESTIONS,
    ),
}  # fmt: skip
