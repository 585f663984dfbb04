"""A vocabulary of single characters: every character of a text is a token, and nothing else is."""

from __future__ import annotations

import regex
import tiktoken

from gptcore.errors import TokenError
from gptcore.tokenizer import PRE_SPLIT, Tokenizer, visible


class CharacterTokenizer(Tokenizer):
    """Token ids by the order of the characters. There is no end-of-text token and no merge; other characters have no token.

    Raises TokenError for no character at all, for one that is given twice, and for one outside ASCII (it would be several bytes).
    """

    def __init__(self, characters: str) -> None:
        if not characters or len(set(characters)) < len(characters) or not characters.isascii():
            raise TokenError(f"{characters!r} cannot be a vocabulary: it needs ASCII characters, each once.")
        self.characters = characters
        ranks = {character.encode(): token_id for token_id, character in enumerate(characters)}
        super().__init__(tiktoken.Encoding("characters", pat_str=PRE_SPLIT, mergeable_ranks=ranks, special_tokens={}))
        self._unknown = regex.compile(f"[^{regex.escape(characters, special_only=False)}]")

    def encode(self, text: str) -> tuple[int, ...]:
        """One id per character. Raises TokenError naming the characters that have none."""
        if unknown := sorted(set(self._unknown.findall(text))):
            named = " ".join(visible(c.encode("utf-8", "surrogatepass")) for c in unknown[:10])
            raise TokenError(
                f"This model knows {len(self.characters)} characters, and not {named}; leave out what it cannot read. "
                f"It knows: {visible(self.characters.encode())}"
            )
        return super().encode(text)


def characters_of(text: str) -> str:
    """The characters of a text, each once, in order of their code."""
    return "".join(sorted(set(text)))
