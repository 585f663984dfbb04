"""One row a measurement, with its budget, printed as a markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """what: was measured; ours, peer: with unit ("" where there is no peer); value: what the budget is held against (a ratio ours /
    peer, or ours itself); unit: of value; budget: the most (or least, if `at_least`) that value may be, None for no budget."""

    what: str
    ours: str
    peer: str
    value: float
    unit: str
    budget: float | None
    at_least: bool = False

    @property
    def met(self) -> str:
        if self.budget is None:
            return ""
        return "yes" if (self.value >= self.budget if self.at_least else self.value <= self.budget) else "NO"


def markdown(rows: Sequence[Row]) -> str:
    """The table, budgets and all."""
    lines = ["| what | ours | peer | measured | budget | met |", "|---|---|---|---|---|---|"]
    for row in rows:
        limit = "" if row.budget is None else f"{'at least' if row.at_least else 'at most'} {row.budget:g}{row.unit}"
        lines.append(f"| {row.what} | {row.ours} | {row.peer} | {row.value:.3g}{row.unit} | {limit} | {row.met} |")
    return "\n".join(lines)
