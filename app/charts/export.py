"""A figure as a page of its own."""

from __future__ import annotations

from app.charts.frame import Figure
from app.charts.theme import SURFACES, Mode, dressed


def stand_alone(figure: Figure, mode: Mode) -> str:
    """HTML with everything in it, plotly's script too, on the background of the mode."""
    paper = SURFACES[mode]["paper"]
    page = dressed(figure, mode).update_layout(paper_bgcolor=paper)
    return str(page.to_html(include_plotlyjs=True, post_script=f'document.body.style.background = "{paper}";'))
