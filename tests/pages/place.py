"""A visitor's place in a model that was made by a test."""

from __future__ import annotations

from app import runtime
from app.runtime import Here, SequenceInView
from app.state import View
from gptcore.language_model import LanguageModel


def place(model: LanguageModel, ids: tuple[int, ...], *, layer: int = 0, head: int = 0, position: int = 0) -> Here:
    """Where a visitor stands who looks at these ids; the model is in the queue, like any that is loaded."""
    tokens = tuple(model.tokenizer.text_of(i) for i in ids)
    known = dict(runtime.ENGINE._names)
    standing = runtime.ENGINE.add(model.name, model)
    runtime.ENGINE._names.update(known)  # a folder that it was loaded from can be read again, its name alone cannot
    return Here(View(), standing, SequenceInView(ids, ids, False), tokens, layer, head, position)
