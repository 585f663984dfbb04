"""The drawn map of the model: its boxes are links that keep the visitor's session."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from app import messages
from app.components import component, pack


def model_map(drawings: Mapping[str, str], *, key: str, boxes: Collection[str], query: str) -> str | None:
    """Show the drawings ("wide" and "narrow": the width decides which); the key of the box that was clicked, None if none was.

    drawings: SVG elements from app.map_drawing, which escapes what a user wrote; their links carry `data-page`, `data-box` and
    `data-choices`. query: what each link adds to its page's address, besides its choices, so that it restores the view.
    """
    result = component("model_map")(key=key, data=pack({"drawings": dict(drawings), "query": query}), on_open_change=lambda: None)
    return messages.one_of(result.open, boxes)
