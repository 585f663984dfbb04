"""The configuration that the parameters page counts: one to start from, and every key of it as a control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import choices, state
from app.configurations import LARGEST, LARGEST_DROP_RATE, Configured
from app.counting import PUBLISHED
from app.runtime import Here
from app.writing.markup import escape_markdown
from gptcore.config import GPT_CONFIG_124M, GPTConfig

_STEPS = {"vocab_size": 1, "context_length": 128, "emb_dim": 64, "n_layers": 1}
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


@dataclass(frozen=True)
class Counted:
    """What the page counts. preset: the one it began with; name: what it is called; config, tied: as they are now."""

    preset: str
    name: str
    config: GPTConfig
    tied: bool


def presets(here: Here) -> dict[str, tuple[str, Configured]]:
    """Preset -> its name, and its configuration. The loaded model first."""
    published = zip(choices.PRESETS[1:], PUBLISHED, strict=False)
    return {
        choices.PRESETS[0]: (here.model.name, Configured(here.config, here.model.tied)),
        **{preset: (model.title, Configured(model.config, True)) for preset, model in published},
        choices.PRESETS[-1]: ("GPT_CONFIG_124M", Configured(GPT_CONFIG_124M, False)),
    }


def counted_now(here: Here) -> Counted:
    """What the link says: a preset, or what was made of it."""
    preset = state.chosen(choices.PRESET)
    name, start = presets(here)[preset]
    own = state.chosen(choices.CONFIG)
    config, tied = start if own is None else own
    return Counted(preset, name if (config, tied) == start else f"{name}, changed", config, tied)


def preset(here: Here) -> None:
    """Draw the choice of what to start from. Another one drops what was made of the last."""
    names = {preset: name for preset, (name, _) in presets(here).items()}
    tied_to = state.choice(choices.PRESET)

    def another() -> None:
        tied_to["on_change"]()
        state.take(choices.CONFIG, None)

    st.pills(
        "Start from", list(names), format_func=lambda preset: escape_markdown(names[preset]), required=True, wrap=True,
        label_visibility="collapsed", key=tied_to["key"], on_change=state.guarded(another),
    )  # fmt: skip


def controls(here: Here) -> Counted:
    """Draw every key of the configuration as a control; what they say is taken over, and returned."""
    now = counted_now(here)
    keys: dict[str, Any] = {}
    with st.container(horizontal=True, key="config_controls"):
        for key in ("vocab_size", "context_length", "emb_dim"):
            keys[key] = _number(now, key)
        keys["n_heads"] = _heads(now, keys["emb_dim"])
        keys["n_layers"] = _number(now, "n_layers")
        keys["drop_rate"] = st.number_input(
            "drop_rate", 0.0, LARGEST_DROP_RATE, float(now.config.drop_rate), 0.05, **_frame(now, "drop_rate")
        )
        keys["qkv_bias"] = _switch(now, "qkv_bias", now.config.qkv_bias)
        tied = _switch(now, "tied", now.tied)
    made = Configured(GPTConfig(**keys), tied)
    state.take(choices.CONFIG, None if made == presets(here)[now.preset][1] else made)
    return counted_now(here)


def divisors(width: int) -> list[int]:
    """How many heads can share a width equally, up to the most that can be asked for."""
    return [n for n in range(1, min(width, LARGEST["n_heads"]) + 1) if width % n == 0]


def _frame(now: Counted, key: str) -> dict[str, Any]:
    """What all controls have. Their keys hold the preset, so that another one brings its own values."""
    return {"key": f"config_{now.preset}_{key}", "help": _MEANING[key.split(" ")[0]], "width": _WIDTH}


def _number(now: Counted, key: str) -> int:
    value = getattr(now.config, key)
    return int(st.number_input(key, 1, max(value, LARGEST[key]), value, _STEPS[key], **_frame(now, key)))


def _heads(now: Counted, width: int) -> int:
    """Only counts that the width can be shared by; for another width the nearest one below stands there first."""
    options = divisors(width)
    nearest = max(i for i, n in enumerate(options) if n <= now.config.n_heads)
    return int(st.selectbox("n_heads", options, index=nearest, **_frame(now, f"n_heads {width}")))


def _switch(now: Counted, key: str, value: bool) -> bool:
    return st.selectbox(key, [True, False], index=int(not value), **_frame(now, key))
