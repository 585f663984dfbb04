"""A visitor's first page, and the first after a start: something to look at while torch is imported and the model loaded."""

from __future__ import annotations

import sys
import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from app import choices, state, ui
from app.shell import navigation

_IS_ONE = "first_visit"
_SENT_WITHIN = 0.05  # seconds; importing torch then holds the interpreter for long stretches


def welcome(page: StreamlitPage) -> None:
    """Who comes to the first page without a link, which would say what to look at, is asked to guess first."""
    if not state.remembered("came_by_link", True):
        state.remember("came_by_link", True)
        if navigation.file_of(page) == choices.WRITE_PART.name:
            state.take(choices.WRITE_PART, "guess")
            state.remember(_IS_ONE, True)


def is_one() -> bool:
    """Whether this visit began at the first page, without a link."""
    return bool(state.remembered(_IS_ONE, False))


def waiting(page: StreamlitPage) -> DeltaGenerator | None:
    """Say in the page's place what is going on, and return the place, for what comes next; None once all is imported."""
    # A module that is being imported, by the launcher or by another visitor's run, is listed from its first line on.
    if hasattr(sys.modules.get("app.shell.page_frame"), "draw"):
        return None
    entry = navigation.entry(navigation.file_of(page))
    place = st.empty()
    with place:
        ui.page_header(
            entry.stage, entry.title, "The server has just started and loads the model. This takes a few seconds, once."
        )
    time.sleep(_SENT_WITHIN)
    return place
