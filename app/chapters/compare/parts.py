"""The beats of the comparison page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.compare import depth, sections, story

PARTS: Beats = {
    "next": Beat(
        "The next token", "What is different?", sections.next_tokens, story.says_next,
        steppers=sections.next_controls, tries=story.tries, checks=sections.checks, words=("probability", "divergence", "temperature"),
    ),
    "texts": Beat(
        "The texts", "Which text is more surprising?", sections.texts, story.says_texts,
        steppers=sections.controls, tries=story.tries, checks=sections.checks, words=("surprise", "token", "vocabulary"), questions=story.QUESTIONS,
    ),
    "lens": Beat(
        "The lens", "At which layer do they part?", depth.the_lens, depth.says_lens,
        steppers=sections.controls, tries=story.tries, checks=depth.lens_checks, words=("logit lens", "layer", "residual stream"),
    ),
    "head": Beat(
        "One head", "Does the head look elsewhere?", sections.one_head, story.says_head,
        steppers=sections.head_controls, tries=story.tries, words=("attention head", "attention"),
    ),
}  # fmt: skip
