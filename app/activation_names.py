"""Activation functions on the screen: name and colour of each."""

from __future__ import annotations

# gptcore's name -> (name on the screen, colour)
NAMES: dict[str, tuple[str, str]] = {
    "gelu_tanh": ("GELU, tanh form", "feed_forward"),
    "gelu_exact": ("GELU, exact", "ablation"),
    "relu": ("ReLU", "reference"),
    "silu": ("SiLU", "embeddings"),
    "tanh": ("tanh", "attention"),
    "sigmoid": ("sigmoid", "tokens"),
}
SWIGLU = "swiglu"  # SiLU times a second input


def name(activation: str) -> str:
    """An activation of gptcore.lessons, or SWIGLU, as the screen names it."""
    return "SwiGLU" if activation == SWIGLU else NAMES[activation][0]
