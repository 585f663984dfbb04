"""Figures as a page of their own."""

from __future__ import annotations

import html
from collections.abc import Sequence

from app.charts.frame import Figure
from app.charts.theme import FONT, SURFACES, Mode, dressed


def stand_alone(figures: Sequence[Figure], mode: Mode) -> str:
    """HTML with everything in it, plotly's script too, on the background of the mode; the figures stand under each other, each with
    its alt text."""
    paper, parts = SURFACES[mode]["paper"], []
    for index, figure in enumerate(figures):
        drawn = dressed(figure, mode).update_layout(paper_bgcolor=paper)
        alt = html.escape(figure.layout["meta"]["alt"])
        parts.append(f'<div role="img" aria-label="{alt}">{drawn.to_html(include_plotlyjs=index == 0, full_html=False)}</div>')
    return html_page(figures[0].layout["title"]["text"].partition("<br><span")[0].replace("<br>", " "), "".join(parts), mode)


def html_page(title: str, body: str, mode: Mode, style: str = "") -> str:
    """A page that needs nothing else, on the background of the mode. title, body: HTML already; style: rules for the body."""
    surface = SURFACES[mode]
    rules = f"body {{ margin: 24px; color: {surface['ink']}; background: {surface['paper']}; font: 15px/1.5 {FONT}; }} {style}"
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{rules}</style>'
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
