"""What the embeddings page says of rows, worked out again in float64 from the rows themselves: the numbers of its formulas, and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.chapters.embeddings.views import Plane
from app.engine import EngineModel, queued
from gptcore import embeddings
from gptcore.checks import TOLERANCE, Check
from gptcore.embeddings import Neighbours
from gptcore.language_model import LanguageModel

POSITIONS = 32  # positions whose cosine is worked out again
_IN_COSINE = " Deviation in cosine, which goes from −1 to 1."
_SMALLEST = 1e-30


class Angle(NamedTuple):
    """Of two rows: the sum of products, and both lengths."""

    product: float
    first: float
    second: float

    @property
    def cosine(self) -> float:
        return self.product / max(self.first * self.second, _SMALLEST)


def angle(first: np.ndarray, second: np.ndarray) -> Angle:
    """What the cosine of two rows is made of."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    return Angle(float(a @ b), float(np.linalg.norm(a)), float(np.linalg.norm(b)))


@queued
def token_rows(model: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """The rows of some tokens, as they stand in the table: [token, emb_dim]."""
    return np.stack([embeddings.rows_of(model.model, int(i), 0)[0] for i in ids])


@queued
def position_rows(model: LanguageModel, positions: Sequence[int]) -> np.ndarray:
    """The rows of some positions: [position, emb_dim]."""
    return np.stack([embeddings.rows_of(model.model, 0, int(p))[1] for p in positions])


def of_neighbours(row: np.ndarray, others: np.ndarray, found: Neighbours) -> Check:
    """The cosines that are drawn, against those of the rows (others: one a neighbour)."""
    again = np.array([angle(row, other).cosine for other in others])
    said = f"The cosines of the {len(again)} nearest tokens, worked out again from their rows, against those that are drawn."
    return Check("Cosines", said + _IN_COSINE, _apart(found.cosine, again), TOLERANCE)


def of_positions(model: EngineModel, position: int, similarity: np.ndarray) -> Check:
    """The curve that is drawn, against the cosines of the rows, at POSITIONS places spread over it."""
    places = np.unique(np.linspace(0, len(similarity) - 1, POSITIONS).astype(int))
    rows = position_rows(model, [position, *places])
    again = np.array([angle(rows[0], row).cosine for row in rows[1:]])
    said = f"The cosine with {len(places)} of the positions, worked out again from their rows, against the curve."
    return Check("Cosines", said + _IN_COSINE, _apart(similarity[position, places], again), TOLERANCE)


def of_lengths(rows: np.ndarray, given: np.ndarray) -> Check:
    """rows [row, emb_dim], and the lengths that are listed for them."""
    again = np.linalg.norm(rows.astype(np.float64), axis=1)
    apart = _apart(given, again) / max(float(again.max()), _SMALLEST)
    return Check(
        "Lengths", "The listed lengths, worked out again from the rows. Deviation as a share of the largest.", apart, TOLERANCE
    )


def of_plane(rows: np.ndarray, drawn: Plane) -> tuple[float, float, Check]:
    """The summed squares that the plane keeps and those of the rows [row, emb_dim] around their mean; that the shares that are said
    follow from them."""
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(0)
    squares = (drawn.table[["x", "y"]].to_numpy() ** 2).sum(0)
    whole = float((centred**2).sum())
    apart = _apart(np.array(drawn.kept), squares / max(whole, _SMALLEST))
    said = (
        "The share of the variance along each direction, worked out again from the points and the rows, against what is said. "
        "Deviation in share, of 1."
    )
    return float(squares.sum()), whole, Check("Variance kept", said, apart, TOLERANCE)


def _apart(given: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(np.asarray(given, np.float64) - expected).max())
