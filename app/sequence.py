"""The sequence in view: its chips, and the choice of what follows."""

from __future__ import annotations

from app import runtime
from app.asked import probabilities
from app.components.next_token import is_hidden
from app.components.timeline import Chip
from app.recent import MB, keeping
from app.runtime import Here
from app.state import View
from app.writing.markup import code
from app.writing.numbers import percent
from gptcore.run import Run
from gptcore.sampling import SamplingSettings, Selection, select


def settings(view: View) -> SamplingSettings:
    """The sampling settings of a view."""
    return SamplingSettings(view.temperature, view.top_k, view.top_p, view.min_p, view.seed)


def timeline_chips(here: Here, *, guessing: bool = False) -> list[Chip]:
    """The whole sequence as chips: prompt, chosen, the place of the next token; guessing: which it is must not be seen yet."""
    n_prompt = len(here.sequence.prompt)
    given = runtime.token_probabilities(here.run)
    chips = [
        Chip(token_id, text, "prompt" if i < n_prompt else "chosen", float(given[i - 1]) if i else None)
        for i, (token_id, text) in enumerate(zip(here.ids, here.tokens, strict=True))
    ]
    if here.is_full:
        return [*chips, Chip(-1, "full", "next")]
    if guessing or is_hidden("next_token", len(here.ids)):
        return [*chips, Chip(-1, "?", "next")]
    chosen = here.model.tokenizer.text_of(selection(here).chosen_id)
    return [*chips, Chip(-1, chosen, "next", says="likeliest" if here.view.temperature == 0 else "drawn")]


def says_drawn(here: Here, likeliest: int) -> str:
    """A sentence for what speaks of the likeliest next token, where the text above shows another one, which was drawn; else ""."""
    if here.is_full or is_hidden("next_token", len(here.ids)) or (drawn := selection(here).chosen_id) == likeliest:
        return ""
    share = float(probabilities(here.trace.logits)[drawn])
    return f" The text above shows {code(here.model.tokenizer.text_of(drawn))} instead: it was drawn, with a probability of {percent(share)}."


def selection(here: Here) -> Selection:
    """The choice of the token that follows the whole sequence, with the view's settings; shared, not to be changed."""
    return _selection(here.run, settings(here.view))


@keeping(32 * MB)
def _selection(run: Run, chosen_settings: SamplingSettings) -> Selection:
    """Made once for all who ask in a run of the script: the chips of the bar and of the page, the panel, the step itself."""
    return select(runtime.trace(run).logits, chosen_settings, position=len(run.ids))
