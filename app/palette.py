"""One colour per stage: the table that charts, pages and components share. Nothing heavy is imported for it."""

from __future__ import annotations

from typing import Literal

Mode = Literal["light", "dark"]

# Stage -> (light, dark), in the order of the ten categorical colours.
STAGES: dict[str, tuple[str, str]] = {
    "probability": ("#14768a", "#59c0c6"),
    "attention": ("#8947bc", "#c2aaff"),
    "feed_forward": ("#a15a0f", "#fea466"),
    "layer_norm": ("#106b49", "#8de8b7"),
    "embeddings": ("#1b3d87", "#7694d7"),
    "tokens": ("#715100", "#f2d760"),
    "residual": ("#3b4146", "#d0d9e6"),
    "dart": ("#a6393c", "#e5633c"),
    "ablation": ("#842c69", "#c374a6"),
    "reference": ("#352614", "#af9b82"),  # what something is compared with: ReLU, BatchNorm
}


def colour(stage: str, mode: Mode) -> str:
    """The colour of a stage. Raises KeyError for a stage that does not exist."""
    return STAGES[stage][mode == "dark"]
