"""The parts of the block page, in their order."""

from __future__ import annotations

from app import ui
from app.beats import Beat, Beats
from app.chapters.block import learned, sections, story

PARTS: Beats = {
    "stations": Beat(
        "Station by station", "What does one block do to one token?", sections.stations, story.says_stations,
        steppers=sections.scale_control, tries=story.try_stations, maths=sections.sums, checks=sections.checks,
        words=("transformer block", "residual stream", "shortcut connection", "LayerNorm", "attention", "feed-forward network",
            "dimension", "standard deviation"),
    ),
    "layers": Beat(
        "Layer by layer", "Which part changes it most, and where?", sections.layers, story.says_layers,
        steppers=ui.layer_and_token, tries=story.try_layers, maths=sections.layers_maths, checks=sections.checks,
        words=("layer", "residual stream", "attention", "feed-forward network"),
    ),
    "learned": Beat(
        "Learned numbers", "Where do the numbers come from?", learned.learned, learned.says_learned,
        tries=learned.try_learned, maths=learned.maths, checks=learned.checks,
        words=("training", "loss", "parameter", "surprise"),
    ),
    "dropout": Beat(
        "Dropout (inactive)", "What did training leave out on purpose?", sections.dropout, story.says_dropout,
        steppers=sections.dropout_controls, tries=story.try_dropout, maths=sections.dropout_maths, checks=sections.dropout_checks,
        words=("dropout", "training", "attention", "seed", "vector", "weight"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
