"""Every key of a configuration as a control, with presets to start from."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.arithmetic_views import PUBLISHED
from app.markup import escape_markdown
from gptcore.config import GPT_CONFIG_124M, GPTConfig

_LIMITS = {"vocab_size": 1_000_000, "context_length": 131_072, "emb_dim": 65_536, "n_layers": 1_000}
_STEPS = {"vocab_size": 1, "context_length": 128, "emb_dim": 64, "n_layers": 1}
MOST_HEADS = 1_024
_WIDTH = 148  # pixels: five stand side by side, two on a phone
_MEANING = {
    "vocab_size": "Tokens in the vocabulary.",
    "context_length": "Most tokens in one pass.",
    "emb_dim": "Width of the residual stream.",
    "n_heads": "Attention heads in a layer. They share the width, so it must be divisible by them. They change no count.",
    "n_layers": "Transformer blocks.",
    "drop_rate": "Share of values zeroed in training. It changes no count.",
    "qkv_bias": "Whether queries, keys and values have a bias. OpenAI's weights do, the book's configuration does not.",
    "tied": "Whether the output head is the token embedding itself. It is no key of the configuration, but decides the count.",
}


def presets(loaded_name: str, loaded: GPTConfig, loaded_tied: bool) -> dict[str, tuple[GPTConfig, bool]]:
    """Name -> configuration, and whether its output head is tied. The loaded model first."""
    return {
        loaded_name: (loaded, loaded_tied),
        **{model.title: (model.config, True) for model in PUBLISHED if model.title != loaded_name},
        "GPT_CONFIG_124M": (GPT_CONFIG_124M, False),
    }


def configuration(loaded_name: str, loaded: GPTConfig, loaded_tied: bool) -> tuple[GPTConfig, bool, str]:
    """Draw the controls; return the configuration they describe, whether its head is tied, and a name for it."""
    known = presets(loaded_name, loaded, loaded_tied)
    key = f"config_preset_{loaded_name}"
    name = str(st.pills("Start from", list(known), default=loaded_name, required=True, format_func=escape_markdown, key=key))
    start, start_tied = known[name]
    keys: dict[str, Any] = {}
    with st.container(horizontal=True, key="config_sizes"):
        for key in ("vocab_size", "context_length", "emb_dim"):
            keys[key] = _number(name, key, getattr(start, key))
        keys["n_heads"] = _heads(name, start.n_heads, keys["emb_dim"])
        keys["n_layers"] = _number(name, "n_layers", start.n_layers)
    with st.container(horizontal=True, key="config_choices"):
        keys["drop_rate"] = st.number_input("drop_rate", 0.0, 0.9, float(start.drop_rate), 0.05, **_frame(name, "drop_rate"))
        keys["qkv_bias"] = _switch(name, "qkv_bias", start.qkv_bias)
        tied = _switch(name, "tied", start_tied)
    config = GPTConfig(**keys)
    return config, tied, name if (config, tied) == (start, start_tied) else f"{name}, changed"


def divisors(width: int) -> list[int]:
    """How many heads can share a width equally, up to MOST_HEADS."""
    return [n for n in range(1, min(width, MOST_HEADS) + 1) if width % n == 0]


def _frame(preset: str, key: str) -> dict[str, Any]:
    """What all controls have. Their keys hold the preset's name, so that another preset brings its own values."""
    return {"key": f"config_{preset}_{key}", "help": _MEANING[key.split(" ")[0]], "width": _WIDTH}


def _number(preset: str, key: str, value: int) -> int:
    return int(st.number_input(key, 1, max(value, _LIMITS[key]), value, _STEPS[key], **_frame(preset, key)))


def _heads(preset: str, value: int, width: int) -> int:
    """Only counts that the width can be shared by; for another width the nearest one below the preset's stands there first."""
    options = divisors(width)
    nearest = max(i for i, n in enumerate(options) if n <= value)
    return int(st.selectbox("n_heads", options, index=nearest, **_frame(preset, f"n_heads {width}")))


def _switch(preset: str, key: str, value: bool) -> bool:
    return st.selectbox(key, [True, False], index=int(not value), **_frame(preset, key))
