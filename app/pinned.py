"""What was pinned as A, to be compared with what is in view: a model's name, token ids and an intervention, as a link carries them."""

from __future__ import annotations

from typing import NamedTuple

from app import choices, offered, runtime, state
from app.engine import EngineModel
from app.runtime import Here
from gptcore.errors import GPTCoreError
from gptcore.run import Run, read_intervention, write_intervention


class Pinned(NamedTuple):
    """A run, and the model that it is of."""

    model: EngineModel
    run: Run


def written(here: Here) -> str:
    """What is in view up to the cursor, as the link says it."""
    now = here.up_to_cursor()
    return f"{here.view.model}~{'.'.join(map(str, now.ids))}~{write_intervention(now.run.intervention)}"


def pin(here: Here) -> None:
    """Pin what is in view up to the cursor."""
    now, said = here.up_to_cursor(), written(here)
    if len(said) > choices.LONGEST_IN_LINK:
        state.notify(f"This text of {len(now.ids):,} tokens is too long to be pinned, as no link could carry it; shorten it.")
        return
    state.take(choices.PINNED, said)


def unpin() -> None:
    """Nothing is pinned."""
    state.take(choices.PINNED, "")


def find() -> Pinned | str | None:
    """What is pinned; None for nothing, and in a sentence why it cannot be shown."""
    if not (said := state.chosen(choices.PINNED)):
        return None
    try:
        name, ids, off = said.split("~")
        if not offered.is_ready(name):
            return f"The model that was pinned, {name[:60]}, is not on this machine."
        model = runtime.model(name)
        run = Run(model.identity, tuple(int(each) for each in ids.split(".")), read_intervention(off))
        _ = model.trace(run).logits
    except (GPTCoreError, ValueError) as error:
        return f"What was pinned cannot be shown: {str(error)[:200]}"
    return Pinned(model, run)
