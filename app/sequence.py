"""Trace -> what charts and components draw: tidy DataFrames with documented columns, and chips."""

from __future__ import annotations

from app import runtime, state
from app.components.next_token import is_hidden
from app.components.timeline import Chip
from app.runtime import Here
from app.state import View
from gptcore.sampling import SamplingSettings, Selection, select


def settings(view: View) -> SamplingSettings:
    """The sampling settings of a view."""
    return SamplingSettings(view.temperature, view.top_k, view.top_p, view.min_p, view.seed)


def timeline_chips(here: Here) -> list[Chip]:
    """The whole sequence as chips: prompt, chosen, the place of the next token, ghost tail."""
    n_prompt = len(here.sequence.prompt)
    probabilities = runtime.token_probabilities(here.run)
    chips = [
        Chip(
            token_id,
            text,
            "prompt" if i < n_prompt else "chosen",
            float(probabilities[i - 1]) if i else None,
        )
        for i, (token_id, text) in enumerate(zip(here.ids, here.tokens, strict=True))
    ]
    ghost = [Chip(i, here.model.tokenizer.text_of(i), "ghost") for i in here.sequence.ghost]
    return [*chips, Chip(-1, _next_text(here), "next"), *ghost]


def _next_text(here: Here) -> str:
    """What stands in the place of the next token: the one that these settings choose, unless it is being guessed."""
    if here.is_full:
        return "full"
    if is_hidden("next_token", len(here.ids)):
        return "?"
    return here.model.tokenizer.text_of(selection(here).chosen_id)


def selection(here: Here) -> Selection:
    """The choice of the next token at the step in view, with the view's settings."""
    return select(here.trace.logits, settings(here.view), position=len(here.ids))


def go_to(index: int) -> None:
    """Take all pages to the chip at `index`: a chosen token to the step at which it was chosen, a ghost token to the step
    behind it, a prompt token into focus at the step in view, the place of the next token back to the newest."""
    view = state.current()
    n_prompt = len(runtime.sequence(view).prompt)
    place_of_next = n_prompt + view.step
    if index < n_prompt:
        state.update(position=index)
    elif index < place_of_next:
        state.update(step=index - n_prompt, position=None)
    else:  # the chip of the next token stands before the ghosts, so a ghost's index is one more than its place
        state.update(step=index - n_prompt, position=None)
