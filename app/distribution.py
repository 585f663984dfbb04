"""Many numbers -> the bars of a histogram, counted here so that few numbers travel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

BINS = 48


@dataclass(frozen=True)
class Distribution:
    """counts: name -> [bin] between edges [bin + 1]; outside: how many values lie beyond the picture, on either side."""

    counts: dict[str, np.ndarray]
    edges: np.ndarray
    outside: int

    def frame(self) -> pd.DataFrame:
        """series, from, to, count: one line a bar."""
        parts = [
            pd.DataFrame({"series": name, "from": self.edges[:-1], "to": self.edges[1:], "count": counts})
            for name, counts in self.counts.items()
        ]
        return pd.concat(parts, ignore_index=True)


def distribution(values: dict[str, np.ndarray], bins: int = BINS) -> Distribution:
    """Histograms on common edges. The picture reaches a little beyond the middle 98 % of all values, since a few outliers would
    press the rest into one bar."""
    every = np.concatenate([v.ravel() for v in values.values()]).astype(np.float64)
    low, high = np.quantile(every, [0.01, 0.99])
    margin = 0.3 * (high - low) or 0.5
    low, high = max(low - margin, every.min()), min(high + margin, every.max())
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    counts = {name: np.histogram(v, edges)[0] for name, v in values.items()}
    return Distribution(counts, edges, len(every) - int(sum(c.sum() for c in counts.values())))
