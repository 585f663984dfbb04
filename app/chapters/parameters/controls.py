"""The configuration that the parameters page counts: one to start from, and every key of it as a control."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from app import choices, messages, offered, state
from app.configurations import LARGEST, LARGEST_DROP_RATE, Configured
from app.counting import PUBLISHED
from app.runtime import Here
from app.runtime import here as place_now
from app.writing.markup import escape_markdown
from gptcore.config import GPT_CONFIG_124M, GPTConfig
from gptcore.errors import GPTCoreError

_STEPS = {"vocab_size": 1, "context_length": 128, "emb_dim": 64, "n_layers": 1}
_WIDTH = 148  # pixels: five stand side by side, two on a phone
_MEANING = {
    "vocab_size": "Tokens in the vocabulary.",
    "context_length": "Most tokens in one pass.",
    "emb_dim": "Width of the residual stream.",
    "n_heads": "Attention heads in a layer. They share the width, so it must be divisible by them. They change no count.",
    "n_layers": "Transformer blocks.",
    "drop_rate": "Share of values zeroed in training. It changes no count.",
    "qkv_bias": "Whether queries, keys and values have a bias. OpenAI's weights do, the configuration GPT_CONFIG_124M does not.",
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
        choices.PRESETS[0]: (offered.called(here.model.name), Configured(here.config, here.model.tied)),
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


def controls(here: Here) -> None:
    """Draw every key of the configuration as a control."""
    now = counted_now(here)
    with st.container(horizontal=True, key="config_controls"):
        for key in ("vocab_size", "context_length", "emb_dim"):
            _number(now, key)
        options = divisors(now.config.emb_dim)
        st.selectbox("n_heads", options, **_held(now, "n_heads", f"n_heads {now.config.emb_dim}"))
        _number(now, "n_layers")
        st.number_input("drop_rate", 0.0, LARGEST_DROP_RATE, step=0.05, **_held(now, "drop_rate"))
        st.selectbox("qkv_bias", [True, False], **_held(now, "qkv_bias"))
        st.selectbox("tied", [True, False], **_held(now, "tied"))


def divisors(width: int) -> list[int]:
    """How many heads can share a width equally, up to the most that can be asked for."""
    return [n for n in range(1, min(width, LARGEST["n_heads"]) + 1) if width % n == 0]


def _number(now: Counted, key: str) -> None:
    most = max(getattr(now.config, key), LARGEST[key])
    st.number_input(key, 1, most, step=_STEPS[key], **_held(now, key))


def _held(now: Counted, key: str, name: str = "") -> dict[str, Any]:
    """What all controls have. Their keys hold the preset, so that another one brings its own values."""
    value = now.tied if key == "tied" else getattr(now.config, key)
    tied_to = state.held(f"config_{now.preset}_{name or key}", value, lambda said: _take(key, said, value))
    return {**tied_to, "help": _MEANING[key], "width": _WIDTH}


def _take(key: str, said: object, before: object) -> None:
    """One key of the configuration has another value. With another width the heads are as many as can share it, at most as many as
    before."""
    if not messages.resembles(said, before):
        return
    here = place_now()
    now = counted_now(here)
    keys = {**asdict(now.config), "tied": now.tied, key: float(said) if key == "drop_rate" else said}  # type: ignore[arg-type]
    if key == "emb_dim" and type(said) is int and said > 0:
        keys["n_heads"] = max(n for n in divisors(said) if n <= now.config.n_heads)
    try:
        made = Configured(GPTConfig(**{name: keys[name] for name in keys if name != "tied"}), bool(keys["tied"]))
        choices.CONFIG.read(choices.CONFIG.write(made))
    except (GPTCoreError, ValueError):
        return  # no honest page sends it
    state.take(choices.CONFIG, None if made == presets(here)[now.preset][1] else made)
