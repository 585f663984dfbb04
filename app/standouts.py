"""What stands out in a text, for beats that show it: found in the running model on the text in view.

widest, farthest: of the LayerNorms before attention; sparsest: of the feed-forward networks. The newest
tokens alone are looked at, so that a long text holds nobody up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from app.engine import queued
from app.runtime import Here
from gptcore.trace import Trace

MOST_TOKENS = 32


@queued
def _before_attention(trace: Trace, positions: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation of the numbers that go in, and the distance of the farthest from their mean, in standard deviations; both
    [layer, position]."""
    places = [trace.layer_norm(layer, "ln_1", positions) for layer in range(trace.config.n_layers)]
    return np.stack([np.sqrt(each.var) for each in places]), np.stack([np.abs(each.normalized).max(1) for each in places])


def newest(here: Here) -> tuple[int, ...]:
    """The positions that are looked at."""
    return tuple(range(max(0, len(here.ids) - MOST_TOKENS), len(here.ids)))


def widest(here: Here) -> dict[str, Any]:
    """The layer and token whose numbers are spread most widely before LayerNorm."""
    return _largest(here, _before_attention(here.trace, newest(here))[0])


def farthest(here: Here) -> dict[str, Any]:
    """The layer and token at which one dimension lies farthest from the mean, in standard deviations."""
    return _largest(here, _before_attention(here.trace, newest(here))[1])


@queued
def _carriers(trace: Trace, position: int) -> np.ndarray:
    """How many neurons carry half of what leaves GELU, without sign, at one position [layer]."""
    post = np.stack([np.abs(trace.feed_forward(layer, (position,)).mlp_post[0]) for layer in range(trace.config.n_layers)])
    ordered = np.sort(post.astype(np.float64), 1)[:, ::-1].cumsum(1)
    return (ordered < ordered[:, -1:] / 2).sum(1) + 1


def sparsest(here: Here) -> dict[str, Any]:
    """At the newest token, the layer in which the fewest neurons carry half of what leaves GELU."""
    return {"layer": int(_carriers(here.trace, len(here.ids) - 1).argmin()), "position": None}


def _largest(here: Here, values: np.ndarray) -> dict[str, Any]:
    layer, at = (int(each) for each in np.unravel_index(int(values.argmax()), values.shape))
    position = newest(here)[at]
    return {"layer": layer, **here.cursor_on(position)}
