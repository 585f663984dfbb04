"""What a page hears of its address and its connection; nothing is drawn.

A visitor who goes back in the browser's history, and one whose session was lost (the server started anew, or the connection was gone
for long), both have an address that says what they want to see. The browser asks for a run of the script then, before any click.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from app import messages, state
from app.components import component, pack


def address() -> None:
    """Mount it, once a run."""

    def back() -> None:
        said = state.component_value("address", "back")
        query = messages.text(said[1]) if isinstance(said, list) and len(said) == 2 else None
        if query is not None:
            state.restore(dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))

    component("address")(key="address", data=pack({}), on_back_change=back, on_again_change=lambda: None)
