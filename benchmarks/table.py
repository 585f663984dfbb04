"""One row a measurement, with its budget, printed as a markdown table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """what: was measured; ours: with all that belongs to it; value: what the budget is held against; unit: of value; budget: the most
    that value may be, None for no budget."""

    what: str
    ours: str
    value: float
    unit: str
    budget: float | None

    @property
    def met(self) -> str:
        if self.budget is None:
            return ""
        return "yes" if self.value <= self.budget else "NO"


HEADER = "| what | ours | measured | budget | met |\n|---|---|---|---|---|"


def line(row: Row) -> str:
    """One line of the markdown table under HEADER."""
    limit = "" if row.budget is None else f"at most {row.budget:g}{row.unit}"
    return f"| {row.what} | {row.ours} | {row.value:.3g}{row.unit} | {limit} | {row.met} |"
