"""The parts of the page of GPT-2 and GPT-3, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.scale import sections, story, training

PARTS: Beats = {
    "sizes": Beat(
        "What grew", "What changed from GPT-2 to GPT-3?", sections.sizes, story.says_sizes, steppers=sections.quantity,
        tries=story.try_sizes, maths=sections.sizes_in_numbers, checks=sections.sizes_checks,
        words=("parameter", "context length", "attention head", "K/V cache", "FLOP", "training", "weight", "Storyteller"),
    ),
    "memory": Beat(
        "The memory it needs", "How much memory does it need?", sections.memory, story.says_memory, steppers=sections.memory_controls,
        tries=story.try_memory, maths=sections.memory_in_numbers, checks=sections.memory_checks,
        words=("float32, float16, int8", "K/V cache", "optimiser", "gradient", "activations", "parameter", "training"),
    ),
    "time": Beat(
        "The time it takes", "How long does training take?", training.training, story.says_time, steppers=training.time_controls,
        tries=story.try_time, maths=training.time_in_numbers, checks=training.time_checks, words=("training", "FLOP", "V100", "weight"),
        questions=story.QUESTIONS,
    ),
}  # fmt: skip
