"""Writes the address without a word to Streamlit, for what is being typed: an address that Streamlit writes draws the page again."""

from __future__ import annotations

from urllib.parse import urlencode

from app import state
from app.components import component, pack


def address_line() -> None:
    """The address of the view as it is now, from a fragment that runs without the entry script."""
    query, _ = state.address(state.current())
    component("address_line")(key="address_line", data=pack({"query": urlencode(query)}))
