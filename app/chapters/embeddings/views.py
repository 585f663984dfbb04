"""The embedding tables and the token in focus -> what the page draws: strips, neighbours, similarity, lengths, a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app import runtime, windows
from app.components.map_canvas import Prepared, prepare
from app.engine import queued
from app.recent import MB, keeping
from app.runtime import Here
from gptcore import embeddings
from gptcore.checks import TOLERANCE, Check
from gptcore.language_model import LanguageModel
from gptcore.trace import Trace, kept

WINDOW = 12  # tokens whose lengths are listed
NEIGHBOURS = 10  # of the token in focus
IN_PLANE, AROUND = 12, 4  # different tokens in the plane, and neighbours of each: most of 60 points have room for a label
BINS = 60


@dataclass(frozen=True, eq=False)
class Entering:
    """What enters the first block at one position: the two rows from the tables, and the residual stream that the model ran on."""

    token_row: np.ndarray
    position_row: np.ndarray
    resid: np.ndarray
    is_patched: bool = False

    @property
    def largest(self) -> int:
        """The dimension in which the sum is largest, counted without sign."""
        return int(np.abs(self.resid).argmax())

    @property
    def cosine(self) -> float:
        """Between the two rows."""
        a, b = self.token_row.astype(np.float64), self.position_row.astype(np.float64)
        return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-30))


@queued
def entering(trace: Trace, position: int) -> Entering:
    """At one token. Runs the model if the trace is not there yet."""
    token_row, position_row = embeddings.rows_of(trace.model, trace.ids[position], position)
    edits = kept(trace).edits
    if edits is not None and edits.position_row is not None:
        position_row = edits.position_row.cpu().numpy().copy()
    patched = edits is not None and edits.embed_cells is not None and position in edits.embed_cells.places.tolist()
    return Entering(token_row, position_row, trace.resid(0)[position], patched)


def entering_frame(found: Entering) -> pd.DataFrame:
    """dimension, token_row, position_row, sum."""
    return pd.DataFrame({"token_row": found.token_row, "position_row": found.position_row, "sum": found.resid}).rename_axis(
        "dimension"
    ).reset_index()  # fmt: skip


def self_checks(found: Entering) -> list[Check]:
    """The two rows, added here in float64, against what the model ran on; none where that was put in from another text."""
    if found.is_patched:
        return []
    expected = found.token_row.astype(np.float64) + found.position_row.astype(np.float64)
    apart = float(np.abs(found.resid - expected).max() / max(float(np.abs(expected).max()), 1e-30))
    said = (
        "The token's row and the position's row, read from the weights and added here, against the residual stream before block 0 "
        "in the trace. Deviation as a share of the largest number."
    )
    return [Check("The rows add up", said, apart, TOLERANCE)]


@keeping(8 * MB)
def _nearest(model: str, token_ids: tuple[int, ...]) -> tuple[embeddings.Neighbours, ...]:
    """Computed once for everybody; a few kilobytes. model: its identity, as with all that is kept of the tables."""
    return _search(runtime.named(model), token_ids)


@queued
def _search(model: LanguageModel, token_ids: Sequence[int]) -> tuple[embeddings.Neighbours, ...]:
    return embeddings.nearest_tokens(model.model, token_ids, NEIGHBOURS)


def neighbours(here: Here) -> dict[int, embeddings.Neighbours]:
    """Token id -> its nearest tokens, for the newest IN_PLANE different tokens of the text, the one in focus among them."""
    ids = tuple(dict.fromkeys([here.ids[here.position], *reversed(here.ids)]))[:IN_PLANE]
    wanted = tuple(sorted(ids))  # the focus moves among them without a new search
    by_id = dict(zip(wanted, _nearest(here.model.identity, wanted), strict=True))
    return {token_id: by_id[token_id] for token_id in ids}


@keeping(16 * MB)
def position_similarity(model: str) -> np.ndarray:
    """Cosine between every two positions [context_length, context_length]: 4 MB for 1,024. Read-only."""
    table = _similarity(runtime.named(model))
    table.flags.writeable = False
    return table


@keeping(16 * MB)
def similarity_map(model: str) -> Prepared:
    """The same, ready to be drawn: at most 0.7 MB."""
    similarity = position_similarity(model)
    names = [str(i) for i in range(len(similarity))]
    return prepare(
        similarity, row_tokens=names, col_tokens=names, title="Cosine similarity of positions", row_title="position",
        col_title="position", value_title="cosine", unit="", scale="signed", top=1.0,
    )  # fmt: skip


@keeping(4 * MB)
def lengths(model: str) -> tuple[np.ndarray, np.ndarray]:
    """The lengths of all token rows and of all position rows. Read-only."""
    both = _lengths(runtime.named(model))
    for array in both:
        array.flags.writeable = False
    return both


@queued
def _similarity(model: LanguageModel) -> np.ndarray:
    return embeddings.position_similarity(model.model)


@queued
def _lengths(model: LanguageModel) -> tuple[np.ndarray, np.ndarray]:
    return embeddings.lengths(model.model)


@queued
def _project(model: LanguageModel, token_ids: Sequence[int]) -> embeddings.Projection:
    return embeddings.project(model.model, token_ids)


@queued
def rows_at(trace: Trace, positions: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token rows, position rows, and what enters the first block, at these positions: [position, emb_dim] each."""
    tokens, places = zip(*(embeddings.rows_of(trace.model, trace.ids[p], p) for p in positions), strict=True)
    return np.stack(tokens), np.stack(places), trace.resid(0)[list(positions)]


def neighbour_frame(here: Here, found: embeddings.Neighbours) -> pd.DataFrame:
    """token_id, token, cosine: nearest first."""
    return pd.DataFrame(
        {"token_id": found.ids, "token": [here.model.tokenizer.text_of(int(i)) for i in found.ids], "cosine": found.cosine}
    )


def window(here: Here) -> range:
    """The positions whose lengths are listed."""
    return windows.window(len(here.ids), here.position, WINDOW)


def lengths_in_text(here: Here, sums: np.ndarray) -> pd.DataFrame:
    """position, token, token_row, position_row, sum: lengths of the vectors in the `window`. sums: what enters the first block there."""
    of_tokens, of_positions = lengths(here.model.identity)
    positions = np.array(window(here))
    return pd.DataFrame(
        {
            "position": positions,
            "token": [here.tokens[p] for p in positions],
            "token_row": of_tokens[[here.ids[p] for p in positions]],
            "position_row": of_positions[positions],
            "sum": np.linalg.norm(sums.astype(np.float64), axis=1),
        }
    )


def length_histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """counts [bin], edges [bin + 1] over all values."""
    return np.histogram(values, BINS if len(np.unique(values)) > 1 else 1)


@dataclass(frozen=True, eq=False)
class Plane:
    """table: token_id, token, group ("in the text" or "neighbour"), x, y; kept: share of the variance along x and y; left_out: how
    many different tokens of the text are not in it."""

    table: pd.DataFrame
    kept: tuple[float, float]
    left_out: int


def plane(here: Here) -> Plane:
    """The token in focus, the newest other tokens of the text, and the nearest neighbours of all of them, projected together."""
    near = neighbours(here)
    ids = tuple(dict.fromkeys([*near, *(int(i) for found in near.values() for i in found.ids[:AROUND])]))
    in_text, projection = set(here.ids), _project(here.model, ids)
    table = pd.DataFrame(
        {
            "token_id": ids,
            "token": [here.model.tokenizer.text_of(i) for i in ids],
            "group": ["in the text" if i in in_text else "neighbour" for i in ids],
            "x": projection.points[:, 0],
            "y": projection.points[:, 1],
        }
    )
    return Plane(table, projection.kept, len(in_text - set(ids)))


def similarity_frame(similarity: np.ndarray) -> pd.DataFrame:
    """position, then one column a position: the cosine between the two."""
    return pd.DataFrame(similarity).rename_axis("position").reset_index()
