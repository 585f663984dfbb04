"""One run of a visitor's script: page list, the bars around every page, then the page. The launcher is streamlit_app.py."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this folder on the path, not the project's root.
if (root := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, root)

from app import state
from app.components.address import address
from app.lessons import walking
from app.room import presenting
from app.shell import bars, first_visit, navigation


def draw() -> None:
    """One run: what needs no model first, so that there is something to look at while torch is imported."""
    page = st.navigation(navigation.pages(), position="hidden")
    st.set_page_config(page_title=f"{page.title} · Glass GPT", page_icon=Path(__file__).with_name("icon.png"), layout="wide")
    state.current()  # from the URL, on the first run of a session
    first_visit.welcome(page)
    with presenting.page_run():
        address()
        navigation.follow()
        bars.draw(navigation.file_of(page))
        waiting = first_visit.waiting(page)
        from app.shell import page_frame  # here: torch comes with it, and takes seconds the first time

        page_frame.draw(page, waiting)
    if walking.is_choosing():
        from app.lessons import dialog

        dialog.draw()
    state.publish()


draw()
