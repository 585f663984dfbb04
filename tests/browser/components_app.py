"""The components that are tested by themselves, a page each: /figure is figure_app.py, and so on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

PAGES = ("figure", "map_canvas", "next_token", "token_text", "two_settings")


def overview() -> None:
    st.write(*PAGES)


found = [st.Page(Path(__file__).with_name(f"{name}_app.py"), url_path=name) for name in PAGES]
st.navigation([st.Page(overview, default=True), *found], position="hidden").run()
