"""The residual stream of one position over all layers: how long it is, what each block adds, and how far it turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from app.engine import EngineTrace, queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.activations import BlockActivations
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.effects import part_effects
from gptcore.run import Ablation
from gptcore.trace import Trace


@queued
def blocks(trace: Trace, position: int) -> list[BlockActivations]:
    """The way of one position through every block."""
    return [trace.block(layer, (position,)) for layer in range(trace.config.n_layers)]


def stream(found: list[BlockActivations]) -> pd.DataFrame:
    """One line a layer. norm_in, norm_attention, norm_feed_forward, norm_out: lengths of the vectors; share_shortcut,
    share_attention, share_feed_forward: how much of the block's output each of the three makes up, measured along the output
    (they add up to 1; below 0 where a part points against the whole); cosine: between the block's input and output."""
    return pd.DataFrame([{"layer": layer, **_line(block)} for layer, block in enumerate(found)])


@dataclass(frozen=True, eq=False)
class LeftOut:
    """The next token with one block at a time left out, so that its input alone goes on. target: the top prediction of the whole model;
    whole: its probability; without: with each block left out [layer]; top: the top prediction then [layer]."""

    target: int
    whole: float
    without: np.ndarray
    top: np.ndarray


_LEFT_OUT: Recent[LeftOut] = Recent(MB, size=lambda found: 2 * found.without.nbytes)


def left_out(trace: EngineTrace) -> LeftOut:
    """Of the trace's newest token; kept."""
    return _LEFT_OUT.get(trace.run, lambda: _look(trace))


@queued
def _look(trace: Trace) -> LeftOut:
    effects = part_effects(trace, scope="everywhere", replacement="zero").block
    logits = trace.logits.astype(np.float64)
    whole = float(1 / np.exp(logits - logits[effects.target]).sum())
    return LeftOut(
        effects.target, whole, whole * 2.0 ** effects.log_prob_change.astype(np.float64), np.asarray(effects.top_token)
    )


def left_out_check(here: Here) -> list[Check]:
    """The block in focus off as an intervention of its own, in a run of its own; none where something else is off already."""
    if here.run.intervention is not None:
        return []
    found, layers = left_out(here.trace), frozenset({here.layer})
    off = here.model.run(here.ids, Ablation(attention=layers, feed_forward=layers, replacement="zero"))
    logits = here.model.trace(off).logits.astype(np.float64)
    again = float(1 / np.exp(logits - logits[found.target]).sum())
    said = f"The probability with block {here.layer} left out, from a run of its own. Deviation in probability, of 1."
    return [Check("Left out", said, abs(again - float(found.without[here.layer])), 1e-4)]


def _line(block: BlockActivations) -> dict[str, float]:
    start, attention, feed_forward, end = (
        values[0].astype(np.float64) for values in (block.resid_pre, block.attn_out, block.mlp_out, block.resid_post)
    )
    before, length = float(np.linalg.norm(start)), float(np.linalg.norm(end))
    return {
        "norm_in": before,
        "norm_attention": float(np.linalg.norm(attention)),
        "norm_feed_forward": float(np.linalg.norm(feed_forward)),
        "norm_out": length,
        "share_shortcut": _ratio(start @ end, length**2),
        "share_attention": _ratio(attention @ end, length**2),
        "share_feed_forward": _ratio(feed_forward @ end, length**2),
        "cosine": _ratio(start @ end, before * length),
    }


def _ratio(part: float, whole: float) -> float:
    """part / whole; not a number where the whole is 0, which has no direction."""
    return float(part / whole) if whole else float("nan")


def self_checks(found: list[BlockActivations], table: pd.DataFrame) -> list[Check]:
    """Input + attention + feed-forward against the kept output, and the three shares against 1, over all layers."""
    sums = [float(np.abs(b.resid_pre + b.attn_out + b.mlp_out - b.resid_post).max() / np.abs(b.resid_post).max()) for b in found]
    shares = table[["share_shortcut", "share_attention", "share_feed_forward"]].sum(axis=1)
    return [
        Check("Residual sum", "x + F(x) against what the model left behind, in every layer." + OF_LARGEST, max(sums), TOLERANCE),
        Check(
            "Shares",
            "Sum of the three shares against 1, in every layer. Deviation in share, of 1.",
            float((shares - 1).abs().max()),
            TOLERANCE,
        ),
    ]
