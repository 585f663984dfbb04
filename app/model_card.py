"""What the embedded model's card says of its training, and the card itself to keep."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import streamlit as st

from app import faults
from gptcore.checkpoints import EMBEDDED


@dataclass(frozen=True)
class Card:
    """What the embedded model's card says of its training: on what machine, minutes, millions of tokens, and held-out losses (nats per
    token) after some minutes."""

    machine: str
    minutes: float
    tokens: float
    losses: dict[float, float]


@cache
def card() -> Card:
    """Read from the card that lies beside the weights."""
    text = _text()
    said = re.search(r"^(.+), ([\d.]+) minutes in all, in which it saw ([\d.]+) million tokens", text, re.MULTILINE)
    table = re.search(r"\| held-out loss[^|]*\|([^\n]*)\|\n[^\n]*\n\| nats a token \|([^\n]*)\|", text)
    if not said or not table:
        raise ValueError("The model card does not say how long the training was, or what the losses were.")
    minutes = [float(cell.split()[0]) for cell in table[1].split("|")]
    losses = [float(cell) for cell in table[2].split("|")]
    return Card(said[1][0].lower() + said[1][1:], float(said[2]), float(said[3]), dict(zip(minutes, losses, strict=True)))


def offer() -> None:
    """A button that brings the whole card, which no page shows."""
    st.download_button(
        "Storyteller's card: how it was trained, and on what", faults.export(_text), file_name="MODEL_CARD.md", mime="text/markdown",
        icon=":material/download:", on_click="ignore",
    )  # fmt: skip


@cache
def _text() -> str:
    return (EMBEDDED / "MODEL_CARD.md").read_text(encoding="utf-8")
