"""The choice of the next token, to be taken in the hand: bars, sliders, and the strip with the dart.

Python decides (gptcore/sampling.py); choice/select.js mirrors it, so that a drag redraws within a frame over the whole vocabulary. The
logits travel once a step with the panel, by token id, and are put in order there; what a slider changes travels by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from app import messages, state
from app.components import component, in_planes, pack
from app.components.choice import let_go
from app.components.vocabulary import shelve
from gptcore.sampling import Selection


def next_token(
    *,
    key: str,
    model_name: str,
    choice: Selection,
    labels: Sequence[str],
    n_tokens: int,
    on_settings: Callable[[dict[str, Any]], object],
    on_choose: Callable[[int], object],
    disabled: bool = False,
    followed: int | None = None,
) -> None:
    """Draw the choice of the token that follows `n_tokens` tokens.

    model_name: whose vocabulary (components/vocabulary) has the texts; labels: texts of the best candidates, in their order, for
    the time before that has arrived; on_settings: called with temperature, top_k (None: all), top_p, min_p and seed when a slider
    is let go; on_choose: called with the id of a candidate that was clicked; disabled: nothing can be chosen (the sequence is full, or
    the next token is the prompt's own), the sliders still move; followed: id of the token that follows in the text, if one does.
    """
    guess = _guess(key)
    said = {
        "n_tokens": n_tokens,
        "settings": asdict(choice.settings),
        "u": choice.u,
        "guess_first": guess["first"],
        "revealed": guess["revealed"] == n_tokens,
        "disabled": disabled,
        "followed": followed,
    }
    shelve(f"{key}:said", said, key=f"{key}_said")
    data = pack(
        {"said": f"{key}:said", "model": model_name, "labels": list(labels), "n_tokens": n_tokens},
        logits=in_planes(by_token(choice)),
    )

    def settings_changed() -> None:
        if settings := let_go(key, "settings"):
            on_settings(asdict(settings))

    def chosen() -> None:
        value = messages.record(state.component_value(key, "choose"))
        token_id = messages.index(value.get("id"), len(choice.token_ids))
        if not disabled and token_id is not None and value.get("length") == n_tokens:  # else it was made for an older step
            on_choose(token_id)

    def guessed() -> None:
        if value := messages.record(state.component_value(key, "guess")):
            revealed = messages.whole(value.get("revealed"), 0, n_tokens)
            state.remember(f"{key}_guess", {"first": value.get("first") is True, "revealed": revealed})

    component("next_token")(
        key=key, data=data, on_settings_change=settings_changed, on_choose_change=chosen, on_guess_change=guessed
    )


def by_token(choice: Selection) -> np.ndarray:
    """The logits as the model, in float32, has made them: [vocab_size], by token id."""
    logits = np.empty(len(choice.token_ids), np.float32)
    logits[choice.token_ids] = choice.logits
    return logits


def is_hidden(key: str, n_tokens: int) -> bool:
    """Whether the class is still guessing the token that follows `n_tokens` tokens: then nothing else may give it away."""
    guess = _guess(key)
    return guess["first"] and guess["revealed"] != n_tokens


def _guess(key: str) -> dict[str, Any]:
    """first: whether the choice is hidden at every step until it is revealed; revealed: the `n_tokens` for which it has been."""
    guess: dict[str, Any] = state.remembered(f"{key}_guess", {"first": False, "revealed": None})
    return guess
