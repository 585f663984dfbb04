"""What a page hears of its address and its connection; nothing is drawn.

A visitor who goes back in the browser's history, and one whose session was lost (the server started anew, or the connection was gone
for long), both have an address that says what they want to see. The browser asks for a run of the script then, before any click.
"""

from __future__ import annotations

from app import state
from app.components import component, pack


def address() -> None:
    """Mount it, once a run."""
    component("address")(key="address", data=pack({}), on_back_change=state.restore, on_again_change=lambda: None)
