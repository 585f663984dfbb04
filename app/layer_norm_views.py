"""LayerNorm on a trace -> what its page draws: statistics, outlier dimensions, and the way through the layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gptcore.activations import LayerNormActivations
from gptcore.checks import TOLERANCE, Check
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


def over_depth(trace: Trace, site: Site, positions: Sequence[int], n_layers: int) -> pd.DataFrame:
    """layer ("0" ... and "final"), mean and spread over the width, before and after each LayerNorm, averaged over the positions.

    site: which of a block's two is followed; "final" follows those before attention. The final one always comes last.
    """
    block_site: Site = "ln_1" if site == "final" else site
    rows = []
    for layer in range(n_layers + 1):
        last = layer == n_layers
        found = trace.layer_norm(None if last else layer, "final" if last else block_site, positions)
        rows.append(
            {
                "layer": "final" if last else str(layer),
                "mean_before": float(found.mean.mean()),
                "spread_before": float(np.sqrt(found.var).mean()),
                "mean_after": float(found.after.mean()),
                "spread_after": float(found.after.std(1).mean()),
            }
        )
    return pd.DataFrame(rows)


def self_checks(found: LayerNormActivations) -> list[Check]:
    """The formula, computed again from the numbers before it in float64, against what the model computed."""
    before = found.before.astype(np.float64)
    mean, var = before.mean(1, keepdims=True), before.var(1, keepdims=True)
    after = (before - mean) / np.sqrt(var + found.eps) * found.scale + found.shift
    apart = float(np.abs(found.after - after).max() / max(np.abs(after).max(), 1e-30))
    expected = (var / (var + found.eps)).ravel()
    variance = found.normalized.var(1, dtype=np.float64)
    return [
        Check("LayerNorm", "The formula in float64 against the model's own output", apart, TOLERANCE),
        Check(
            "Variance",
            "Variance of the normalised numbers against var / (var + ε)",
            float(np.abs(variance - expected).max()),
            TOLERANCE,
        ),
    ]
