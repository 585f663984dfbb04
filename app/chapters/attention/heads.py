"""All attention heads of a text at a glance: computed layer by layer, so that a long text holds nobody up, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.components.map_canvas import LEFT_OUT, HeadSummary, levels
from app.engine import EngineTrace, queued
from app.recent import MB, Recent
from gptcore.checks import Check
from gptcore.trace import Trace

CELLS_AT_ONCE = 5_000_000  # weights that one turn in the model's queue may compute, some 0.1 s; but always a whole layer
PICTURES = 4  # of heads that fill up, from the first layer to the last: each travels whole
HALF_A_STEP = 0.51  # a weight is drawn with the nearest step; both are rounded

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class AllHeads:
    """Every head as a thumbnail and a few numbers; a layer that is not there yet is left out, and its numbers are NaN.

    images: levels [layer, head, cell, cell]; cells: tokens on a side, or fewer where they are pooled; first_token_share: mean weight
    on the first token [layer, head], as the summary without the first query; done: how many layers are there.
    """

    images: NDArray[np.uint8]
    cells: int
    summary: HeadSummary
    first_token_share: Numbers
    done: int


class Layer(NamedTuple):
    """The heads of one layer: images as levels [head, cell, cell], the rest [head], as in AllHeads."""

    images: NDArray[np.uint8]
    entropy: Numbers
    query: NDArray[np.integer[Any]]
    key: NDArray[np.integer[Any]]
    weight: Numbers
    first_token_share: Numbers


@queued
def overviews(trace: Trace, size: int, layers: Sequence[int]) -> list[Layer]:
    """Every head of these layers, pooled to at most size x size cells."""
    made = []
    for layer in layers:
        found = trace.attention_overview(size, (layer,))
        seen = np.tri(len(found.starts), dtype=bool)
        query, key = found.strongest[0].T
        made.append(
            Layer(
                levels(np.where(seen, found.maps[0], np.nan)),
                found.mean_entropy[0], query, key, found.strongest_weight[0], found.first_token_share[0],
            )
        )  # fmt: skip
    return made


class Heads:
    """The heads of one text, as far as they are computed. One visitor at a time makes them grow; anybody reads them."""

    def __init__(self, n_layers: int, n_heads: int, n_tokens: int) -> None:
        self._shape, self._n_tokens = (n_layers, n_heads), n_tokens
        self._size = 32 if n_layers * n_heads <= 400 else 24
        self._at_once = max(1, CELLS_AT_ONCE // (n_heads * n_tokens**2))
        self._growing, self._lock = Lock(), Lock()  # the second for the fields below
        self._layers: dict[int, Layer] = {}
        self._picture: AllHeads | None = None

    @property
    def most_bytes(self) -> int:
        """What it takes in memory when all layers are there, and the picture of them."""
        cells = min(self._size, self._n_tokens)
        return 2 * self._shape[0] * self._shape[1] * (cells**2 + 5 * 8)

    @property
    def missing(self) -> int:
        """How many layers are still to be computed."""
        return self._shape[0] - len(self._layers)

    @property
    def takes_long(self) -> bool:
        """Whether what is missing is more than one turn in the model's queue may compute."""
        return self.missing > self._at_once

    def layer(self, trace: EngineTrace, layer: int) -> Layer:
        """One layer by itself."""
        with self._growing:
            if layer not in self._layers:
                self._compute(trace, [layer])
        return self._layers[layer]

    def grow(self, trace: EngineTrace) -> None:
        """Compute some of what is missing, from the first layer on; as much as one turn in the queue may."""
        with self._growing:
            if some := [layer for layer in range(self._shape[0]) if layer not in self._layers][: self._at_once]:
                self._compute(trace, some)

    def _compute(self, trace: EngineTrace, layers: list[int]) -> None:
        made = overviews(trace, self._size, layers)
        with self._lock:
            self._layers.update(zip(layers, made, strict=True))

    def picture(self) -> AllHeads:
        """What there is to see; not every layer makes a new picture while they fill up, so that not too much travels."""
        with self._lock:
            done, drawn = len(self._layers), self._picture
            if drawn is None or done >= drawn.done + self._shape[0] / PICTURES or done == self._shape[0] > drawn.done:
                self._picture = drawn = self._drawn()
            return drawn

    def _drawn(self) -> AllHeads:
        cells = min(self._size, self._n_tokens)
        images = np.full((*self._shape, cells, cells), LEFT_OUT, np.uint8)
        entropy, weight, share = (np.full(self._shape, np.nan) for _ in range(3))
        query, key = (np.zeros(self._shape, int) for _ in range(2))
        for layer, found in self._layers.items():
            for array, part in zip((images, entropy, query, key, weight, share), found, strict=True):
                array[layer] = part
        return AllHeads(images, cells, HeadSummary(entropy, query, key, weight), share, len(self._layers))


_TEXTS: Recent[Heads] = Recent(24 * MB, size=lambda heads: heads.most_bytes)  # 0.4 MB each for GPT-2 small, 2 MB for the largest


def heads(trace: EngineTrace) -> Heads:
    """The heads of a text in a model, shared by all visitors."""
    config = trace.config
    return _TEXTS.get(trace.run, lambda: Heads(config.n_layers, config.n_heads, trace.n_tokens))


@queued
def self_checks(trace: Trace, found: AllHeads, layer: int, head: int, query: int) -> list[Check]:
    """The small map of one head, in the row of cells that covers a query, against its weights once more from q and k.

    Counted in steps of the colour scale, of which a drawn weight may be half a one off. Empty where the layer is not there yet.
    """
    if np.isnan(found.summary.entropy[layer, head]):
        return []
    starts = trace.n_tokens * np.arange(found.cells + 1) // found.cells  # the first token of each cell, and the end
    row = int(np.searchsorted(starts, query, side="right")) - 1
    positions = np.arange(starts[row], starts[row + 1])
    some = trace.attention(layer, positions.tolist(), (head,))
    fit = some.q[0].astype(np.float64) @ some.k[0].astype(np.float64).T / np.sqrt(some.q.shape[-1])
    fit[np.arange(trace.n_tokens) > positions[:, None]] = -np.inf
    powers = np.exp(fit - fit.max(-1, keepdims=True))
    largest = np.maximum.reduceat((powers / powers.sum(-1, keepdims=True)).max(0), starts[:-1])
    drawn, expected = found.images[layer, head, row].astype(np.float64), (LEFT_OUT - 1) * np.sqrt(largest)
    expected[row + 1 :] = LEFT_OUT
    said = "This head's small map in the row of this query, against the weights of q and k. Deviation in steps of its colours."
    return [Check("Small map", said, float(np.abs(drawn - expected).max()), HALF_A_STEP)]


def frame(found: AllHeads) -> pd.DataFrame:
    """layer, head, mean_entropy (bits), first_token_share, query, key, weight (of the strongest pair): one line a head that is there."""
    summary, shape = found.summary, found.first_token_share.shape
    layer, head = np.indices(shape)
    columns = {
        "layer": layer,
        "head": head,
        "mean_entropy": summary.entropy,
        "first_token_share": found.first_token_share,
        "query": summary.query,
        "key": summary.key,
        "weight": summary.weight,
    }
    return pd.DataFrame({name: np.asarray(values).ravel() for name, values in columns.items()}).dropna(ignore_index=True)
