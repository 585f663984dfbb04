"""The parts of the tokens page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.tokens import gpt2, sections, story, surprise_sections

PARTS: Beats = {
    "cut": Beat(
        "The text as tokens", "What does the model see of a text?", sections.cut, story.says_cut,
        steppers=lambda here: sections.cut_control(), tries=story.try_cut, maths=sections.cut_maths, checks=sections.cut_checks,
        words=("token", "token id", "vocabulary", "pre-split", "context length"),
    ),
    "merges": Beat(
        "One word, merge by merge", "How is a word cut?", sections.merges, story.says_merges,
        steppers=lambda here: sections.cut_control(), tries=story.try_merges,
        maths=sections.merge_maths, checks=sections.merge_checks,
        words=("byte-pair encoding", "merge", "pre-split", "token"),
    ),
    "gpt2": Beat(
        "GPT-2's vocabulary", "How does GPT-2 cut “Hello, I am”?", gpt2.hello, gpt2.says_hello,
        tries=gpt2.try_hello, checks=gpt2.checks, words=("vocabulary", "token id", "Storyteller"),
    ),
    "other": Beat(
        "Rare words and emoji", "What happens to what it has never seen?", sections.special_cases, story.says_other,
        tries=story.try_other, maths=sections.special_maths, checks=sections.special_checks,
        words=("vocabulary", "byte-pair encoding"),
    ),
    "surprise": Beat(
        "Surprise", "Which tokens did the model not expect?", surprise_sections.surprise_of_text, story.says_surprise,
        steppers=surprise_sections.text_control, tries=story.try_surprise,
        maths=surprise_sections.maths, checks=surprise_sections.checks,
        words=("surprise", "probability", "softmax", "vocabulary"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
