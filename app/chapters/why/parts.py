"""The beats of the attribution page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.why import sections, story

PARTS: Beats = {
    "sum": Beat(
        "The sum", "Why this token, and not that one?", sections.the_sum, story.says_sum,
        steppers=sections.controls, tries=story.try_sum, checks=sections.sum_checks,
        words=("direct share", "logit difference", "residual stream", "LayerNorm"),
    ),
    "heads": Beat(
        "Shares and effects", "Is a share what would be missing?", sections.shares_and_effects, story.says_heads,
        steppers=sections.layer_controls, tries=story.try_heads, checks=sections.sum_checks,
        words=("direct share", "ablation", "neuron", "attention head", "bias"),
    ),
    "tokens": Beat(
        "The text", "Which word made it say that?", sections.by_token, story.says_tokens,
        steppers=sections.controls, tries=story.try_tokens, checks=sections.token_checks,
        words=("logit difference", "gradient", "attention", "logit", "softmax"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
