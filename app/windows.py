"""What is drawn of a long text: as many tokens as there is room for, and the way to those before and after."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import state
from app.runtime import Here


def window(n_tokens: int, focus: int, size: int) -> range:
    """The positions that are drawn: the newest, or, where these leave out the focus, as many around it."""
    start = max(0, n_tokens - size)
    if focus < start:
        start = max(0, focus - size // 2)
    return range(start, min(n_tokens, start + size))


def ways(here: Here, positions: Sequence[int]) -> None:
    """Which positions are drawn, and two buttons that go on by as many; the cursor goes along. Nothing where all are drawn."""
    n_tokens, size = len(here.ids), len(positions)
    if size == n_tokens:
        return
    first, last = positions[0], positions[-1]
    before, after = max(0, first - size + size // 2), min(n_tokens - 1, last + 1 + size // 2)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="window_ways"):
        st.button(
            "Earlier tokens", icon=":material/chevron_left:", type="tertiary", disabled=first == 0, key="window_earlier",
            on_click=state.guarded(state.update), kwargs=here.cursor_on(before),
        )  # fmt: skip
        st.caption(f"Positions {first} to {last} of {n_tokens:,}", width="content")
        st.button(
            "Later tokens", icon=":material/chevron_right:", type="tertiary", disabled=last == n_tokens - 1, key="window_later",
            on_click=state.guarded(state.update), kwargs=here.cursor_on(after),
        )  # fmt: skip
