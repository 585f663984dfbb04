"""What if one token were another: exchanged in place, what follows it stays. The text is the new one on every page, until one goes back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app import choices, runtime, state
from app.asked import probabilities
from app.runtime import Here
from gptcore.errors import GPTCoreError, TokenError
from gptcore.generation import prompt_ids
from gptcore.input_effects import what_if
from gptcore.run import Run

ALTERNATIVES = 8


class Exchanged(NamedTuple):
    """What was exchanged: the position, the token that stood there, and the run of the text as it was."""

    position: int
    before: int
    run: Run


def exchanged(here: Here) -> Exchanged | None:
    """What the view says was exchanged in this text; None where nothing was, or where it does not fit."""
    said = state.chosen(choices.EXCHANGED)
    if not said:
        return None
    position, token_id = map(int, said.split("."))
    if position >= len(here.ids) or token_id >= here.config.vocab_size or here.ids[position] == token_id:
        return None
    return Exchanged(position, token_id, Run(here.run.model, what_if(here.ids, position, token_id), here.run.intervention))


def alternatives(here: Here) -> list[tuple[int, float]]:
    """The likeliest other tokens at the cursor, with their probabilities; none for the first token, which nothing predicts."""
    place = here.position
    if place == 0:
        return []
    probs = probabilities(here.trace.logits_at([place - 1])[0])
    order = np.argsort(-probs, kind="stable")[: ALTERNATIVES + 1].tolist()
    return [(token, float(probs[token])) for token in order if token != here.ids[place]][:ALTERNATIVES]


def put(token_id: int) -> None:
    """Put a token in the place of the one at the cursor. Exchanged once more in the same place, the first one is what one goes back to."""
    here = runtime.here()
    if token_id == here.ids[here.position]:
        return
    known = exchanged(here)
    place = here.position
    before = known.before if known and known.position == place else here.ids[place]
    _write(here, what_if(here.ids, place, token_id), place)
    state.take(choices.EXCHANGED, "" if before == token_id else f"{place}.{before}")


def put_text(text: str) -> None:
    """As `put`, with a token as it is typed. Raises TokenError for what is no single token of this vocabulary."""
    here = runtime.here()
    tokenizer = here.model.tokenizer
    spaced = here.tokens[here.position].startswith("␣") and not text.startswith(" ")
    for typed in ([f" {text}"] if spaced else []) + [text]:
        if len(ids := tokenizer.encode(typed)) == 1:
            put(ids[0])
            return
    pieces = " ".join(tokenizer.text_of(i) for i in tokenizer.encode(f" {text}" if spaced else text))
    raise TokenError(
        f"{text!r:.40} is {pieces:.60}, which is not one token; type a word that is one, so that what follows keeps its place."
    )


def go_back() -> None:
    """The token that stood there before."""
    here = runtime.here()
    if (known := exchanged(here)) is not None:
        _write(here, known.run.ids, here.position)
    state.take(choices.EXCHANGED, "")


def forget() -> None:
    """The new text is the text from here on."""
    state.take(choices.EXCHANGED, "")


def _write(here: Here, ids: tuple[int, ...], position: int) -> None:
    """Make these ids the text in view: as a prompt as far as its letters give them, the rest as chosen tokens."""
    prompt, n_prompt = here.view.prompt, len(here.sequence.prompt)
    if ids[:n_prompt] != here.sequence.prompt:
        n_prompt, prompt = _as_prompt(here, ids, n_prompt)
    state.update(prompt=prompt, chosen=ids[n_prompt:], intervention=here.view.intervention)
    state.update(position=None if position == len(ids) - 1 else position)


def _as_prompt(here: Here, ids: tuple[int, ...], longest: int) -> tuple[int, str]:
    """How many of the ids a prompt gives, and the prompt. Raises TokenError where not even the first token comes of one."""
    tokenizer = here.model.tokenizer
    for count in range(longest, 0, -1):
        text = tokenizer.decode(ids[:count])
        try:
            if text and prompt_ids(tokenizer, text)[0] == ids[:count]:
                return count, text
        except GPTCoreError:
            continue
    raise TokenError(
        f"{tokenizer.text_of(ids[0])} cannot begin a text here, since no letters give this token alone; take another one."
    )


def ripple(here: Here, known: Exchanged) -> np.ndarray:
    """How many bits more surprising each token after the exchanged one has become."""
    after, before = (
        np.log2(np.maximum(runtime.token_probabilities(run)[known.position :], 1e-300)) for run in (here.run, known.run)
    )
    return np.asarray(before - after)
