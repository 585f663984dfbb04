"""The components that are tested by themselves, a page each: /figure is figure_app.py, and so on.

The first page shows none of them, and each visit (a query parameter) forgets what was said in the one before: windows.py goes from one
to the next without loading anything anew.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

PAGES = ("figure", "map_canvas", "next_token", "token_text", "two_settings")


def nothing() -> None:
    st.text("Nothing is tested here.")


if st.session_state.get("visit") != (visit := st.query_params.get("visit")):
    st.session_state.clear()
    st.session_state["visit"] = visit
found = [st.Page(Path(__file__).with_name(f"{name}_app.py"), url_path=name) for name in PAGES]
st.navigation([st.Page(nothing, default=True), *found], position="hidden").run()
