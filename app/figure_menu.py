"""The one menu of a figure, "⋯" in its corner: its picture, its numbers, the link to this view, and the code that computes it.

It is called just before what it belongs to, and lies over that one's upper right corner. What is in it is made while it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from app import charts, choices, faults, palette, state
from app.components.pictures import pictures
from app.writing import markup

if TYPE_CHECKING:  # the first page draws without pandas, and starts that much sooner
    import pandas as pd


Pages = Sequence[charts.Figure] | charts.Figure | str
Figures = Sequence[charts.Figure] | Callable[[], Pages]


def mode() -> palette.Mode:
    """ "light" or "dark", as the visitor's browser shows the app."""
    return "dark" if st.context.theme.type == "dark" else "light"


@contextmanager
def drawer(label: str, *, key: str, icon: str, help: str | None = None) -> Iterator[bool]:
    """A menu below a button; gives whether it is open, since in each run most are closed, and what is in them takes as long to make."""
    with (shown := st.popover(label, icon=icon, help=help, key=key, on_change="rerun")):
        yield bool(shown.open)


def figure_menu(
    name: str,
    data: pd.DataFrame | Callable[[], pd.DataFrame],
    figures: Figures = (),
    *,
    label: str = "",
    code: Callable[[], str] | None = None,
    svg: Callable[[], str] | None = None,
) -> None:
    """The menu of what is drawn next. In a lecture there is none.

    name: file name of the data, without ending; figures: what is drawn, or a function that gives it, of what is no figure the same
    picture as one or as a page; label: what the menu is called, which else its name says; code: lines of gptcore that give these
    numbers, "" for none;
    svg: makes the picture where the browser cannot.
    """
    if state.chosen(choices.LECTURE):
        return
    said = label or f"Menu: {name.replace('-', ' ').replace('_', ' ')}"
    with drawer(said, key=f"figure_menu_{name}", icon=":material/more_horiz:") as is_open:
        if is_open:
            _items(name, data, figures, code() if code else _code_in_view(), svg)


def _code_in_view() -> str:
    from app import as_code  # it knows the models, and what is drawn before one is there must not wait for torch

    return as_code.in_view()


def _items(
    name: str,
    data: pd.DataFrame | Callable[[], pd.DataFrame],
    figures: Figures,
    code: str,
    svg: Callable[[], str] | None,
) -> None:
    def frame() -> pd.DataFrame:
        return data() if callable(data) else data

    shown = mode()  # later, when it is asked for, nobody tells

    def page() -> str:
        made = figures() if callable(figures) else figures
        return made if isinstance(made, str) else charts.stand_alone([made] if isinstance(made, charts.Figure) else made, shown)

    files: list[tuple[str, Callable[[], str], str, str]] = [
        ("Numbers as CSV", lambda: markup.csv(frame()), "csv", "text/csv"),
        ("Numbers as JSON", lambda: str(frame().to_json(orient="records")), "json", "application/json"),
    ]
    if svg:
        files.insert(0, ("Picture as SVG", svg, "svg", "image/svg+xml"))
    if figures:
        files.insert(0, ("Figure as a page (HTML)", page, "html", "text/html"))
    pictures(f"figure_menu_{name}", link=not state.address(state.current())[1])
    with st.container(horizontal=True, gap="small"):
        for says, make, ending, kind in files:
            st.download_button(says, faults.export(make), f"{name}.{ending}", kind, key=f"{ending}_{name}", on_click="ignore")
    if code:
        st.caption("This view as code: from the project's folder, with its requirements installed.")
        st.code(code, language="python")
