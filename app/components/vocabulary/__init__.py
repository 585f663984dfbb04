"""What the browser keeps on a shelf (shelf.js): the texts of a vocabulary, and other values that travel by themselves.

Streamlit sends a component again, code and all, as soon as anything in it changes. So what is large and constant is parted from
what changes at every click: each travels in a component of its own, which shows nothing and takes no space.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.components import component, pack
from app.recent import MB, keeping


def vocabulary(model_name: str, tokens: Sequence[str]) -> None:
    """Hand the visible text of every token (by id) to the browser, where `tokenText(model, id)` finds it. Once a run.

    Raises ValueError if a text holds a line break, which parts the texts on their way; visible texts hold none.
    """
    shelve(f"vocabulary:{model_name}", key="vocabulary", deflated=_deflated(tuple(tokens)))


def shelve(name: str, value: Mapping[str, Any] | None = None, *, key: str, **arrays: np.ndarray) -> None:
    """Put a value (as JSON) and arrays (of the types that `pack` takes) on the browser's shelf under `name`."""
    component("vocabulary")(key=key, data=pack({"name": name, "value": value}, **arrays))


@keeping(32 * MB)
def _deflated(tokens: tuple[str, ...]) -> np.ndarray:
    """All texts, a line each, compressed as zlib does it, to a third of their size or less; the browser unpacks them by itself."""
    if any("\n" in token for token in tokens):
        raise ValueError("A token's text holds a line break; give visible texts, in which it is a sign.")
    return np.frombuffer(zlib.compress("\n".join(tokens).encode("utf-8")), dtype=np.uint8)
