"""A tree of texts that one walks through: a lane for each text, a block for each token, as thick as its probability.

The arrow keys go along a text and to what else could have come; a click, or Enter, takes the text up to that token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from app import messages
from app.charts.token_tree import Block
from app.components import component, pack


def text_tree(
    blocks: Sequence[Block],
    *,
    key: str,
    title: str,
    first: int,
    focus: tuple[int, int] | None,
    on_pick: Callable[[int, int], object],
) -> None:
    """Draw the blocks; `on_pick(lane, depth)` is called with one that was clicked.

    title: what the tree is; first: the depth at which it begins; focus: (lane, depth) of the token in view, None where it has no block.
    """
    from app import state  # here, since the value of a component is session state

    header = {
        "title": title,
        "first": first,
        "focus": focus,
        "blocks": [[block.token, block.depth, block.lane, block.parent_lane, block.kind] for block in blocks],
    }
    probabilities = np.array([block.prob for block in blocks], np.float32)

    def picked() -> None:
        if (index := messages.index(state.component_value(key, "pick"), len(blocks))) is not None:
            on_pick(blocks[index].lane, blocks[index].depth)

    component("text_tree")(key=key, data=pack(header, probabilities=probabilities), on_pick_change=picked)
