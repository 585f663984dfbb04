"""The parts of the page of shortcut connections, in their order."""

from __future__ import annotations

from app import ui
from app.beats import Beat, Beats
from app.chapters.shortcuts import lessons, sections, story

WORDS = ("shortcut connection", "residual stream", "transformer block")
PARTS: Beats = {
    "experiment": Beat(
        "An untrained network", "Why do deep networks need shortcuts?", lessons.experiment, lessons.says_experiment,
        steppers=lessons.controls, tries=lessons.try_experiment, maths=lessons.in_numbers, checks=lessons.checks,
        words=("shortcut connection", "gradient", "seed", "weight", "activation function"),
    ),
    "difference": Beat(
        "One block left out", "What else is x + F(x) good for?", sections.left_out, story.says_difference,
        tries=story.try_difference, maths=sections.difference_in_numbers, checks=sections.left_out_checks, words=WORDS,
    ),
    "model": Beat(
        "The shortcuts of this model", "How much does each block change?", sections.stream, story.says_model,
        steppers=ui.layer_and_token, tries=story.try_model, maths=sections.sum_in_numbers, checks=sections.stream_checks,
        words=(*WORDS, "attention", "feed-forward network", "cosine", "norm"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
