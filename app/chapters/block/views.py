"""One token's way through one block, and what dropout would have taken from it -> what the block page draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from app import choices, state
from app.choices import Shown, in_address, norm_site
from app.engine import EngineTrace, queued
from app.recent import MB, Recent
from gptcore.activations import BlockActivations
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.dropout import Place, dropped, zeroed
from gptcore.trace import Trace


@dataclass(frozen=True, eq=False)
class Station:
    """Where a token's vector stands. name: on the screen; variable: its name in the code; page: the page about it; place: "spine",
    "branch" or "sum", see app.components.block_path; layer: the layer that the page is opened at, None for the one in view; shown: what
    to choose there, as in app.chapters.map.views."""

    name: str
    variable: str
    stage: str
    page: str
    place: str
    values: np.ndarray
    layer: int | None = None
    shown: Shown = ()

    @property
    def link(self) -> str:
        """Where its name leads: two stations with one link lead to the same."""
        changed = {} if self.layer is None else {"layer": str(self.layer)}
        changed |= in_address(self.shown)
        return f"{self.page}?{urlencode(changed)}" if changed else self.page


def stations(found: BlockActivations, layer: int, n_layers: int) -> list[Station]:
    """The eight stations of the first position in `found`. The last is what the model left behind when it ran; the sum before it
    was computed again."""
    pre, attn_in, attn_out, mid, mlp_in, mlp_out, post = (
        values[0]
        for values in (
            found.resid_pre, found.attn_in, found.attn_out, found.resid_mid, found.mlp_in, found.mlp_out, found.resid_post
        )
    )  # fmt: skip
    return [
        Station("From the embeddings", "resid_pre", "residual", "embeddings", "spine", pre)
        if layer == 0
        else Station(f"From layer {layer - 1}", "resid_pre", "residual", "block", "spine", pre, layer - 1),
        Station("LayerNorm", "ln_1", "layer_norm", "layer_norm", "branch", attn_in, shown=norm_site("ln_1")),
        Station("Attention", "attn_out", "attention", "attention", "branch", attn_out),
        Station("+ shortcut", "resid_mid", "residual", "shortcuts", "sum", mid),
        Station("LayerNorm", "ln_2", "layer_norm", "layer_norm", "branch", mlp_in, shown=norm_site("ln_2")),
        Station("Feed-forward", "mlp_out", "feed_forward", "feed_forward", "branch", mlp_out),
        Station("+ shortcut", "resid_mid + mlp_out", "residual", "shortcuts", "sum", mid + mlp_out),
        Station("Into the final LayerNorm", "resid_post", "residual", "layer_norm", "spine", post, shown=norm_site("final"))
        if layer + 1 == n_layers
        else Station(f"Into layer {layer + 1}", "resid_post", "residual", "block", "spine", post, layer + 1),
    ]


def moved_most(found: BlockActivations) -> int:
    """The dimension that the block changes most."""
    return int(np.abs(found.attn_out[0] + found.mlp_out[0]).argmax())


def table(listed: Sequence[Station]) -> pd.DataFrame:
    """station, variable, dimension, value: every number of every strip."""
    parts = [
        pd.DataFrame({"station": s.name, "variable": s.variable, "dimension": np.arange(len(s.values)), "value": s.values})
        for s in listed
    ]
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Written:
    """What every layer does to one token, as lengths [layer]: of the vector before the block, of what attention adds, of the vector in
    between, of what feed-forward adds; cosine: between the vector before the block and after it."""

    before: np.ndarray
    attention: np.ndarray
    middle: np.ndarray
    feed_forward: np.ndarray
    cosine: np.ndarray


_WRITTEN: Recent[Written] = Recent(MB, size=lambda found: 5 * found.before.nbytes)


def written(trace: EngineTrace, position: int) -> Written:
    """Computed once for everybody; a few milliseconds a layer."""
    return _WRITTEN.get((trace.run, position), lambda: _written(trace, position))


@queued
def _written(trace: Trace, position: int) -> Written:
    rows = []
    for layer in range(trace.config.n_layers):
        found = trace.block(layer, (position,))
        pre, attn, mid, mlp, post = (
            values[0].astype(np.float64)
            for values in (found.resid_pre, found.attn_out, found.resid_mid, found.mlp_out, found.resid_post)
        )
        lengths = [float(np.linalg.norm(vector)) for vector in (pre, attn, mid, mlp)]
        rows.append([*lengths, float(pre @ post / max(lengths[0] * float(np.linalg.norm(post)), 1e-30))])
    return Written(*np.array(rows).T)


def written_table(found: Written) -> pd.DataFrame:
    """layer, before, attention, middle, feed_forward (lengths), cosine."""
    columns = {name: getattr(found, name) for name in ("before", "attention", "middle", "feed_forward", "cosine")}
    return pd.DataFrame({"layer": np.arange(len(found.before)), **columns})


COUNTED = ("values of the embedding", "attention weights", "values out of attention", "values out of feed-forward")


def dropout_choice() -> tuple[bool, float, int]:
    """Whether one step of training is shown; its rate and its seed."""
    return state.chosen(choices.DROPOUT), float(state.chosen(choices.DROP_RATE)), int(state.chosen(choices.DROPOUT_SEED))


def self_checks(found: BlockActivations) -> list[Check]:
    """Both sums; the second against what the model left behind when it ran."""
    mid = found.resid_pre.astype(np.float64) + found.attn_out
    post = found.resid_mid.astype(np.float64) + found.mlp_out
    return [
        Check(
            "First sum",
            "resid_pre + attn_out against resid_mid, in float64." + OF_LARGEST,
            _apart(mid, found.resid_mid),
            TOLERANCE,
        ),
        Check(
            "Second sum",
            "resid_mid + mlp_out against resid_post, which the model left behind when it ran." + OF_LARGEST,
            _apart(post, found.resid_post),
            TOLERANCE,
        ),
    ]


def _apart(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


@dataclass(frozen=True, eq=False)
class Dropped:
    """One place of dropout. before: the values of inference; gone: which of them would have been zeroed; after: with the others
    multiplied by 1 / (1 - drop_rate). counted: what one value belongs to."""

    name: str
    where: str
    stage: str
    counted: str
    before: np.ndarray
    gone: np.ndarray
    after: np.ndarray


@queued
def dropout_places(trace: Trace, layer: int, head: int, position: int, drop_rate: float, seed: int) -> list[Dropped]:
    """What one training step would have zeroed for one token: in its embedding, in its row of one head's attention weights (as far
    as the token itself), and in what attention and feed-forward give back."""
    block = trace.block(layer, (position,))
    weights = trace.attention(layer, positions=(position,), heads=(head,)).pattern[0, 0, : position + 1]
    rows: list[tuple[str, str, str, str, Place, np.ndarray, int, int]] = [
        ("Embeddings", "token row + position row", "embeddings", "dimension", "embeddings", trace.resid(0)[position], 0, 0),
        ("Attention weights", f"layer {layer}, head {head}", "attention", "position", "weights", weights, layer, head),
        ("Out of attention", f"layer {layer}, attn_out", "attention", "dimension", "attention", block.attn_out[0], layer, 0),
        (
            "Out of feed-forward",
            f"layer {layer}, mlp_out",
            "feed_forward",
            "dimension",
            "feed_forward",
            block.mlp_out[0],
            layer,
            0,
        ),
    ]
    out = []
    for name, where, stage, counted, place, before, at_layer, at_head in rows:
        gone = zeroed(len(before), drop_rate, seed, place, position=position, layer=at_layer, head=at_head)
        out.append(Dropped(name, where, stage, counted, before, gone, dropped(before, gone, drop_rate)))
    return out


def dropout_check(places: Sequence[Dropped], drop_rate: float) -> Check:
    """What is kept, made smaller again, against the values of inference, and what is zeroed against 0."""
    apart = [
        float(np.abs(p.after * (1 - drop_rate) - np.where(p.gone, 0, p.before)).max() / (np.abs(p.before).max() or 1.0))
        for p in places
    ]
    description = (
        "What is left, times (1 - drop_rate), against the values of inference; what is zeroed against 0; at all places."
        + OF_LARGEST
    )
    return Check("Dropout", description, max(apart), TOLERANCE)


def dropout_table(places: Sequence[Dropped]) -> Callable[[], pd.DataFrame]:
    """place, index, before, zeroed, after: made when it is asked for."""
    return lambda: pd.concat(
        [
            pd.DataFrame(
                {"place": p.name, "index": np.arange(len(p.before)), "before": p.before, "zeroed": p.gone, "after": p.after}
            )
            for p in places
        ],
        ignore_index=True,
    )
