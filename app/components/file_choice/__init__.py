"""A field for a file of text, which the browser reads by itself: nothing is uploaded, the server takes no files."""

from __future__ import annotations

from collections.abc import Callable

from app import messages, state
from app.components import component, pack


def file_choice(key: str, label: str, *, longest: int, on_text: Callable[[str], object]) -> None:
    """label: on its button; on_text is called with the file's text, of which at most `longest` + 1 bytes are read."""

    def chosen() -> None:
        if (text := messages.text(state.component_value(key, "text"), longest + 1)) is not None:
            on_text(text)

    component("file_choice")(key=key, data=pack({"label": label, "longest": longest}), on_text_change=chosen)
