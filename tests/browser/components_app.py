"""The components that are tested by themselves, a page each: /figure is figure_app.py, and so on.

The first page forgets what was said on the others and shows none of them, so that after it a visit is as good as new (windows.py).
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

PAGES = ("figure", "map_canvas", "next_token", "token_text", "two_settings")


def nothing() -> None:
    st.session_state.clear()
    st.text("Nothing is tested here.")


found = [st.Page(Path(__file__).with_name(f"{name}_app.py"), url_path=name) for name in PAGES]
st.navigation([st.Page(nothing, default=True), *found], position="hidden").run()
