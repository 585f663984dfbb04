"""Two texts, and what becomes of the one when cells of the other are put into it: maps, one patched run, its cone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from app import runtime
from app.asked import probabilities
from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from app.windows import window
from gptcore import embeddings
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.language_model import LanguageModel
from gptcore.patching import LogitDifference, MapSite, patch_heads, patch_map
from gptcore.run import Patch, Run

COLUMNS = 24  # positions on the map
SUBSTITUTES = 5
_WORK = 6e9  # multiplications of one turn in the model's queue: some 0.2 s
_OWN_BEST = 10  # tokens among which each text's own is looked for, where both have the same likeliest one


class TwoTexts(NamedTuple):
    """into: the run that is patched; source: the one that the cells come from. Both without anything off."""

    into: Run
    source: Run

    @property
    def first_difference(self) -> int:
        """The first position where they differ; the length where they do not."""
        pairs = enumerate(zip(self.into.ids, self.source.ids, strict=False))
        return next((place for place, (a, b) in pairs if a != b), min(len(self.into.ids), len(self.source.ids)))

    @property
    def are_of_one_length(self) -> bool:
        return len(self.into.ids) == len(self.source.ids)

    def cell(self, layer: int, position: int, site: MapSite) -> Run:
        """The first run with one cell of the second."""
        cells = frozenset({(layer, position, position)})
        return Run(self.into.model, self.into.ids, Patch(self.source.ids, cells, site))


def another(here: Here) -> tuple[int, ...]:
    """This text with one token exchanged, for whoever names no other: the one that the newest token attends to most, for what the
    model held likeliest in its place."""
    ids = here.ids
    if len(ids) < 2:
        return _nearest(here.model, ids[0])
    weights = here.model.trace(here.clean).newest_row().mean((0, 1))
    place = 1 + int(weights[1:-1].argmax()) if len(ids) > 2 else 1
    return (*ids[:place], substitutes(here, ids, place)[0], *ids[place + 1 :])


def substitutes(here: Here, ids: tuple[int, ...], place: int) -> list[int]:
    """What the model held likeliest at this place, from 1 on, other than what stands there."""
    logits = runtime.trace(Run(here.run.model, ids)).logits_at([place - 1])[0]
    order = np.argsort(-logits, kind="stable")[: SUBSTITUTES + 1].tolist()
    return [token for token in order if token != ids[place]][:SUBSTITUTES]


@queued
def _nearest(model: LanguageModel, token_id: int) -> tuple[int, ...]:
    (found,) = embeddings.nearest_tokens(model.model, [token_id], 1)
    return (int(found.ids[0]),)


def metric(texts: TwoTexts) -> LogitDifference:
    """What the source would say against what the other would: their likeliest tokens, or, where these are the same, those that gain
    most from one to the other."""
    into, source = (runtime.trace(run).logits.astype(np.float64) for run in texts)
    a, b = int(source.argmax()), int(into.argmax())
    if a == b:
        change = np.log(probabilities(source) + 1e-300) - np.log(probabilities(into) + 1e-300)
        best = [np.argsort(-logits, kind="stable")[:_OWN_BEST] for logits in (source, into)]
        a, b = int(best[0][change[best[0]].argmax()]), int(best[1][change[best[1]].argmin()])
    if a == b:
        b = int(np.argsort(-into, kind="stable")[1])
    return LogitDifference(a, b)


class Stretch(NamedTuple):
    """What one turn in the queue computes."""

    positions: tuple[int, ...]
    layers: tuple[int, ...]


def columns(texts: TwoTexts, focus: int = -1) -> list[int]:
    """The positions on the map: all of a short text, of a longer one those that can matter. Of many of these the first and the last, or,
    where the focus is between, as many around it."""
    n_tokens = len(texts.into.ids)
    if n_tokens <= COLUMNS:
        return list(range(n_tokens))
    found = can_matter(texts)
    if len(found) <= COLUMNS:
        return list(found)
    ends = [*found[: COLUMNS // 2], *found[-COLUMNS // 2 :]]
    if focus in ends or focus not in found:
        return ends
    return [found[place] for place in window(len(found), found.index(focus), COLUMNS)]


def can_matter(texts: TwoTexts) -> range:
    """The positions from the first difference on; before it both runs are the same."""
    n_tokens = len(texts.into.ids)
    return range(min(texts.first_difference, n_tokens - 1), n_tokens)


def stretches(config: GPTConfig, n_tokens: int, positions: Sequence[int], n_rows: int) -> list[Stretch]:
    """The whole map, from its last column: later positions cost less."""

    def work(position: int, layers: Sequence[int]) -> float:
        return sum((n_tokens - position) * max(1, config.n_layers - layer) for layer in layers) * 12 * config.emb_dim**2

    rows, found = tuple(range(n_rows)), list[Stretch]()
    some: list[int] = []
    for position in sorted(positions, reverse=True):
        if some and work(position, rows) * (len(some) + 1) > _WORK:
            found.append(Stretch(tuple(some), rows))
            some = []
        if work(position, rows) <= _WORK:
            some.append(position)
            continue
        part: list[int] = []
        for layer in reversed(rows):
            if part and work(position, [*part, layer]) > _WORK:
                found.append(Stretch((position,), tuple(part)))
                part = []
            part.append(layer)
        found.append(Stretch((position,), tuple(part)))
    return [*found, Stretch(tuple(some), rows)] if some else found


@dataclass(frozen=True, eq=False)
class PatchedCells:
    """effect [row, column]: how far the logit difference moves, in logits; NaN where it is still to be computed. positions: of the
    columns, empty for a map of heads; before, after: the difference in the text that is patched, and in the source."""

    effect: np.ndarray
    positions: list[int]
    before: float
    after: float
    n_missing: int

    @property
    def recovered(self) -> np.ndarray:
        """effect as a share of the whole difference: 0 where nothing comes over, 1 where all does; NaN without a difference."""
        whole = self.after - self.before
        return self.effect / whole if whole else np.full_like(self.effect, math.nan)


_KEPT: Recent[np.ndarray] = Recent(8 * MB)


def cells(here: Here, texts: TwoTexts, site: MapSite, most: int | None = None, focus: int = -1) -> PatchedCells:
    """The map [layer, position]: what is kept, and at most `most` new stretches. focus: as `columns` takes it."""
    config, asked, positions = here.config, metric(texts), columns(texts, focus)
    n_rows = config.n_layers + (site == "resid_pre")
    effect, pieces = np.full((n_rows, len(positions)), math.nan), stretches(config, len(texts.into.ids), positions, n_rows)
    made = [((*texts, asked, site, piece), partial(_cells, here.model, texts, asked, site, piece)) for piece in pieces]
    kept = _KEPT.some(made, most)
    for piece, found in zip(pieces, kept, strict=True):
        if found is not None:
            effect[np.ix_(piece.layers, [positions.index(position) for position in piece.positions])] = found
    return PatchedCells(effect, positions, *_values(texts, asked), sum(found is None for found in kept))


@queued
def _cells(model: LanguageModel, texts: TwoTexts, asked: LogitDifference, site: MapSite, piece: Stretch) -> np.ndarray:
    into, source = (model.store.trace(run) for run in texts)
    found = patch_map(into, source, asked, site, piece.positions, piece.layers).effect
    return np.asarray(found[np.ix_(piece.layers, piece.positions)])


def heads(here: Here, texts: TwoTexts, most: int | None = None) -> PatchedCells:
    """Each head at all positions [layer, head]: what is kept, and at most `most` new layers, the uppermost first."""
    asked, config = metric(texts), here.config
    effect = np.full((config.n_layers, config.n_heads), math.nan)
    span = (len(texts.into.ids) - texts.first_difference) * config.n_heads * 12 * config.emb_dim**2
    at_once = max(1, int(_WORK / max(1, span * config.n_layers)))
    starts = reversed(range(0, config.n_layers, at_once))
    pieces = [tuple(range(low, min(low + at_once, config.n_layers))) for low in starts]
    made = [((*texts, asked, layers), partial(_heads, here.model, texts, asked, layers)) for layers in pieces]
    kept = _KEPT.some(made, most)
    for layers, found in zip(pieces, kept, strict=True):
        if found is not None:
            effect[list(layers)] = found
    return PatchedCells(effect, [], *_values(texts, asked), sum(found is None for found in kept))


@queued
def _heads(model: LanguageModel, texts: TwoTexts, asked: LogitDifference, layers: tuple[int, ...]) -> np.ndarray:
    into, source = (model.store.trace(run) for run in texts)
    return np.asarray(patch_heads(into, source, asked, layers).effect[list(layers)])


def _values(texts: TwoTexts, asked: LogitDifference) -> tuple[float, float]:
    into, source = (
        float(logits[asked.target] - logits[asked.rival])
        for logits in (runtime.trace(run).logits.astype(np.float64) for run in texts)
    )
    return into, source


def shows_both_ends(texts: TwoTexts, found: PatchedCells) -> bool:
    """Whether the map has the first position that can matter, and the last: else it tells of no way from one to the other."""
    can = can_matter(texts)
    return found.positions[0] <= can[0] and found.positions[-1] == can[-1]


def hand_over(found: PatchedCells) -> int | None:
    """The first layer from which the last position carries more than any other; None where it never does, or is not known yet."""
    share = found.recovered
    if not np.isfinite(share).all() or share.shape[1] < 2:
        return None
    leads = np.abs(share[:, -1]) > np.abs(share[:, :-1]).max(1)
    behind = np.flatnonzero(~leads)
    start = int(behind[-1]) + 1 if behind.size else 0
    return start if 0 < start < len(share) else None


@dataclass(frozen=True, eq=False)
class Cone:
    """What a patch reaches. change [layer, position]: length of the residual stream's change before a block (the last row: after
    the last), as a share of its length; exactly 0 where the patch cannot reach."""

    change: np.ndarray


def cone(here: Here, texts: TwoTexts, patched: Run, positions: Sequence[int]) -> Cone:
    """At the positions of the map."""
    key = (texts.into, patched, tuple(positions))
    return Cone(_KEPT.get(key, lambda: _cone(here.model, patched, texts.into, tuple(positions))))


@queued
def _cone(model: LanguageModel, patched: Run, clean: Run, positions: tuple[int, ...]) -> np.ndarray:
    one, other, places, rows = model.store.trace(patched), model.store.trace(clean), list(positions), []
    for layer in range(one.config.n_layers + 1):
        after, before = one.resid(layer)[places].astype(np.float64), other.resid(layer)[places].astype(np.float64)
        rows.append(np.linalg.norm(after - before, axis=-1) / np.maximum(np.linalg.norm(before, axis=-1), 1e-30))
    return np.stack(rows)


def checks(here: Here, texts: TwoTexts, site: MapSite, layer: int, position: int) -> list[Check]:
    """The cell in focus against a run of its own, and the row of the map that is the same as typing the other word."""
    asked, found = metric(texts), cells(here, texts, site, 0, position)
    column = found.positions.index(position)
    if not math.isfinite(found.effect[layer, column]):
        return []
    logits = runtime.trace(texts.cell(layer, position, site)).logits.astype(np.float64)
    again = float(logits[asked.target] - logits[asked.rival]) - found.before
    scale = max(1.0, abs(found.before), abs(found.after))
    said = "The effect of the cell in focus against a run with this cell patched." + OF_LARGEST
    return [Check("As a run of its own", said, abs(again - float(found.effect[layer, column])) / scale, TOLERANCE)]


Direction = Literal["into", "from"]


def two_texts(here: Here, other: tuple[int, ...], direction: Direction) -> TwoTexts:
    """into: cells of the other text come into the one in view; from: the other way."""
    mine, theirs = here.clean, Run(here.run.model, other)
    return TwoTexts(mine, theirs) if direction == "into" else TwoTexts(theirs, mine)
