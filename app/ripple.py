"""A text by how much more surprising each of its tokens has become: for something switched off, or another token before them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app.components.token_text import TextChip, token_text
from app.writing.numbers import quantity, significant

NO_CHANGE = 0.001  # bits: a smaller change is written as none under a token


def noted(bits: float) -> str:
    """A change as it stands under a token: short."""
    return significant(bits, 2) if abs(bits) >= NO_CHANGE else "0"


def ripple(
    tokens: Sequence[str], change: np.ndarray, *, first: int, than: str, key: str, label: str, on_pick: Callable[[int], object]
) -> None:
    """Draw the chips.

    change: bits [token], NaN for a token that nothing predicts; first: position of the first token; than: what it was less surprising than,
    as "than before"; on_pick(position) is called with a token that was clicked.
    """
    most = float(np.nanmax(np.abs(change), initial=0.0)) or 1.0

    def chip(place: int, text: str, bits: float) -> TextChip:
        if np.isnan(bits):
            return TextChip(text, place, [("Token ", text, f" at position {place}. Nothing comes before it.")])
        how = f"{quantity(abs(bits), 'bits')} {'more' if bits >= 0 else 'less'} surprising {than}."
        said = ("Token ", text, f" at position {place}: {how}")
        return TextChip(text, place, [said], note=noted(bits), shade=max(0.0, bits) / most)

    token_text(
        [chip(first + n, text, float(bits)) for n, (text, bits) in enumerate(zip(tokens, change, strict=True))],
        key=key, label=label, hint="Point at a token.", legend=("no more surprising", f"{quantity(most, 'bits')} more"),
        on_pick=lambda place: on_pick(first + place),
    )  # fmt: skip
