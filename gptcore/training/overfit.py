"""python -m gptcore.training.overfit --out FILE: learn too little text by heart, with several settings, and write down both losses.

The lesson on overfitting: 4,000 characters of the recorded run's text are trained on, the 4,000 after them are held out. The page shows
what this command measured, and lets visitors run it themselves (gptcore.training.live, with the same text).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from gptcore.recorded_run import RecordedRun, load_recorded_run
from gptcore.training.live import CONTEXT_LENGTH, RATIO, WINDOWS
from gptcore.training.loop import Progress, held_out_loss
from gptcore.training.tiny import tiny_training

CHARACTERS = 4000
STEPS = 1000
SETTINGS = ((0.0, 1.0), (0.1, 1.0), (0.3, 1.0), (0.0, 0.25), (0.0, 4.0))  # dropout, learning rate (times the usual one)


def lesson_texts(run: RecordedRun) -> tuple[str, str]:
    """What is learned by heart, from where the samples' prompt stands, and what is held out."""
    start = max(0, run.training_text.find(run.prompt))
    text = run.training_text[start : start + 2 * CHARACTERS]
    return text[:CHARACTERS], text[CHARACTERS:]


def measured(text: str, held_out: str, drop_rate: float, learning_rate: float, steps: int) -> dict[str, Any]:
    """One training, with both losses (nats per character) at steps that are spaced by ratio. On one thread it depends on nothing else."""
    tiny = tiny_training(
        text,
        held_out,
        context_length=CONTEXT_LENGTH,
        drop_rate=drop_rate,
        learning_rate=learning_rate,
        steps=steps,
        checkpoint_minutes=float("inf"),
    )
    found: dict[str, Any] = {"drop_rate": drop_rate, "learning_rate": learning_rate, "steps": [], "training": [], "held_out": []}

    def measure(progress: Progress, _: object = None) -> None:
        due = round(found["steps"][-1] * RATIO) if found["steps"] else 0
        if progress.step >= max(due, len(found["steps"])) or progress.step == steps:
            found["steps"].append(progress.step)
            for name, ids in (("training", tiny.ids), ("held_out", tiny.held_out_ids)):
                found[name].append(round(held_out_loss(tiny.run.model, ids, WINDOWS), 4))

    measure(tiny.run.progress)
    tiny.run.run(on_step=measure)
    return found


def main() -> None:
    parser = argparse.ArgumentParser("python -m gptcore.training.overfit", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    torch.set_num_threads(1)
    text, held_out = lesson_texts(load_recorded_run())
    runs = [measured(text, held_out, *settings, STEPS) for settings in SETTINGS]
    out.write_text(json.dumps({"characters": CHARACTERS, "runs": runs}) + "\n", "utf-8")


if __name__ == "__main__":
    main()
