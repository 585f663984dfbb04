"""A question about the next token, from the model that the teacher's session runs."""

from __future__ import annotations

from collections import Counter

from app import choices, guesses, runtime, sequence, state, tellings
from app.room.questions import FREE, GUESS, NEXT_TOKEN, Asked, Guessable
from app.room.questions import ask as open_question
from app.room.room import Room
from app.runtime import Here
from app.shell import navigation

LIKELY = 3  # tokens offered
UNLIKELY = (12, 40)  # the ranks of two more
PASSAGE = 400  # characters of the text's end that followers read
OTHER = "Something else"


def ask(room: Room, kind: str) -> None:
    """Open a guess and turn the teacher's page to where nothing gives the answer away. Raises GPTCoreError for a text that the model
    cannot take."""
    if kind not in (GUESS, FREE):
        return
    here = runtime.here()
    if here.is_full:
        state.notify(f"The text fills the context of {here.config.context_length:,} tokens: no token follows. Shorten it to ask.")
        return
    guesses.forget(here)
    state.take(guesses.PART, "guess")
    navigation.want(choices.WRITE_PART.name)
    tellings.stay()
    open_question(room, free(here) if kind == FREE else offered(here))


def offered(here: Here) -> Asked:
    """The likeliest tokens, two that are less so, and something else."""
    choice, text_of = sequence.selection(here), here.model.tokenizer.text_of
    ids = guesses.offered(here, choice, LIKELY, UNLIKELY)
    words = [guesses.word(text_of(token)) for token in ids]
    alike = Counter(words)
    options = [word if alike[word] == 1 else text_of(token) for word, token in zip(words, ids, strict=True)]
    probability = dict(zip(choice.token_ids.tolist(), choice.base_probs.tolist(), strict=True))
    model = [probability[token] for token in ids]
    right = ids.index(choice.chosen_id) if choice.chosen_id in ids else len(ids)
    probabilities = (*model, max(0.0, 1 - sum(model)))
    return Asked(
        GUESS, NEXT_TOKEN, (*options, OTHER), _passage(here), right, probabilities, text_of(choice.chosen_id), text=here.run
    )  # fmt: skip


def free(here: Here) -> Asked:
    """Any token of the vocabulary."""
    choice, tokenizer = sequence.selection(here), here.model.tokenizer
    probability = dict(zip(choice.token_ids.tolist(), choice.base_probs.tolist(), strict=True))
    vocabulary = Guessable(
        lambda word: int(tokenizer.encode_text(f" {word}")[0]), tokenizer.text_of, probability.__getitem__,
        [int(token) for token in choice.token_ids[:100]], choice.chosen_id,
    )  # fmt: skip
    return Asked(
        FREE, NEXT_TOKEN, passage=_passage(here), chosen=tokenizer.text_of(choice.chosen_id), vocabulary=vocabulary, text=here.run
    )


def _passage(here: Here) -> str:
    text = here.model.tokenizer.decode(here.ids)
    return text if len(text) <= PASSAGE else f"… {text[-PASSAGE:]}"
