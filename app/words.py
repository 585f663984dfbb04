"""Tokens joined into words."""

from __future__ import annotations

from collections.abc import Sequence


def word_numbers(pieces: Sequence[bytes]) -> list[int]:
    """Which word each token belongs to: a word is what stands between spaces, with the signs that touch it and the space before."""
    numbers, word, has_ink = [], 0, False
    for piece in pieces:
        if piece[:1].isspace() and has_ink:
            word, has_ink = word + 1, False
        has_ink = has_ink or not piece.isspace()
        numbers.append(word)
    return numbers
