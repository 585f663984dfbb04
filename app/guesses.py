"""What a visitor guessed, before the model's answer was shown; kept in the session alone."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from app import choices, runtime, sequence, state
from app.runtime import Here
from gptcore.errors import GPTCoreError
from gptcore.sampling import Selection

PART = choices.WRITE_PART
OTHER = -1  # "something else", which names nothing and so is never right
TOLD = -2  # no guess: the answer was asked for
MOST = 100  # guesses that are kept
NEAR = 200  # ranks within which a word is looked for
_WORD = re.compile(r"␣[^\W\d_]{2,}")


class Guess(NamedTuple):
    """token: the id that was guessed, OTHER or TOLD; was_right: whether the model then wrote it."""

    token: int
    was_right: bool


def _kept() -> dict[tuple[str, tuple[int, ...]], Guess]:
    kept: dict[tuple[str, tuple[int, ...]], Guess] = state.remembered("guesses", {})
    return kept


def _key(here: Here) -> tuple[str, tuple[int, ...]]:
    return here.model.identity, here.ids


def of(here: Here) -> int | None:
    """The id that was guessed after this text, OTHER for something else, TOLD where the answer was asked for, None if nothing was."""
    found = _kept().get(_key(here))
    return None if found is None else found.token


def make(here: Here, token: int) -> None:
    """Guess the token after this text; a first guess stands."""
    kept = _kept()
    if _key(here) in kept:
        return
    was_right = token == sequence.selection(here).chosen_id
    state.remember("guesses", dict([*kept.items(), (_key(here), Guess(token, was_right))][-MOST:]))


def make_word(here: Here, word: str) -> None:
    """Guess a word: its first token, with the space before it that words have inside a text."""
    if text := word.strip():
        make(here, here.model.tokenizer.encode_text(f" {text}")[0])


def forget(here: Here) -> None:
    """The token after this text is to be guessed again."""
    state.remember("guesses", {key: guess for key, guess in _kept().items() if key != _key(here)})


def offered(here: Here, choice: Selection, likely: int, unlikely: Sequence[int]) -> list[int]:
    """Ids to choose from: so many of the likeliest, and words at some lower ranks; by their texts, so that the order gives nothing
    away."""
    ids: set[int] = set(choice.token_ids[:likely].tolist())
    for at in unlikely:
        near = [each for each in choice.token_ids[at:][:NEAR].tolist() if each not in ids]
        ids.add(_word_from(here, near or choice.token_ids[-1:].tolist()))
    return sorted(ids, key=lambda token: here.model.tokenizer.text_of(token).lower())


def _word_from(here: Here, ids: Sequence[int]) -> int:
    """The first whole word of these, as nobody would choose a lone letter or half a word; the first if none is one."""
    return next((token for token in ids if _WORD.fullmatch(here.model.tokenizer.text_of(token))), ids[0])


def word(text: str) -> str:
    """A token as a word to choose: its space is drawn where there is nothing else to see."""
    return text.removeprefix("␣") or text


def rank(choice: Selection, token: int) -> int | None:
    """The place of a guess among the candidates, None for what names none."""
    found = (choice.token_ids == token).nonzero()[0]
    return int(found[0]) if len(found) else None


def count() -> int:
    """How many guesses were made."""
    return sum(guess.token != TOLD for guess in _kept().values())


def rounds() -> int:
    """How many times an answer was shown, guessed or not."""
    return len(_kept())


def right() -> int:
    """How many of them the model then wrote."""
    return sum(guess.was_right for guess in _kept().values())


def is_open(here: Here) -> bool:
    """Whether the token after this text is being guessed: then nothing may give it away."""
    return state.remembered("page", "") == PART.name and state.chosen(PART) == "guess" and of(here) is None and not here.is_full


def is_hidden(run: Hashable) -> bool:
    """Whether nothing that this visitor is shown tells which token follows the text of this run (`Here.run`)."""
    try:
        here = runtime.here()
    except GPTCoreError:  # nothing of a text is shown
        return True
    return here.run == run and is_open(here)
