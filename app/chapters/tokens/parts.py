"""The parts of the tokens page, in their order."""

from __future__ import annotations

import streamlit as st

from app import ui
from app.chapters.tokens import sections, surprise_sections, views
from app.runtime import Here


def _cut(here: Here) -> None:
    table, focus = sections.cut(here)
    if len(table):
        st.subheader("One piece, merge by merge", anchor=False)
        ui.note(
            "Byte-pair encoding begins with single bytes and joins the pair of neighbours whose merge was learned first: the one with "
            "the lowest rank. It stops when no learned pair is left. Click a token above to see its piece."
        )
        sections.merges(here.model.tokenizer, table.iloc[focus], views.piece_of(table, focus))


def _surprise(here: Here) -> None:
    ui.note(
        "One pass gives every token the probability that the model gave it before seeing it. The less likely, the more "
        "bits of surprise, and the stronger the colour."
    )
    surprise_sections.surprise_of_text(here)


PARTS: ui.Parts = {
    "cut": ("How it is cut", _cut),
    "other": ("How other things are cut", lambda here: sections.special_cases(here.model.tokenizer)),
    "surprise": ("Where the model was surprised", _surprise),
}
