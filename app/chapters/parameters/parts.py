"""The beats of the parameters page, in their order."""

from __future__ import annotations

from app.beats import Beat, Beats
from app.chapters.parameters import controls, sections, story, weights

PARTS: Beats = {
    "where": Beat(
        "Where they sit", "Where do the parameters sit?", sections.where, story.says_where, steppers=sections.where_controls,
        tries=story.try_where, maths=sections.count_maths, checks=sections.where_checks,
        words=("parameter", "embedding", "feed-forward network", "attention head", "weight tying", "output head", "bias", "LayerNorm"),
        questions=story.COUNTS,
    ),
    "weights": Beat(
        "The loaded weights", "What do the learned numbers look like?", weights.loaded_weights, weights.says_weights,
        steppers=weights.which_tensor, tries=weights.try_weights, maths=weights.weights_maths, checks=weights.weights_checks,
        words=("weight", "mean", "standard deviation", "norm", "distribution", "training"),
    ),
    "memory": Beat(
        "Memory", "How much memory do they take?", sections.memory, story.says_memory, steppers=controls.preset,
        tries=story.try_memory, maths=sections.memory_maths, checks=sections.memory_checks,
        words=("float32, float16, int8", "K/V cache", "quantisation", "MB and MiB", "output head", "parameter"), questions=story.SIZES,
    ),
    "work": Beat(
        "FLOPs per token", "How much work is one token?", sections.work, story.says_work, steppers=sections.work_controls,
        tries=story.try_work, maths=sections.work_maths, checks=sections.work_checks,
        words=("FLOP", "attention", "output head", "LayerNorm", "GELU", "softmax", "weight"),
    ),
    "configuration": Beat(
        "Any configuration", "What if the model were larger?", sections.what_follows, story.says_configuration,
        steppers=sections.configuration_controls, tries=story.try_configuration, maths=sections.count_maths,
        checks=sections.configuration_checks,
        words=("vocabulary", "context length", "attention head", "dropout", "weight tying", "FLOP", "K/V cache", "attention",
            "LayerNorm", "feed-forward network", "output head", "weight"),
        questions=story.LAST,
    ),
}  # fmt: skip
