"""The feed-forward network at one position -> what its page draws: steps, activations, strongest neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from app.engine import queued
from gptcore import lessons
from gptcore.activations import FeedForwardActivations
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.model import FeedForward, TransformerBlock
from gptcore.neurons import NeuronEffects, strongest_neurons
from gptcore.trace import Trace, kept

TOP_NEURONS, TOP_TOKENS = 8, 5
MOST_CELLS = 1024  # cells of a strip: more than a screen can tell apart


def steps(emb_dim: int) -> pd.DataFrame:
    """step, shape_in, shape_out, weights, biases: the three steps for one position."""
    wide = 4 * emb_dim
    return pd.DataFrame(
        [
            {"step": "Expand", "shape_in": emb_dim, "shape_out": wide, "weights": emb_dim * wide, "biases": wide},
            {"step": "Activation function (GELU)", "shape_in": wide, "shape_out": wide, "weights": 0, "biases": 0},
            {"step": "Project", "shape_in": wide, "shape_out": emb_dim, "weights": wide * emb_dim, "biases": emb_dim},
        ]
    )


def strips(found: FeedForwardActivations) -> tuple[list[str], np.ndarray]:
    """Names and rows [4, 4 emb_dim]: input, expanded, activated, projected, of the first position; the narrow rows end in NaN."""
    rows = {
        "LayerNorm output": found.mlp_in[0],
        "expanded": found.mlp_pre[0],
        "activated": found.mlp_post[0],
        "projected": found.mlp_out[0],
    }
    wide = found.mlp_pre.shape[1]
    return list(rows), np.stack([np.pad(v.astype(float), (0, wide - len(v)), constant_values=np.nan) for v in rows.values()])


def pooled(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows [row, n] in at most MOST_CELLS cells, each the number farthest from 0 among so many neighbours; and how many."""
    size = -(-values.shape[1] // MOST_CELLS)
    if size == 1:
        return values, 1
    cells = np.pad(values, ((0, 0), (0, -values.shape[1] % size)), constant_values=np.nan).reshape(len(values), -1, size)
    farthest = np.where(np.isnan(cells), -1, np.abs(cells)).argmax(2)  # a cell of gaps alone stays a gap
    return np.take_along_axis(cells, farthest[:, :, None], 2)[:, :, 0], size


@dataclass(frozen=True)
class Silenced:
    """neurons: all of them; negative: those a ReLU would have set to 0; passed: how much GELU lets through of these, as a share
    of the sum of all absolute outputs; mean, lowest: of the negative outputs (0 if there is none)."""

    neurons: int
    negative: int
    passed: float
    mean: float
    lowest: float


def silenced(found: FeedForwardActivations) -> Silenced:
    """What GELU does to the negative numbers at the first position."""
    pre, post = found.mlp_pre[0].astype(np.float64), found.mlp_post[0].astype(np.float64)
    through = post[pre < 0]
    total = float(np.abs(post).sum())
    return Silenced(
        len(pre),
        len(through),
        float(np.abs(through).sum()) / total if total else 0.0,
        float(through.mean()) if len(through) else 0.0,
        float(through.min(initial=0.0)),
    )


def carriers(found: FeedForwardActivations) -> int:
    """How many neurons, the most active first, carry half of all that leaves GELU at the first position, counted without sign."""
    post = np.sort(np.abs(found.mlp_post[0].astype(np.float64)))[::-1]
    return int(np.searchsorted(post.cumsum(), post.sum() / 2)) + 1


@dataclass(frozen=True)
class NeuronByHand:
    """One neuron at one position. product: its row of W1 times the input; bias: of b1; before: their sum; after: GELU of it."""

    neuron: int
    product: float
    bias: float
    before: float
    after: float


def _network(trace: Trace, layer: int) -> FeedForward:
    return cast(TransformerBlock, trace.model.blocks[layer]).feed_forward


@queued
def in_numbers(trace: Trace, layer: int, found: FeedForwardActivations) -> tuple[NeuronByHand, list[Check]]:
    """One neuron, and the checks of the whole network."""
    return by_hand(trace, layer, found), [
        *self_checks(found),
        *sum_checks(trace, layer, found),
    ]


def by_hand(trace: Trace, layer: int, found: FeedForwardActivations) -> NeuronByHand:
    """The neuron that is most active at the first position, worked out in float64."""
    neuron = int(np.abs(found.mlp_post[0]).argmax())
    widen = _network(trace, layer).widen
    row, bias = widen.weight[neuron].detach().cpu().double().numpy(), float(widen.bias[neuron])
    product = float(row @ found.mlp_in[0].astype(np.float64))
    before = product + bias
    return NeuronByHand(neuron, product, bias, before, float(lessons.value_and_slope("gelu_tanh", np.array([before]))[0][0]))


def column_length(trace: Trace, layer: int, neuron: int) -> float:
    """The length of what a neuron writes where its activation is 1."""
    return float(np.linalg.norm(_network(trace, layer).narrow.weight[:, neuron].detach().cpu().double().numpy()))


def sum_checks(trace: Trace, layer: int, found: FeedForwardActivations) -> list[Check]:
    """As `sum_check`; none where something else stands in for what the network writes, which then no neuron has written."""
    edit = kept(trace).layers[layer].edit
    return [] if edit.mlp_out is not None or edit.mlp_cells is not None else [sum_check(trace, layer, found)]


def sum_check(trace: Trace, layer: int, found: FeedForwardActivations) -> Check:
    """What all neurons write, and the bias, against what the network gave back."""
    narrow = _network(trace, layer).narrow
    weight, bias = (parameter.detach().cpu().numpy() for parameter in (narrow.weight, narrow.bias))
    total = weight @ found.mlp_post[0] + bias
    apart = float(np.abs(total - found.mlp_out[0]).max() / max(np.abs(total).max(), 1e-30))
    description = "The vectors that all neurons write, and the bias, added up against what the network gave back." + OF_LARGEST
    return Check("All neurons", description, apart, TOLERANCE)


def self_checks(found: FeedForwardActivations) -> list[Check]:
    """GELU by its written-out formula in float64 against the model's kernel."""
    pre = found.mlp_pre.astype(np.float64)
    expected = lessons.value_and_slope("gelu_tanh", pre.ravel())[0].reshape(pre.shape)
    apart = float(np.abs(found.mlp_post - expected).max() / max(np.abs(expected).max(), 1e-30))
    return [Check("GELU", "GELU's formula in float64 against the model's own output." + OF_LARGEST, apart, TOLERANCE)]


@dataclass(frozen=True, eq=False)
class Strongest:
    """The neurons that write most at a token. table: as `neuron_table` has it; column: the length of what the first of them writes
    where its activation is 1; spread: what the final LayerNorm divides the token's vector by; checks: of both."""

    table: pd.DataFrame
    column: float
    spread: float
    checks: list[Check]


@queued
def strongest(trace: Trace, layer: int, position: int, found: FeedForwardActivations) -> Strongest:
    """At one position, where `found` is what the layer's network did."""
    resid = trace.resid(trace.config.n_layers)[position]
    table = neuron_table(found, strongest_neurons(trace.model, layer, found.mlp_post[0], resid, TOP_NEURONS))
    spread = float(np.sqrt(resid.astype(np.float64).var() + trace.model.final_norm.eps))
    checks = [*sum_checks(trace, layer, found), effects_check(trace, layer, position, table)]
    return Strongest(table, column_length(trace, layer, int(table["neuron"].iloc[0])), spread, checks)


def effects_check(trace: Trace, layer: int, position: int, table: pd.DataFrame) -> Check:
    """table: as `neuron_table` has it. Another way to the same changes: the logits of the final stream less those of the stream
    without the neuron's vector, under the spread of the whole one, in float64."""
    resid = trace.resid(trace.config.n_layers)[position].astype(np.float64)
    model = trace.model
    scale = model.final_norm.scale.detach().cpu().double().numpy() / np.sqrt(resid.var() + model.final_norm.eps)
    apart, largest = 0.0, 1e-30
    for neuron, lines in table.groupby("neuron"):
        head = model.output_head.weight[lines["token_id"].tolist()].detach().cpu().double().numpy()
        vector = float(lines["after"].iloc[0]) * _network(trace, layer).narrow.weight[:, neuron].detach().cpu().double().numpy()
        without = resid - vector
        change = head @ ((resid - resid.mean()) * scale) - head @ ((without - without.mean()) * scale)
        listed = lines["logit_change"].to_numpy(np.float64)
        # The listed changes are less the vocabulary's mean, so that only their differences can be compared.
        apart = max(apart, np.abs((listed - listed.mean()) - (change - change.mean())).max())
        largest = max(largest, np.abs(listed).max())
    said = (
        "The listed tokens' logits with and without what the neuron writes, worked out in float64, against the listed changes: how "
        "far the tokens of a neuron lie from each other. Deviation as a share of the largest change."
    )
    return Check("Promotes, suppresses", said, float(apart / largest), TOLERANCE)


def neuron_table(found: FeedForwardActivations, effects: NeuronEffects) -> pd.DataFrame:
    """One line a neuron and token: neuron, before, after, written, direction ("promotes" or "suppresses"), rank from 1, token_id,
    logit_change."""
    rows = []
    for neuron, written, change in zip(effects.neurons, effects.written, effects.logit_change, strict=True):
        for direction, ids in (("promotes", _largest(change)), ("suppresses", _largest(-change))):
            for rank, token_id in enumerate(ids, 1):
                rows.append(
                    {
                        "neuron": int(neuron),
                        "before": float(found.mlp_pre[0, neuron]),
                        "after": float(found.mlp_post[0, neuron]),
                        "written": float(written),
                        "direction": direction,
                        "rank": rank,
                        "token_id": int(token_id),
                        "logit_change": float(change[token_id]),
                    }
                )
    return pd.DataFrame(rows)


def _largest(values: np.ndarray) -> np.ndarray:
    """Indices of the TOP_TOKENS largest, largest first, without sorting a whole vocabulary."""
    found = np.argpartition(-values, TOP_TOKENS)[:TOP_TOKENS]
    return found[np.argsort(-values[found], kind="stable")]
