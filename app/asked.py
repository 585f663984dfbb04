"""The token that is asked about, and the one that it is compared with: what a visitor chose, or the two likeliest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from app import choices, state
from app.choices import Choice
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import percent

OFFERED = 12  # tokens in a list; any other can stand in a link
LIKELIEST = -1


class Pair(NamedTuple):
    """Two different token ids."""

    target: int
    rival: int


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax at temperature 1, in float64."""
    powers = np.exp(logits.astype(np.float64) - float(logits.max()))
    found: np.ndarray = powers / powers.sum()
    return found


def likeliest(logits: np.ndarray) -> tuple[int, float]:
    """The likeliest token and its probability at temperature 1."""
    probs = probabilities(logits)
    best = int(probs.argmax())
    return best, float(probs[best])


def pair(here: Here) -> Pair:
    """Target and rival after the newest token of this place. The target is the likeliest token unless one was chosen, the rival the
    likeliest other one."""
    order = np.argsort(-here.trace.logits, kind="stable")
    target = _known(here, choices.TARGET)
    if target is None:
        target = int(order[0])
    rival = _known(here, choices.RIVAL)
    if rival is None or rival == target:
        rival = next(int(token) for token in order if token != target)
    return Pair(target, rival)


def _known(here: Here, choice: Choice[int]) -> int | None:
    chosen = state.chosen(choice)
    return chosen if 0 <= chosen < here.config.vocab_size else None


def pickers(here: Here) -> None:
    """The two lists to choose from."""
    probs = probabilities(here.trace.logits)
    best = np.argsort(-probs, kind="stable")[:OFFERED].tolist()
    found = pair(here)
    left, right = st.columns(2)
    for place, label, choice, shown, other in (
        (left, "Target", choices.TARGET, found.target, found.rival if _known(here, choices.RIVAL) is not None else None),
        (right, "Rival", choices.RIVAL, found.rival, found.target),
    ):
        chosen = _known(here, choice)
        # The likeliest stands first, for whatever it is in another text.
        offered = [LIKELIEST, *(token for token in best if token != other and (chosen is not None or token != shown))]
        offered += [chosen] if chosen is not None and chosen not in offered else []

        def said(token: int, shown: int = shown, chosen: int | None = chosen) -> str:
            if token == LIKELIEST and chosen is not None:
                return "the likeliest"
            named = shown if token == LIKELIEST else token
            return f"{markup.escape_markdown(here.model.tokenizer.text_of(named))} {percent(float(probs[named]))}"

        place.selectbox(label, offered, format_func=said, **state.choice(choice, among=offered))
