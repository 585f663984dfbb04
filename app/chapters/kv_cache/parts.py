"""The parts of the K/V cache page, in their order."""

from __future__ import annotations

from app import faults, ui
from app.beats import Beat, Beats
from app.chapters.kv_cache import race, sections

PARTS: Beats = {
    "kept": Beat(
        "What is kept", "What does the model remember of earlier tokens?", sections.kept, sections.says_kept,
        steppers=ui.layer_and_head, tries=sections.try_kept, maths=sections.kept_in_numbers, checks=sections.kept_checks,
        words=("K/V cache", "query", "key", "value", "causal mask"),
    ),
    "work": Beat(
        "The work it saves", "How does the K/V cache save work?", sections.work, sections.says_work,
        tries=sections.try_work, maths=sections.saved_work, checks=sections.work_checks,
        words=("K/V cache", "FLOP", "autoregressive", "attention", "output head"),
    ),
    "measured": Beat(
        "The time it saves here", "How much time does it save here?", faults.fragment(race.measured), sections.says_measured,
        words=("K/V cache", "autoregressive", "parameter", "weight", "Storyteller"), questions=sections.QUESTIONS,
    ),
}  # fmt: skip
