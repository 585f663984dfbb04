"""What is worth looking at in a text: heads that do one thing, found in the running model on the text in view.

The kinds are those of gptcore.head_survey, which looks at sentences said twice; here they are looked for in any text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.trace import Trace

MOST_QUERIES = 64  # the newest; a longer text holds nobody up


@dataclass(frozen=True, eq=False)
class Found:
    """What every head puts on the keys of a kind, together, and the queries that have some.

    queries: positions [query]; weights [layer, head, query].
    """

    queries: np.ndarray
    weights: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Mean weight over the queries [layer, head]."""
        return self.weights.mean(-1)

    def best(self) -> tuple[int, int]:
        """(layer, head) of the head that puts most on these keys."""
        layer, head = np.unravel_index(int(self.share.argmax()), self.weights.shape[:2])
        return int(layer), int(head)


_FOUND: Recent[Found] = Recent(4 * MB, size=lambda found: found.weights.nbytes)


def keys_of(kind: str, ids: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """query -> its keys, as positions. previous: the token before; first: the first token; induction: the tokens that followed the
    earlier occurrences of the query's token, itself apart. Queries that have none are left out, and the first, which has no choice."""
    if kind == "previous":
        return {query: (query - 1,) for query in range(1, len(ids))}
    if kind == "first":
        return dict.fromkeys(range(1, len(ids)), (0,))
    seen: dict[int, list[int]] = {}
    keys = {}
    for query, token in enumerate(ids):
        if followers := tuple(place + 1 for place in seen.get(token, ()) if place + 1 < query):
            keys[query] = followers
        seen.setdefault(token, []).append(query)
    return keys


def heads_that(here: Here, kind: str) -> Found | None:
    """How much every head puts on the keys of a kind; None where no query of the text has one."""

    keys = keys_of(kind, here.ids)
    queries = sorted(keys)[-MOST_QUERIES:]
    if not queries:
        return None

    def look() -> Found:
        return Found(np.array(queries), _weights(here.trace, tuple(queries), tuple(keys[query] for query in queries)))

    return _FOUND.get((here.run, kind), look)


@queued
def _weights(trace: Trace, queries: tuple[int, ...], keys: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Attention weights [layer, head, query], each query's on all of its keys together."""
    rows = np.repeat(np.arange(len(queries)), [len(each) for each in keys])
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    columns = [key for each in keys for key in each]
    layers = [
        np.add.reduceat(trace.attention(layer, queries).pattern[:, rows, columns], starts, axis=1)
        for layer in range(trace.config.n_layers)
    ]
    return np.stack(layers).astype(np.float32)


def induction(here: Here) -> dict[str, Any]:
    """The head that best finds what came after the same token, and the query at which it is surest; nothing where nothing repeats."""
    if (found := heads_that(here, "induction")) is None:
        return {}
    layer, head = found.best()
    return {"layer": layer, "head": head, "position": int(found.queries[found.weights[layer, head].argmax()])}


def induction_head(here: Here) -> dict[str, Any]:
    """The same head; the cursor stays on the newest token."""
    return _head(here, "induction")


def sink(here: Here) -> dict[str, Any]:
    """The head that puts most on the first token."""
    return _head(here, "first")


def _head(here: Here, kind: str) -> dict[str, Any]:
    if (found := heads_that(here, kind)) is None:
        return {}
    layer, head = found.best()
    return {"layer": layer, "head": head}
