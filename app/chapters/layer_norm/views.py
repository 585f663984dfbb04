"""LayerNorm on a trace -> what its page draws: statistics, outlier dimensions, and the way through the layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from app.engine import queued
from gptcore.activations import LayerNormActivations
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.trace import Site, Trace

SITES: dict[Site, str] = {"ln_1": "before attention", "ln_2": "before feed-forward", "final": "after the last block"}
WINDOW = 128  # tokens that "all tokens" looks at, the newest ones
FAR = 5.0  # spreads from the mean beyond which a dimension is called an outlier


def statistics(found: LayerNormActivations) -> pd.DataFrame:
    """station, mean, variance, smallest, largest. Several tokens: mean and variance are each token's own, averaged."""
    stations = {
        "Before": found.before,
        "Normalised": found.normalized,
        "× scale": found.normalized * found.scale,
        "× scale + shift": found.after,
    }
    return pd.DataFrame(
        [
            {
                "station": name,
                "mean": values.mean(1, dtype=np.float64).mean(),
                "variance": values.var(1, dtype=np.float64).mean(),
                "smallest": values.min(),
                "largest": values.max(),
            }
            for name, values in stations.items()
        ]
    )


def outliers(found: LayerNormActivations, top: int = 6) -> pd.DataFrame:
    """The dimensions that lie farthest from the token's mean: dimension, before, normalized (in spreads), scale, shift, after.
    Several tokens: the farthest on average, and mean values."""
    distance = np.abs(found.normalized).mean(0)
    chosen = np.argsort(-distance, kind="stable")[:top]
    return pd.DataFrame(
        {
            "dimension": chosen,
            "before": found.before.mean(0)[chosen],
            "normalized": found.normalized.mean(0)[chosen],
            "scale": found.scale[chosen],
            "shift": found.shift[chosen],
            "after": found.after.mean(0)[chosen],
        }
    )


def far_dimensions(found: LayerNormActivations) -> int:
    """How many dimensions lie more than FAR spreads from the mean (several tokens: on average)."""
    return int((np.abs(found.normalized).mean(0) > FAR).sum())


@queued
def along_depth(trace: Trace, site: Site, positions: Sequence[int]) -> list[LayerNormActivations]:
    """Every LayerNorm on the way of these positions, the final one last.

    site: which of a block's two is followed; "final" follows those before attention.
    """
    return [
        *(trace.layer_norm(layer, _in_blocks(site), positions) for layer in range(trace.config.n_layers)),
        trace.layer_norm(None, "final", positions),
    ]


def followed(site: Site) -> str:
    """Which LayerNorms `along_depth` goes through, in a sentence; "final" alone has nothing to be followed through."""
    one = f"Drawn: the LayerNorm {SITES[_in_blocks(site)]} of every layer, and at the end the one {SITES['final']}."
    return f"{one} There is only one of that kind, so those {SITES['ln_1']} lead up to it." if site == "final" else one


def _in_blocks(site: Site) -> Site:
    return "ln_1" if site == "final" else site


def over_depth(places: Sequence[LayerNormActivations]) -> pd.DataFrame:
    """layer ("0" ... and "final"), mean and spread over the width, before and after each LayerNorm, averaged over the positions."""
    return pd.DataFrame(
        [
            {
                "layer": str(layer) if layer < len(places) - 1 else "final",
                "mean_before": float(found.mean.mean()),
                "spread_before": float(np.sqrt(found.var).mean()),
                "mean_after": float(found.after.mean()),
                "spread_after": float(found.after.std(1).mean()),
            }
            for layer, found in enumerate(places)
        ]
    )


def self_checks(*places: LayerNormActivations) -> list[Check]:
    """The formula, computed again from the numbers before it in float64, against what the model computed; the worst of the places."""
    where = f", at all {len(places)} places" if len(places) > 1 else ""
    after, variance = np.max([_deviations(found) for found in places], axis=0)
    return [
        Check("LayerNorm", f"The formula in float64 against the model's own output{where}.{OF_LARGEST}", float(after), TOLERANCE),
        Check(
            "Variance",
            f"Variance of the normalised numbers against var / (var + ε){where}. Deviation in variance, which is about 1.",
            float(variance),
            TOLERANCE,
        ),
    ]


def _deviations(found: LayerNormActivations) -> tuple[float, float]:
    """How far the output and the variance of the normalised numbers are off."""
    before = found.before.astype(np.float64)
    mean, var = before.mean(1, keepdims=True), before.var(1, keepdims=True)
    after = (before - mean) / np.sqrt(var + found.eps) * found.scale + found.shift
    variance = found.normalized.var(1, dtype=np.float64)
    return (
        float(np.abs(found.after - after).max() / max(np.abs(after).max(), 1e-30)),
        float(np.abs(variance - (var / (var + found.eps)).ravel()).max()),
    )
