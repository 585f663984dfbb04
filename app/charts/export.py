"""A figure as a page of its own."""

from __future__ import annotations

import plotly.graph_objects as go

from app.charts.theme import SURFACES, Mode, dressed


def stand_alone(figure: go.Figure, mode: Mode) -> str:
    """HTML with everything in it, plotly's script too, on the background of the mode. The figure itself stays as it is."""
    paper = SURFACES[mode]["paper"]
    page = dressed(figure, mode).update_layout(paper_bgcolor=paper)
    return str(page.to_html(include_plotlyjs=True, post_script=f'document.body.style.background = "{paper}";'))
