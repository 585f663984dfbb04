"""The sequence in view: its chips, and the choice of what follows."""

from __future__ import annotations

from app import runtime
from app.components.next_token import is_hidden
from app.components.timeline import Chip
from app.recent import MB, keeping
from app.runtime import Here
from app.state import View
from gptcore.run import Run
from gptcore.sampling import SamplingSettings, Selection, select


def settings(view: View) -> SamplingSettings:
    """The sampling settings of a view."""
    return SamplingSettings(view.temperature, view.top_k, view.top_p, view.min_p, view.seed)


def timeline_chips(here: Here, *, guessing: bool = False) -> list[Chip]:
    """The whole sequence as chips: prompt, chosen, the place of the next token; guessing: which it is must not be seen yet."""
    n_prompt = len(here.sequence.prompt)
    probabilities = runtime.token_probabilities(here.run)
    chips = [
        Chip(token_id, text, "prompt" if i < n_prompt else "chosen", float(probabilities[i - 1]) if i else None)
        for i, (token_id, text) in enumerate(zip(here.ids, here.tokens, strict=True))
    ]
    return [*chips, Chip(-1, "?" if guessing else _next_text(here), "next")]


def _next_text(here: Here) -> str:
    """What stands in the place of the next token: the one that these settings choose, unless it is being guessed."""
    if here.is_full:
        return "full"
    if is_hidden("next_token", len(here.ids)):
        return "?"
    return here.model.tokenizer.text_of(selection(here).chosen_id)


def selection(here: Here) -> Selection:
    """The choice of the token that follows the whole sequence, with the view's settings; shared, not to be changed."""
    return _selection(here.run, settings(here.view))


@keeping(32 * MB)
def _selection(run: Run, chosen_settings: SamplingSettings) -> Selection:
    """Made once for all who ask in a run of the script: the chips of the bar and of the page, the panel, the step itself."""
    return select(runtime.trace(run).logits, chosen_settings, position=len(run.ids))
