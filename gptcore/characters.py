"""A vocabulary of single characters: every character of a text is a token, and nothing else is."""

from __future__ import annotations

import re
import unicodedata

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


def kind_of(sign: str) -> str:
    """Of a character: "vowel", "consonant", "capital" or "sign"."""
    if not sign.isalpha():
        return "sign"
    return "capital" if sign.isupper() else "vowel" if sign in "aeiou" else "consonant"


# What printing puts in the place of ASCII's signs.
_PRINTED = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
        "\u2014": "--",
        "\u2013": "-",
        "\u2026": "...",
        "\u00df": "ss",
        "\u00e6": "ae",
        "\u00c6": "AE",
        "\u0153": "oe",
        "\u0152": "OE",
    }
)
_GAP = re.compile(r"\n[ \t]*\n\s*")
_BREAK = re.compile(r"[ \t]*\n[ \t]*|[ \t]+")


def plain_text(text: str) -> str:
    """A text in ASCII, a line per paragraph and an empty one between them: printed quotes, dashes and ligatures become typed ones,
    accents go, other signs are left out."""
    plain = unicodedata.normalize("NFKD", text.replace("\r\n", "\n").replace("\r", "\n").translate(_PRINTED))
    kept = "".join(sign for sign in plain if sign.isascii() and (sign.isprintable() or sign in "\n\t"))
    paragraphs = (_BREAK.sub(" ", part).strip() for part in _GAP.split(kept))
    return "\n\n".join(part for part in paragraphs if part)
