"""Figures as a page of their own."""

from __future__ import annotations

from collections.abc import Sequence

from app.charts.frame import Figure
from app.charts.theme import SURFACES, Mode, dressed


def stand_alone(figures: Sequence[Figure], mode: Mode) -> str:
    """HTML with everything in it, plotly's script too, on the background of the mode; the figures stand under each other."""
    paper = SURFACES[mode]["paper"]
    first, *others = (dressed(figure, mode).update_layout(paper_bgcolor=paper) for figure in figures)
    page: str = first.to_html(include_plotlyjs=True, post_script=f'document.body.style.background = "{paper}";')
    below = "".join(figure.to_html(include_plotlyjs=False, full_html=False) for figure in others)
    head, end, foot = page.rpartition("</body>")
    return f"{head}{below}{end}{foot}"
