"""What the absence of each part does to the next token, piece by piece, and what each part adds to it directly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.attribution import logit_attribution
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.effects import Effects, Scope, head_effects, part_effects
from gptcore.run import Replacement
from gptcore.trace import Trace

_WORK = 6e9  # multiplications of one turn in the model's queue: some 0.2 s


@dataclass(frozen=True)
class Asking:
    """What is measured. scope: whether a part is off at the last token alone, or at all of them."""

    target: int
    rival: int
    scope: Scope
    replacement: Replacement


class Piece(NamedTuple):
    """What one turn in the queue computes: these heads of these layers, and with `parts` their attention and feed-forward."""

    layers: tuple[int, ...]
    heads: tuple[int, ...]
    parts: bool


@dataclass(frozen=True, eq=False)
class Board:
    """What the absence of each part changes; NaN where it is still to be computed. Columns: the heads, attention, feed-forward.

    bits [layer, part]: of log2 of the target's probability; logits: of the logit difference; divergence: in bits; top: the likeliest
    token without the part, -1 where it is not there yet; position: bits without the position embedding; n_missing: pieces to come.
    """

    bits: np.ndarray
    logits: np.ndarray
    divergence: np.ndarray
    top: np.ndarray
    position: float
    n_missing: int

    def strongest_head(self) -> tuple[int, int]:
        """(layer, head) whose absence changes most of the target's probability."""
        heads = np.abs(np.nan_to_num(self.bits[:, :-2]))
        layer, head = divmod(int(heads.argmax()), heads.shape[1])
        return layer, head


def pieces(config: GPTConfig, n_tokens: int, scope: Scope) -> list[Piece]:
    """The whole board, the uppermost layers first: they cost least."""
    rows = 1 if scope == "last" else n_tokens
    found: list[Piece] = []
    layers: list[int] = []
    work = 0.0
    everyone = tuple(range(config.n_heads))
    for layer in reversed(range(config.n_layers)):
        one = rows * (config.n_layers - layer) * 12 * config.emb_dim**2  # of one variant
        mine = one * (config.n_heads + 3)
        if layers and work + mine > _WORK:
            found.append(Piece(tuple(layers), everyone, True))
            layers, work = [], 0.0
        if mine > _WORK:  # a layer alone takes several turns
            step = max(1, int(_WORK / one))
            found += [Piece((layer,), everyone[start : start + step], False) for start in range(0, config.n_heads, step)]
            found.append(Piece((layer,), (), True))
        else:
            layers.append(layer)
            work += mine
    return [*found, Piece(tuple(layers), everyone, True)] if layers else found


class _Measured(NamedTuple):
    """heads, attention, feed_forward: [measure, layer(, head)], the measures being bits, logits, divergence and top token."""

    heads: np.ndarray
    attention: np.ndarray
    feed_forward: np.ndarray
    position: float


_KEPT: Recent[_Measured] = Recent(8 * MB)


def board(here: Here, asked: Asking, most: int | None = None) -> Board:
    """The board: pieces that are kept, and at most `most` new ones."""
    config = here.config
    shape = (4, config.n_layers, config.n_heads + 2)
    found, position, parts = np.full(shape, np.nan), math.nan, pieces(config, len(here.ids), asked.scope)
    measured = _KEPT.some([((here.run, asked, piece), partial(_measure, here.trace, asked, piece)) for piece in parts], most)
    for piece, kept in zip(parts, measured, strict=True):
        if kept is None:
            continue
        layers = list(piece.layers)
        for place, head in enumerate(piece.heads):
            found[:, layers, head] = kept.heads[:, :, place]
        if piece.parts:
            found[:, layers, -2], found[:, layers, -1] = kept.attention, kept.feed_forward
            position = kept.position if layers[-1] == 0 else position
    top = np.where(np.isnan(found[3]), -1, found[3]).astype(int)
    return Board(found[0], found[1], found[2], top, position, sum(each is None for each in measured))


@queued
def _measure(trace: Trace, asked: Asking, piece: Piece) -> _Measured:
    """layers of the piece: from the uppermost down, without a gap."""
    how = (asked.target, asked.rival, asked.scope, asked.replacement)
    n = len(piece.layers)
    heads = _table(head_effects(trace, *how, piece.layers, piece.heads)) if piece.heads else np.empty((4, n, 0))
    if not piece.parts:
        return _Measured(heads, np.empty((4, 0)), np.empty((4, 0)), math.nan)
    parts = part_effects(trace, *how, range(piece.layers[-1], piece.layers[0] + 1))
    place = parts.position_embedding
    return _Measured(
        heads, _table(parts.attention)[:, ::-1], _table(parts.feed_forward)[:, ::-1],
        math.nan if place is None else float(place.log_prob_change),
    )  # fmt: skip


def _table(found: Effects) -> np.ndarray:
    columns = (found.log_prob_change, found.logit_difference_change, found.divergence, found.top_token)
    return np.stack([np.asarray(column, np.float64) for column in columns])


@dataclass(frozen=True, eq=False)
class Direct:
    """What each part adds to logit(target) - logit(rival) by itself. parts [layer, part]: as on the board; total: the sum over
    everything, difference: the model's own."""

    parts: np.ndarray
    total: float
    difference: float

    @property
    def check(self) -> Check:
        """That the shares add up."""
        apart = abs(self.total - self.difference) / max(1.0, abs(self.difference))
        said = "All direct shares together, embeddings and biases among them, against the model's own logit difference."
        return Check("Direct shares add up", said + OF_LARGEST, apart, TOLERANCE)


_DIRECT: Recent[Direct] = Recent(4 * MB)


def direct(here: Here, asked: Asking) -> Direct:
    """The direct shares at the newest token."""
    return _DIRECT.get((here.run, asked.target, asked.rival), lambda: _direct(here.trace, asked.target, asked.rival))


@queued
def _direct(trace: Trace, target: int, rival: int) -> Direct:
    found = logit_attribution(trace, target, rival)
    heads = found.of("head")
    attention = heads.sum(1) + found.of("attention_bias")
    parts = np.column_stack([heads, attention, found.of("feed_forward")])
    return Direct(parts, found.total, found.logit_difference)
