"""Where in the stack a prediction settles, for texts that show it: found in the running model on the text in view.

A prediction has settled at the depth from which on the likeliest token, read by the logit lens, stays the final one. Depth 0 is before
block 0, depth d after block d - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.trace import Trace

MOST_TOKENS = 16  # the newest; a longer text holds nobody up


@dataclass(frozen=True, eq=False)
class Settled:
    """positions: those looked at; depth: where each prediction settled; prob: of the final prediction."""

    positions: np.ndarray
    depth: np.ndarray
    prob: np.ndarray


_FOUND: Recent[Settled] = Recent(MB, size=lambda found: 3 * found.depth.nbytes)


def settled(here: Here) -> Settled:
    """Of the newest tokens of the text."""
    first = max(0, len(here.ids) - MOST_TOKENS)
    return _FOUND.get(here.run, lambda: _look(here.trace, tuple(range(first, len(here.ids)))))


@queued
def _look(trace: Trace, positions: tuple[int, ...]) -> Settled:
    lens = trace.lens(positions, top=1)
    wrong = lens.token_ids[:, :, 0] != np.asarray(lens.targets)[:, None]  # [position, depth]
    depths = np.arange(1, wrong.shape[1] + 1)
    return Settled(np.array(positions), (wrong * depths).max(1), np.asarray(lens.target_prob)[:, -1].astype(np.float64))


def in_the_middle(here: Here) -> dict[str, Any]:
    """The token after which the prediction settles in the middle third of the stack and is surest at the end, and the block after
    which it does; nothing where none does."""
    found, n_layers = settled(here), here.config.n_layers
    middle = (found.depth >= n_layers / 3) & (found.depth <= 2 * n_layers / 3) & (found.depth > 0)
    if not middle.any():
        return {}
    at = int(np.where(middle, found.prob, -1).argmax())
    return {**here.cursor_on(int(found.positions[at])), "layer": int(found.depth[at]) - 1}


def in_the_last_block(here: Here) -> dict[str, Any]:
    """The token after which the last block changes the prediction and which is surest at the end; the newest where none does."""
    found, n_layers = settled(here), here.config.n_layers
    late = found.depth == n_layers
    at = int(np.where(late, found.prob, -1).argmax()) if late.any() else len(found.positions) - 1
    return {**here.cursor_on(int(found.positions[at])), "layer": n_layers - 1}
