"""The parts of the feed-forward page, in their order."""

from __future__ import annotations

from app import ui
from app.beats import Beat, Beats
from app.chapters.feed_forward import activations, sections, story

PARTS: Beats = {
    "steps": Beat(
        "Expand, activate, project", "What does the feed-forward network do with one token?", sections.expand_activate_project,
        story.says_steps, steppers=ui.layer_and_token, tries=story.try_steps, maths=sections.network_in_numbers,
        checks=sections.network_checks,
        words=("feed-forward network", "neuron", "GELU", "residual stream", "LayerNorm", "parameter", "activation function"),
    ),
    "activations": Beat(
        "This token's activations", "What does GELU let through?", sections.before_and_after_gelu, story.says_activations,
        steppers=ui.layer_and_token, tries=story.try_activations, maths=sections.gelu_in_numbers, checks=sections.gelu_checks,
        words=("GELU", "ReLU", "neuron", "activations"),
    ),
    "functions": Beat(
        "GELU and other activations", "Why GELU and not ReLU?", activations.comparison, story.says_functions,
        steppers=activations.functions, tries=story.try_functions, maths=activations.in_numbers, checks=activations.checks,
        words=("GELU", "ReLU", "SiLU", "SwiGLU", "gradient", "sigmoid"),
    ),
    "neurons": Beat(
        "The strongest neurons", "What does one neuron write?", sections.strongest_neurons, story.says_neurons,
        steppers=ui.layer_and_token, tries=story.try_neurons, maths=sections.contribution_in_numbers, checks=sections.neuron_checks,
        words=("neuron", "logit", "residual stream", "LayerNorm", "weight"), questions=story.QUESTIONS,
    ),
}  # fmt: skip
