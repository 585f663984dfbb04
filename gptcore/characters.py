"""A vocabulary of single characters: every character of a text is a token, and nothing else is."""

from __future__ import annotations

from gptcore.errors import TokenError
from gptcore.tokenizer import Tokenizer
from gptcore.vocabulary import Vocabulary


def character_tokenizer(characters: str) -> Tokenizer:
    """Token ids by the order of the characters. There is no end-of-text token and no merge; other characters have no token.

    Raises TokenError for no character at all, for one that is given twice, and for one outside ASCII (it would be several bytes).
    """
    if not characters or len(set(characters)) < len(characters) or not characters.isascii():
        raise TokenError(f"{characters!r} cannot be a vocabulary: it needs ASCII characters, each once.")
    return Tokenizer(Vocabulary({character.encode(): i for i, character in enumerate(characters)}, {}), name="characters")


def characters_of(text: str) -> str:
    """The characters of a text, each once, in order of their code."""
    return "".join(sorted(set(text)))
