"""What the browser keeps: the texts of a vocabulary, and whatever else is large and stays the same for a while.

Streamlit sends a message again only if it changed. So what is large travels in a component of its own, which shows nothing, takes
no space and puts what it got on a shelf (shared.js); the component that changes at every click reads it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from app.components import component, pack


def vocabulary(model_name: str, tokens: Sequence[str]) -> None:
    """Hand the visible text of every token (by id) to the browser, where `tokenText(model, id)` finds it. Once a run.

    Raises ValueError if a text holds a line break, which parts the texts on their way; visible texts hold none.
    """
    keep(f"vocabulary:{model_name}", key="vocabulary", text=_joined(tuple(tokens)))


def keep(name: str, *, key: str, **arrays: np.ndarray) -> str:
    """Put arrays (of the types that `pack` takes) on the browser's shelf under `name`; returns the version it stands there in,
    a digest of the content."""
    digest = blake2b(digest_size=8)
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    component("vocabulary")(key=key, data=pack({"name": name, "version": digest.hexdigest()}, **arrays))
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _joined(tokens: tuple[str, ...]) -> np.ndarray:
    if any("\n" in token for token in tokens):
        raise ValueError("A token's text holds a line break; give visible texts, in which it is a sign.")
    return np.frombuffer("\n".join(tokens).encode("utf-8"), dtype=np.uint8)
