"""What is drawn of a long text: as many tokens as there is room for, and the way to those before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

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
    turning(len(here.ids), positions, range(len(here.ids)), lambda position: state.update(**here.cursor_on(position)))


def neighbours(positions: Sequence[int], among: range) -> tuple[int | None, int | None]:
    """The focus of the windows before and after what is drawn of `among`; None where nothing is there. Where the middle is left out,
    both lead into it."""
    size, first, last = len(positions), positions[0], positions[-1]
    gaps = [(a, b) for a, b in pairwise(positions) if b > a + 1]
    if gaps:
        last, first = gaps[0]
    before = max(among[0] + size // 2, first - size + size // 2) if gaps or first > among[0] else None
    return before, min(among[-1] - size // 2, last + 1 + size // 2) if gaps or last < among[-1] else None


def turning(n_tokens: int, positions: Sequence[int], among: range, go: Callable[[int], object]) -> None:
    """The same for a window that does not follow the cursor: go puts a position into its focus. among: those that can be drawn."""
    if len(positions) >= len(among):
        return
    before, after = neighbours(positions, among)
    jumps = [a for a, b in pairwise(positions) if b > a + 1]
    ends = [f"{positions[0]} to {jumps[0]}", f"{positions[len(positions) // 2]} to {positions[-1]}"] if jumps else [
        f"{positions[0]} to {positions[-1]}"
    ]  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="window_ways"):
        st.button(
            "Earlier tokens", icon=":material/chevron_left:", type="tertiary", disabled=before is None, key="window_earlier",
            on_click=state.guarded(go), args=(before,),
        )  # fmt: skip
        st.caption(f"Positions {' and '.join(ends)} of {n_tokens:,}", width="content")
        st.button(
            "Later tokens", icon=":material/chevron_right:", type="tertiary", disabled=after is None, key="window_later",
            on_click=state.guarded(go), args=(after,),
        )  # fmt: skip
