"""What a page shows, as a few lines of gptcore that give the same numbers."""

from __future__ import annotations

from app.runtime import Here
from gptcore.run import Run, write_intervention


def model(here: Here) -> list[str]:
    """The lines that load the model."""
    return ["import gptcore", "", f"model = gptcore.load({here.view.model!r})"]


def ids(here: Here, name: str = "ids", run: Run | None = None) -> str:
    """The line that names the token ids of a run (None: those in view): by their text where that gives them, else one by one."""
    wanted = (run or here.run).ids
    tokenizer = here.model.tokenizer
    text = tokenizer.decode(wanted)
    if text and tokenizer.encode(text) == wanted:
        return f"{name} = model.tokenizer.encode({text!r})"
    return f"{name} = {wanted!r}"


def intervention(run: Run) -> str:
    """What is switched off or patched in a run, as an expression."""
    return f"gptcore.read_intervention({write_intervention(run.intervention)!r})"


def trace(run: Run) -> str:
    """The line that makes the trace of a run."""
    return f"trace = model.trace(ids{f', {intervention(run)}' if run.intervention else ''})"


def beginning(here: Here) -> list[str]:
    """Model, ids and trace of what is in view."""
    return [*model(here), ids(here), trace(here.run)]
