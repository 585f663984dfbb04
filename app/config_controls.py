"""Every key of a configuration as a control, with presets to start from."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import streamlit as st

from app.arithmetic_views import PUBLISHED
from gptcore.config import GPT_CONFIG_124M, GPTConfig

LOADED = "Loaded model"
_LIMITS = {"vocab_size": 1_000_000, "context_length": 131_072, "emb_dim": 65_536, "n_heads": 1_024, "n_layers": 1_000}
_STEPS = {"vocab_size": 1, "context_length": 128, "emb_dim": 64, "n_heads": 1, "n_layers": 1}
_MEANING = {
    "vocab_size": "Tokens in the vocabulary",
    "context_length": "Most tokens in one pass",
    "emb_dim": "Width of the residual stream",
    "n_heads": "Attention heads a layer; they share the width and change no count",
    "n_layers": "Transformer blocks",
    "drop_rate": "Share of values zeroed in training; it changes no count",
    "qkv_bias": "Whether queries, keys and values have a bias; OpenAI's weights do, the book's configuration does not",
    "tied": "Whether the output head is the token embedding itself; no key of the configuration, but it decides the count",
}


def presets(loaded: GPTConfig, loaded_tied: bool) -> dict[str, tuple[GPTConfig, bool]]:
    """Name -> configuration, and whether its output head is tied."""
    return {
        LOADED: (loaded, loaded_tied),
        **{model.title: (model.config, True) for model in PUBLISHED},
        "GPT_CONFIG_124M": (GPT_CONFIG_124M, False),
    }


def configuration(loaded: GPTConfig, loaded_tied: bool) -> tuple[GPTConfig, bool, str]:
    """Draw the controls; return the configuration they describe, whether its head is tied, and a name for it.

    Raises ConfigError where they describe no model, such as a width that the heads cannot share.
    """
    known = presets(loaded, loaded_tied)
    name = st.pills("Start from", list(known), default=LOADED, required=True, key="config_preset")
    start, start_tied = known[str(name)]
    with st.container(horizontal=True, vertical_alignment="bottom", key="config_keys"):
        chosen = {field.name: _control(str(name), field.name, getattr(start, field.name)) for field in fields(GPTConfig)}
        tied = _control(str(name), "tied", start_tied)
    config = replace(start, **chosen)
    return config, tied, str(name) if (config, tied) == (start, start_tied) else f"{name}, changed"


def _control(preset: str, key: str, value: Any) -> Any:
    """The control of one key. Its own key holds the preset's name, so that another preset brings its own values."""
    own = f"config_{preset}_{key}"
    if isinstance(value, bool):
        options = {"False": False, "True": True}
        picked = st.selectbox(key, list(options), index=int(value), key=own, help=_MEANING[key], width=148)
        return options[picked]
    if key == "drop_rate":
        return st.number_input(key, 0.0, 0.9, float(value), 0.05, key=own, help=_MEANING[key], width=148)
    return st.number_input(key, 1, _LIMITS[key], value, _STEPS[key], key=own, help=_MEANING[key], width=148)
