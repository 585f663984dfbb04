"""The loop that writes: logits, one choice, one more token, again. (Radford et al. 2019, section 2.)

It keeps nothing between two steps but the token ids: the trace of one token more is the trace before plus one row, and the store
knows it. What was chosen is recorded, so that a replay or a branch starts from ids and never draws again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from gptcore.arguments import Ids, Number, Whole, at_least_one, check_ids, token_ids
from gptcore.errors import SamplingError, SequenceLengthError, TokenError
from gptcore.language_model import LanguageModel
from gptcore.model import check_length
from gptcore.run import Intervention
from gptcore.sampling import SamplingSettings, Selection, select
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace

Stopped = Literal["count", "end_of_text", "context_length"]


@dataclass(frozen=True, eq=False)
class Step:
    """One token chosen.

    trace: what the model did with the ids before the choice; its last logits are what was chosen from. settings: of the choice.
    token_id: the chosen token; rank: how many tokens were likelier; prob: the probability it was drawn with, after all cuts;
    base_prob: the model's own probability of it, at temperature 1. stopped: None while it goes on; on the last step "count"
    (max_new_tokens are there), "end_of_text" (the model ended the text) or "context_length" (the context is full).
    """

    trace: Trace
    settings: SamplingSettings
    token_id: int
    rank: int
    prob: float
    base_prob: float
    stopped: Stopped | None

    @property
    def position(self) -> int:
        """Where the chosen token stands in the sequence."""
        return self.trace.n_tokens

    @property
    def ids(self) -> tuple[int, ...]:
        """The sequence with the chosen token."""
        return (*self.trace.ids, self.token_id)

    @property
    def selection(self) -> Selection:
        """The choice with all its stages. It is made anew when asked for (it only hangs on logits, settings and position): kept
        for each of a thousand steps, its arrays would fill gigabytes."""
        return select(self.trace.logits, self.settings, self.position)


def prompt_ids(tokenizer: Tokenizer, text: str) -> tuple[tuple[int, ...], bool]:
    """The token ids of a prompt, and whether a start token was put in because the prompt is empty.

    GPT-2 has no start token of its own: in training the end-of-text token stood between two texts, so a new text begins behind it.
    A model whose makers name another begins with that.
    Raises TokenError for an empty prompt if there is neither.
    """
    if text:
        return tokenizer.encode(text), False
    if tokenizer.start_id is None:
        raise TokenError(
            "The prompt is empty, and this vocabulary has no end-of-text token to begin with; type at least one character."
        )
    return tokenizer.start_ids or (tokenizer.start_id,), True


def generate(
    language_model: LanguageModel,
    prompt: str | Ids,
    *,
    temperature: Number = 1.0,
    top_k: Whole | None = None,
    top_p: Number = 1.0,
    min_p: Number = 0.0,
    seed: Whole = 0,
    max_new_tokens: Whole = 50,
    stop_at_end_of_text: bool = True,
    intervention: Intervention | None = None,
) -> Iterator[Step]:
    """Continue a prompt (text or token ids) one token at a time; the last step says why it is the last.

    The same model, prompt, settings and intervention give the same text; with another intervention the draws are made with the same
    random numbers, so what differs is the model. Wrong arguments raise at the call, not at the first step: SamplingError
    for a setting outside its range or less than one token to choose, SequenceLengthError for a prompt that is longer than the
    context length or fills it (or for no ids), TokenError for an id outside the vocabulary, OutOfRangeError for an intervention where the model or
    the prompt has nothing.
    """
    settings = SamplingSettings(temperature, top_k, top_p, min_p, seed)
    n_new = at_least_one("max_new_tokens", max_new_tokens, SamplingError, "ask for at least 1 token, as a whole number")
    ids = prompt_ids(language_model.tokenizer, prompt)[0] if isinstance(prompt, str) else token_ids(prompt)
    check_length(len(ids), language_model.config.context_length)
    if len(ids) == language_model.config.context_length:
        raise SequenceLengthError(
            f"The prompt's {len(ids):,} tokens fill this model's context length, so there is no place for a new token; shorten the text."
        )
    check_ids(ids, language_model.config.vocab_size)
    if intervention is not None:
        intervention.check_fits(language_model.config, len(ids))
    ends = language_model.tokenizer.end_ids if stop_at_end_of_text else ()
    return steps(language_model, ids, settings, len(ids) + n_new, ends, intervention)


def steps(
    language_model: LanguageModel,
    ids: tuple[int, ...],
    settings: SamplingSettings,
    until: int,
    ends: Collection[int],
    intervention: Intervention | None = None,
) -> Iterator[Step]:
    """Trace, choose, append, until there are `until` tokens, one of `ends` was chosen, or the context is full."""
    stopped: Stopped | None = None
    while stopped is None:
        trace = language_model.trace(ids, intervention)
        choice = select(trace.logits, settings, position=len(ids))
        ids = (*ids, choice.chosen_id)
        if choice.chosen_id in ends:
            stopped = "end_of_text"
        elif len(ids) == language_model.config.context_length:
            stopped = "context_length"
        elif len(ids) == until:
            stopped = "count"
        yield Step(trace, settings, choice.chosen_id, choice.chosen_rank, choice.chosen_prob, choice.chosen_base_prob, stopped)
