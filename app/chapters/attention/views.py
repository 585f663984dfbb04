"""Attention on a trace -> what its page draws: one map at any stage, heads taken together, words joined, and the numbers of a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app import interventions
from app.engine import queued
from app.runtime import Here
from gptcore.activations import AttentionActivations, owned
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.model import TransformerBlock
from gptcore.trace import Trace

Stage = Literal["scores", "scaled", "masked", "pattern", "read"]
Together = Literal["one", "mean", "largest"]
Matrix = NDArray[np.floating[Any]]
_CELLS_AT_ONCE = 2**22  # of the maps that are only passed through
PARTS = ("query", "key", "value")  # in the order in which their weights lie side by side


@dataclass(frozen=True)
class AttentionMap:
    """What the large map shows.

    together: one head, or the mean or largest weight of all heads of the layer (these are of the stage "pattern" only).
    hide_first: leave the first column out; the other weights stay as they are. words: the word of each token, counted from 0, where
    the pieces of a word are joined; None for a row and a column each token.
    """

    layer: int
    head: int
    together: Together = "one"
    stage: Stage = "pattern"
    hide_first: bool = False
    words: tuple[int, ...] | None = None


def of_stage(found: AttentionActivations, stage: Stage, index: int = 0) -> Matrix:
    """One head's map [query, key] at a stage; from the mask on, NaN for keys behind their query.

    "read" is weight times the length of the key's value vector: the length of what the query takes from this key.
    """
    future = np.arange(found.k.shape[1]) > np.asarray(found.positions)[:, None]
    if stage == "scores":
        return found.scores[index].copy()
    if stage in ("scaled", "masked"):
        scaled = found.scaled[index]
        return scaled if stage == "scaled" else np.where(future, np.nan, scaled)
    length = np.linalg.norm(found.v[index], axis=-1) if stage == "read" else 1.0
    return np.where(future, np.nan, found.pattern[index] * length)


@queued
def map_rows(trace: Trace, picture: AttentionMap, rows: Sequence[int] | None = None) -> Matrix:
    """Rows of the picture [row, column], NaN for what is left out; rows None: all of them. Rows are positions, or words if joined.

    Joined pieces: weights are summed over the keys of a word and averaged over its queries, so that a row still sums to 1.
    Several heads are gone through a few at a time: at 1,024 tokens all maps of a layer at once would be 50 MB.
    """
    drawn = _token_rows(trace, picture, rows) if picture.words is None else _word_rows(trace, picture, picture.words, rows)
    if picture.hide_first:
        drawn[:, 0] = np.nan
    return drawn


def _token_rows(trace: Trace, picture: AttentionMap, positions: Sequence[int] | None) -> Matrix:
    if picture.together == "one":
        return of_stage(trace.attention(picture.layer, positions, (picture.head,)), picture.stage)
    n_heads, n_rows = trace.config.n_heads, trace.n_tokens if positions is None else len(positions)
    at_once = max(1, _CELLS_AT_ONCE // (n_rows * trace.n_tokens))
    fold = np.add if picture.together == "mean" else np.maximum
    found: Matrix = np.zeros((n_rows, trace.n_tokens))
    for first in range(0, n_heads, at_once):
        some = trace.attention(picture.layer, positions, range(first, min(first + at_once, n_heads)))
        for index in range(len(some.heads)):
            found = fold(found, of_stage(some, "pattern", index))
    return found / n_heads if picture.together == "mean" else found


def _word_rows(trace: Trace, picture: AttentionMap, word_of: Sequence[int], rows: Sequence[int] | None) -> Matrix:
    words = np.asarray(word_of)
    wanted = np.arange(words[-1] + 1) if rows is None else np.asarray(rows)
    positions = np.flatnonzero(np.isin(words, wanted))
    weights = np.nan_to_num(_token_rows(trace, picture, positions.tolist()))
    per_key_word = np.add.reduceat(weights, np.flatnonzero(np.diff(words, prepend=-1)), axis=1)
    mean = np.stack([per_key_word[words[positions] == word].mean(0) for word in wanted])
    return np.where(np.arange(words[-1] + 1) > wanted[:, None], np.nan, mean)


@queued
def read_row(trace: Trace, picture: AttentionMap, row: int) -> Matrix:
    """How much a row of the picture reads from each column: its weights [column], whatever the stage; -1 for what is left out.

    A first column that is hidden counts where there is no other.
    """
    drawn = replace(picture, stage="pattern", hide_first=picture.hide_first and row > 0)
    return np.nan_to_num(map_rows(trace, drawn, (row,))[0], nan=-1.0)


@queued
def joined_cell(trace: Trace, picture: AttentionMap, row: int, column: int) -> Matrix:
    """The weights that a cell of joined words is made of: [piece of the query's word, piece of the key's word]."""
    words = np.asarray(picture.words)
    queries, keys = (np.flatnonzero(words == word) for word in (row, column))
    weights = map_rows(trace, replace(picture, hide_first=False, words=None), queries.tolist())
    return np.nan_to_num(weights)[:, keys]


def map_frame(
    values: Matrix, row_tokens: Sequence[str], col_tokens: Sequence[str], columns: tuple[str, str, str]
) -> pd.DataFrame:
    """A map as a table: row and column by index and text, and the value; what is left out is not there.

    columns: what a row, a column and a value are called.
    """
    row, column = np.nonzero(~np.isnan(values))
    row_name, column_name, value_name = columns
    return pd.DataFrame(
        {
            row_name: row,
            f"{row_name}_text": np.asarray(row_tokens, dtype=object)[row],
            column_name: column,
            f"{column_name}_text": np.asarray(col_tokens, dtype=object)[column],
            value_name: values[row, column],
        }
    )


def row_numbers(found: AttentionActivations, tokens: Sequence[str]) -> pd.DataFrame:
    """The first query of the first head, one line a key: key, token, score, scaled, masked (-inf behind the query), weight,
    value_length, read (their product)."""
    weight, length = found.pattern[0, 0], np.linalg.norm(found.v[0], axis=-1)
    return pd.DataFrame(
        {
            "key": np.arange(len(tokens)),
            "token": list(tokens),
            "score": found.scores[0, 0],
            "scaled": found.scaled[0, 0],
            "masked": found.masked[0, 0],
            "weight": weight,
            "value_length": length,
            "read": weight * length,
        }
    )


def entropies(found: AttentionActivations) -> Matrix:
    """Entropy in bits of each head's weights at the first query: [head]."""
    weights = found.pattern[:, 0].astype(np.float64)
    return -(weights * np.log2(np.where(weights > 0, weights, 1.0))).sum(-1)


@dataclass(frozen=True, eq=False)
class HeadProjection:
    """How one part of a head is made at one position: x @ weight + bias = made.

    x: [emb_dim], after LayerNorm; weight: [emb_dim, head_dim]; bias, made: [head_dim]. made is the model's own, the rest its input.
    """

    x: Matrix
    weight: Matrix
    bias: Matrix
    made: Matrix

    @property
    def again(self) -> Matrix:
        """The same, multiplied out in float64."""
        return self.x.astype(np.float64) @ self.weight.astype(np.float64) + self.bias


@queued
def projection(trace: Trace, layer: int, head: int, position: int, part: str) -> HeadProjection:
    """part: "query", "key" or "value"."""
    config, number = trace.config, PARTS.index(part)
    linear = cast(TransformerBlock, trace.model.blocks[layer]).attention.qkv
    place = number * config.emb_dim + head * config.head_dim
    mine = slice(place, place + config.head_dim)
    bias = np.zeros(config.head_dim) if linear.bias is None else owned(linear.bias[mine])
    found = trace.attention(layer, (position,), (head,))
    made = found.q[0, 0] if part == "query" else (found.k if part == "key" else found.v)[0, position]
    x = trace.layer_norm(layer, "ln_1", (position,)).after[0]
    return HeadProjection(x, owned(linear.weight[mine].T), bias, made)


@queued
def projections(trace: Trace, layer: int, head: int, position: int) -> list[HeadProjection]:
    """Query, key and value of one head at one position."""
    return [projection(trace, layer, head, position, part) for part in PARTS]


@queued
def in_formula(trace: Trace, picture: AttentionMap, head: int, row: int, query: int) -> tuple[Matrix, AttentionActivations]:
    """For the formula of a picture's row: what the row attends to, and the head in focus at a query."""
    return read_row(trace, picture, row), trace.attention(picture.layer, (query,), (head,))


@queued
def rows_at(trace: Trace, position: int) -> Matrix:
    """The weights of one query in every head [layer, head, key], up to the query itself."""
    layers = [trace.attention(layer, (position,)).pattern[:, 0, : position + 1] for layer in range(trace.config.n_layers)]
    return np.stack(layers)


def self_checks(projections: Sequence[HeadProjection], found: AttentionActivations, replaced: bool = False) -> list[Check]:
    """found: one head, one query, that of the projections. Each comparison is made again in float64 from what is displayed.
    replaced: whether something else stands in for what the head reads; then there is nothing to compare it with."""
    apart = max(_apart(p.made, p.again) for p in projections)
    query, keys, values = (a[0].astype(np.float64) for a in (found.q, found.k, found.v))
    seen = found.positions[0] + 1
    powers = np.exp((scaled := query[0] @ keys[:seen].T / math.sqrt(query.shape[-1])) - scaled.max())
    weights = np.zeros(len(keys))
    weights[:seen] = powers / powers.sum()
    made = [
        Check(
            "q, k, v",
            "The input times W_q, W_k and W_v plus bias, against the model's q, k and v." + OF_LARGEST,
            apart,
            TOLERANCE,
        ),
        Check(
            "Softmax",
            "The weights of this query from q and k, 0 for what comes later." + OF_LARGEST,
            _apart(found.pattern[0, 0], weights),
            TOLERANCE,
        ),
        Check(
            "Reading",
            "The sum of weight times value, against what the head reads." + OF_LARGEST,
            _apart(found.z[0, 0], weights @ values),
            TOLERANCE,
        ),
    ]
    return made[:-1] if replaced else made


def is_replaced(here: Here) -> bool:
    """Whether the head in focus is off, or patched at the token in focus."""
    return interventions.is_replaced(here.run.intervention, here.layer, here.head, here.position)


def row_check(weights: Matrix) -> Check:
    """weights [..., key]: each row must sum to 1."""
    apart = float(np.abs(weights.astype(np.float64).sum(-1) - 1).max())
    return Check(
        "Rows sum to 1",
        "The weights of each row that is shown, added up, against 1. Deviation in weight, of 1.",
        apart,
        TOLERANCE,
    )


def _apart(given: Matrix, expected: Matrix) -> float:
    return float(np.abs(given - expected).max() / max(np.abs(expected).max(), 1e-30))
