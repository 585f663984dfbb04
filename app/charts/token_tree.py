"""A tree of texts: a lane for each, a block for each token, as thick as its probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.charts.frame import Figure, frame, value_range
from app.charts.labels import escape, shorten
from app.charts.theme import Mode, colour
from app.writing.numbers import counted, percent

LANE = 54  # pixels
THICK, FOOT = 0.55, 0.35  # of a lane: a block of probability 1, and where all blocks stand
LETTERS = 9  # of a token that stand on its block
_LEAST = 0.04  # of a lane: what is less likely is still seen


@dataclass(frozen=True)
class Block:
    """depth: how many tokens stand before it; lane: its row; parent_lane: where the token before it stands; kind: "present" for the
    text in view, "left" for another, "offered" for one that nobody has written yet."""

    token: str
    prob: float
    depth: int
    lane: int
    parent_lane: int
    kind: str


_KINDS = {
    "present": ("the text in view", "probability"), "left": ("another text", "reference"), "offered": ("not written yet", "residual"),
}  # fmt: skip


def _thickness(block: Block) -> float:
    return max(_LEAST, THICK * block.prob)


def token_tree(blocks: Sequence[Block], *, title: str, first: int = 0, mode: Mode = "light") -> Figure:
    """first: the depth at which the picture begins. Raises ValueError without a block."""
    if not blocks:
        raise ValueError("A tree without a token cannot be drawn.")
    traces = []
    for kind, (name, stage) in _KINDS.items():
        mine = [block for block in blocks if block.kind == kind]
        if not mine:
            continue
        texts = [percent(block.prob) for block in mine]
        traces.append(
            {
                "type": "bar",
                "x": np.full(len(mine), 0.94),
                "base": np.array([block.depth for block in mine], dtype=float),
                "y": np.array([block.lane + FOOT - _thickness(block) / 2 for block in mine]),
                "width": [_thickness(block) for block in mine],
                "orientation": "h",
                "name": escape(name),
                "marker": {"color": colour(stage, mode)},
                "text": texts,
                "customdata": [escape(block.token) for block in mine],
                "hovertemplate": "token %{customdata}<br>probability <b>%{text}</b><extra></extra>",
            }
        )
    lines = {(block.depth, block.lane, block.parent_lane) for block in blocks if block.lane != block.parent_lane}
    n_lanes, last = 1 + max(block.lane for block in blocks), 1 + max(block.depth for block in blocks)
    ink = colour("residual", mode)
    return frame(
        traces,
        title=title,
        subtitle="a block is a token, as thick as its probability (%)",
        alt=f"Tree: {title}. {counted(len(blocks), 'token')} in {counted(n_lanes, 'text')}; each block is a token, as thick as its probability, "
        f"{value_range([block.prob for block in blocks], '%')}.",
        plot_height=n_lanes * LANE,
        legend=[_KINDS[kind][0] for kind in _KINDS if any(block.kind == kind for block in blocks)],
        barmode="overlay",
        xaxis={"title": {"text": "tokens"}, "range": [first - 0.2, last + 0.2], "showgrid": False, "zeroline": False},
        yaxis={
            "tickvals": list(range(n_lanes)),
            "ticktext": [str(lane + 1) for lane in range(n_lanes)],
            "range": [n_lanes - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
        shapes=[
            {
                "type": "line", "x0": depth, "x1": depth, "y0": parent + FOOT, "y1": lane + FOOT,
                "line": {"color": ink, "width": 1}, "opacity": 0.5, "layer": "below",
            }
            for depth, lane, parent in sorted(lines)
        ],
        annotations=[
            {
                "text": escape(shorten(block.token, LETTERS)), "x": block.depth + 0.03, "y": block.lane + FOOT - THICK - 0.02,
                "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 12, "color": ink},
            }
            for block in blocks
        ],
    )  # fmt: skip
