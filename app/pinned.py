"""What was pinned as A, to be compared with what is in view: a model's name, token ids, an intervention and the sampling settings, as a
link carries them."""

from __future__ import annotations

from typing import NamedTuple

from app import choices, offered, runtime, sequence, state
from app.engine import EngineModel
from app.runtime import Here
from app.view import READ, write
from gptcore.errors import GPTCoreError
from gptcore.run import Run, read_intervention, write_intervention
from gptcore.sampling import SamplingSettings

_SETTINGS = ("temperature", "top_k", "top_p", "min_p", "seed")


class Pinned(NamedTuple):
    """A run, the model that it is of, and the settings that its next token is drawn with."""

    model: EngineModel
    run: Run
    settings: SamplingSettings


def written(here: Here) -> str:
    """What is in view up to the cursor, as the link says it."""
    now = here.up_to_cursor()
    settings = "_".join(write(name, getattr(here.view, name)) for name in _SETTINGS)
    return f"{here.view.model}~{'.'.join(map(str, now.ids))}~{write_intervention(now.run.intervention)}~{settings}"


def pin(here: Here) -> None:
    """Pin what is in view up to the cursor."""
    now, said = here.up_to_cursor(), written(here)
    if len(said) > choices.LONGEST_IN_LINK:
        state.notify(f"This text of {len(now.ids):,} tokens is too long to be pinned, as no link could carry it; shorten it.")
        return
    state.take(choices.PINNED, said)
    if state.remembered("page", "") != "compare":
        state.notify(
            "Pinned as A. Change the text, the model, the settings or what is off, then open Compare under Lab: that is B."
        )


def unpin() -> None:
    """Nothing is pinned."""
    state.take(choices.PINNED, "")


def find() -> Pinned | str | None:
    """What is pinned; None for nothing, and in a sentence why it cannot be shown."""
    if not (said := state.chosen(choices.PINNED)):
        return None
    try:
        name, ids, off, *more = said.split("~")
        if not offered.is_ready(name):
            return f"The model that was pinned, {name[:60]}, is not on this machine."
        model = runtime.model(name)
        run = Run(model.identity, tuple(int(each) for each in ids.split(".")), read_intervention(off))
        settings = _settings(*more)
        _ = model.trace(run).logits
    except (GPTCoreError, TypeError, ValueError) as error:
        return f"What was pinned cannot be shown: {str(error)[:200]}"
    return Pinned(model, run, settings)


def _settings(text: str = "") -> SamplingSettings:
    """What was pinned; in links of an earlier kind nothing was, and it is what is in view. ValueError for junk."""
    if not text:
        return sequence.settings(state.current())
    return SamplingSettings(**{name: READ[name](each) for name, each in zip(_SETTINGS, text.split("_"), strict=True)})
