"""What was measured for the lesson on overfitting, and what it says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd

from app.chapters.learning import views
from app.writing.numbers import fixed, significant
from gptcore.recorded_run import RECORDED
from gptcore.training.overfit import lesson_texts

Measured = dict[str, Any]  # as gptcore.training.overfit writes one


@cache
def _said() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDED / "overfit.json").read_text("utf-8"))
    return found


def measured_runs() -> Sequence[Measured]:
    """The trainings that were measured, the plain one first."""
    runs: Sequence[Measured] = _said()["runs"]
    return runs


def characters() -> int:
    """How many were learned by heart."""
    return int(_said()["characters"])


def texts() -> tuple[str, str]:
    """What is learned by heart, and what is held out."""
    return lesson_texts(views.recorded_run())


def name(run: Measured) -> str:
    """A setting in words."""
    dropout = f"dropout {significant(100 * run['drop_rate'])} %" if run["drop_rate"] else "no dropout"
    rate = "" if run["learning_rate"] == 1 else f", {significant(run['learning_rate'])} × learning rate"
    return dropout + rate


def lowest_at(run: Measured) -> int:
    """The step at which the loss on held-out text was lowest."""
    return int(run["steps"][run["held_out"].index(min(run["held_out"]))])


def finding(runs: Sequence[Measured]) -> str:
    """Where the plain training turned, from its numbers."""
    plain = runs[0]
    lowest, end, own = min(plain["held_out"]), plain["held_out"][-1], plain["training"][-1]
    if end <= lowest + 0.05:
        return f"With {characters():,} characters the loss on held-out text did not turn within {plain['steps'][-1]:,} steps."
    turned, steps = lowest_at(plain), plain["steps"][-1]
    return (
        f"A toy that is given only {characters():,} characters learns for {turned:,} steps what holds for other text too: its loss on held-out text "
        f"falls to **{fixed(lowest, 2)}** nats per character. Then it **turns**. After {steps:,} steps it is at **{fixed(end, 2)}**, while on its "
        f"own text it is at {fixed(own, 2)}: it knows that by heart. This is overfitting."
    )


def controls_finding(runs: Sequence[Measured]) -> str:
    """What dropout and the learning rate did, against the plain training."""
    plain, said = runs[0], []
    for run in runs[1:]:
        better = min(plain["held_out"]) - min(run["held_out"])
        lowest = "as low as without" if abs(better) < 0.02 else f"{fixed(abs(better), 2)} {'lower' if better > 0 else 'higher'}"
        end = fixed(run["held_out"][-1], 2)
        said.append(
            f"{name(run)}: lowest {lowest}, at step {lowest_at(run):,} instead of {lowest_at(plain):,}, and {end} at the end."
        )
    return "Against the first line. " + " ".join(sentence[0].upper() + sentence[1:] for sentence in said)


def table(runs: Sequence[Measured]) -> pd.DataFrame:
    """All of it, a row per setting and step."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "dropout": run["drop_rate"],
                    "learning_rate_times": run["learning_rate"],
                    "step": run["steps"],
                    "training_loss_nats": run["training"],
                    "held_out_loss_nats": run["held_out"],
                }
            )
            for run in runs
        ],
        ignore_index=True,
    )
