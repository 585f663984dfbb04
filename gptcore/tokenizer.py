"""Text <-> token ids <-> bytes, and why a word was cut where it was.

Byte-level byte-pair encoding as in Radford et al. 2019, section 2.2 (byte-pair encoding: Sennrich et al. 2016,
https://arxiv.org/abs/1508.07909). tiktoken does the work; this module builds its encodings and explains its cuts.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import regex
import tiktoken

from gptcore.arguments import Ids, Whole, check_id, check_ids
from gptcore.errors import CheckpointError, TokenError
from gptcore.folders import cached_folder
from gptcore.vocabulary import END_OF_TEXT, PRE_SPLIT, Vocabulary, read_ends, read_vocabulary

_GPT2_FILES = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main"  # as in tiktoken_ext.openai_public
_GPT2_MODEL = "openai-community/gpt2"  # on the hub
MOST_MERGED = 2048  # bytes of a piece whose merges are listed: the lists grow with the square, here to some 30 MB
_MOST_AT_ONCE = 100_000  # characters
_SPLITTER = regex.compile(PRE_SPLIT)


@dataclass(frozen=True)
class Token:
    """One token of a sequence.

    id: its number in the vocabulary; bytes: what it stands for; text: those bytes made visible (space, newline and broken bytes
    too); start, end: the characters of the decoded text that its bytes belong to, wholly or in part.
    """

    id: int
    bytes: bytes
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Merge:
    """One step of byte-pair encoding: the two neighbours with the lowest rank become one.

    parts: all parts after the step; rank: the rank of the merge (lower is earlier); index: where in `parts` the new one stands.
    """

    parts: tuple[bytes, ...]
    rank: int
    index: int


class Tokenizer:
    """A byte-level BPE vocabulary: `encode`, `decode`, and what each token is.

    vocab_size: its tokens; start_ids: those in front of every encoded text (none in GPT-2's); end_ids: those that end a text, and
    end_of_text_id, the first of them; added_words: texts that are one token each, wherever they stand; prefix_space: whether a text
    begins with a space if it has none. Which settings of a published tokenizer count is said in `gptcore.vocabulary`.
    """

    def __init__(self, vocabulary: Vocabulary, end_ids: Sequence[int] = (), start_id: int | None = None, name: str = "") -> None:
        """end_ids, start_id: none of them is found among the special tokens by the name that the vocabulary gives the end of a text."""
        self._made_of = vocabulary, tuple(end_ids), start_id, name
        self._ranks, special = vocabulary.ranks, vocabulary.special
        self._encoding = tiktoken.Encoding(name, pat_str=PRE_SPLIT, mergeable_ranks=self._ranks, special_tokens=special)
        self._bytes = [b""] * (len(self._ranks) + len(special))
        for piece, token_id in (*self._ranks.items(), *((text.encode("utf-8"), i) for text, i in special.items())):
            self._bytes[token_id] = piece
        self.vocab_size = len(self._bytes)
        self.start_ids, self.prefix_space = vocabulary.start_ids, vocabulary.prefix_space
        words = sorted(vocabulary.words, key=lambda word: -len(word.text))
        self.added_words = {word.text: word.id for word in words}
        self._special = set(special.values()) - set(self.added_words.values())
        self._finders = [_finder(some) for late in (False, True) if (some := [w.text for w in words if w.late is late])]
        self._lacking = {byte for byte in range(256) if bytes([byte]) not in self._ranks}
        named = special.get(vocabulary.end_of_text, special.get(END_OF_TEXT))
        self.end_ids = tuple(end_ids) or (() if named is None else (named,))
        self.end_of_text_id: int | None = next(iter(self.end_ids), None)
        self._start_id = None if start_id == self.end_of_text_id else start_id

    def __reduce__(self) -> tuple[Any, ...]:
        return Tokenizer, self._made_of

    @property
    def start_id(self) -> int | None:
        """What an empty prompt begins with: the model's own start, else the end of a text, after which another begins."""
        return next(iter(self.start_ids), self.end_of_text_id) if self._start_id is None else self._start_id

    @classmethod
    def gpt2(cls) -> Tokenizer:
        """GPT-2's own encoding, from tiktoken's cache or, the first time, from the network.

        Raises CheckpointError if neither has it.
        """
        try:
            encoding = tiktoken.get_encoding("gpt2")
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a spoilt cache file is a ValueError
            raise CheckpointError(
                "GPT-2's vocabulary is not on this machine and could not be fetched "
                f"({type(error).__name__}). Go online once, or point TIKTOKEN_CACHE_DIR at a folder that has it."
            ) from error
        return cls(Vocabulary(encoding._mergeable_ranks, encoding._special_tokens), name="gpt2")

    @classmethod
    def gpt2_at_hand(cls) -> Tokenizer | None:
        """As `gpt2`, but never from the network: None where neither tiktoken nor a download of GPT-2 left the vocabulary here."""
        place = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
        folder = Path(tempfile.gettempdir(), "data-gym-cache") if place is None else Path(place)
        # tiktoken keeps what it fetched under the hash of its address; an empty place means that it keeps nothing.
        names = [hashlib.sha1(f"{_GPT2_FILES}/{name}".encode(), usedforsecurity=False) for name in ("vocab.bpe", "encoder.json")]
        if place != "" and all((folder / name.hexdigest()).is_file() for name in names):
            return cls.gpt2()
        published = cached_folder(_GPT2_MODEL)
        return None if published is None else cls.from_folder(published)

    @classmethod
    def from_folder(cls, folder: str | Path, vocab_size: int | None = None) -> Tokenizer:
        """The vocabulary of a model folder: tokenizer.json, or vocab.json with merges.txt, or tiktoken's ranks (*.tiktoken).

        vocab_size is that of the model. Which token ends a text, and which begins one, is what generation_config.json and config.json
        say (in this order), then the tokenizer's own settings.
        Raises CheckpointError if the files are missing, unreadable, do not fit each other or the model, or ask for what is not done
        here.
        """
        folder = Path(folder)
        vocabulary = read_vocabulary(folder, vocab_size)
        end_ids, start_id = read_ends(folder, len(vocabulary.ranks) + len(vocabulary.special))
        return cls(vocabulary, end_ids, start_id, folder.name)

    def encode(self, text: str) -> tuple[int, ...]:
        """Text to token ids, `start_ids` in front. A special token typed as text is plain text. No text, no further tokens.

        Raises TokenError for text with a byte that the vocabulary has no token for.
        """
        return (*self.start_ids, *self.encode_text(text))

    def encode_text(self, text: str) -> tuple[int, ...]:
        """The ids of the text alone, without those that stand in front of every text."""
        ids: list[int] = []
        for part, word_id in self._parts(text):
            ids += self._encode_plain(part) if word_id is None else [word_id]
        return tuple(ids)

    def encode_piece(self, piece: str) -> tuple[int, ...]:
        """The ids of one piece of `pre_split`, as they stand in the encoded text."""
        return (self.added_words[piece],) if piece in self.added_words else tuple(self._encode_plain(piece))

    def _parts(self, text: str) -> Iterator[tuple[str, int | None]]:
        """The added words in the text with their ids, and what lies between them, with a space in front where that belongs there."""
        parts: list[tuple[str, int | None]] = [(text, None)]
        for finder in self._finders:
            parts = [
                piece
                for part, word_id in parts
                for piece in ([(part, word_id)] if word_id is not None else self._found(finder, part))
            ]
        for part, word_id in parts:
            if part and word_id is None and self.prefix_space and not part.startswith(" "):
                part = " " + part
            if part:
                yield part, word_id

    def _found(self, finder: regex.Pattern[str], text: str) -> list[tuple[str, int | None]]:
        return [(part, self.added_words[part] if i % 2 else None) for i, part in enumerate(finder.split(text))]

    def _encode_plain(self, text: str) -> list[int]:
        if self._lacking and (lacking := self._lacking.intersection(_whole_characters(text).encode("utf-8"))):
            raise TokenError(self._without(text, lacking))
        if len(text) <= _MOST_AT_ONCE:
            return self._encoding.encode_ordinary(text)
        # tiktoken's regular expressions end in a panic at some hundred thousand spaces; its merges do not.
        encode = self._encoding._core_bpe.encode_single_piece
        return [i for match in _SPLITTER.finditer(_whole_characters(text)) for i in encode(match[0].encode("utf-8"))]

    def _without(self, text: str, lacking: set[int]) -> str:
        char = next(c for c in _whole_characters(text) if lacking.intersection(c.encode("utf-8")))
        byte = next(b for b in char.encode("utf-8") if b in lacking)
        return (
            f"This vocabulary has no token for the byte {byte:02X}, which is in {visible(char.encode('utf-8'))!r}; leave that "
            f"character out ({len(self._lacking)} of the 256 bytes are lacking)."
        )

    def decode(self, ids: Ids) -> str:
        """Token ids to text; bytes that are no character become the replacement character."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Ids) -> bytes:
        """Token ids to the exact bytes they stand for. Raises TokenError for an id outside the vocabulary."""
        return b"".join(self._bytes[i] for i in check_ids(ids, self.vocab_size))

    def bytes_of(self, token_id: Whole) -> bytes:
        """The bytes of one token. Raises TokenError for an id outside the vocabulary."""
        return self._bytes[check_id(token_id, self.vocab_size)]

    def is_special(self, token_id: int) -> bool:
        """Whether no text is ever encoded to this token."""
        return token_id in self._special

    def text_of(self, token_id: Whole) -> str:
        """The token as visible text: `␣cat`, `↵`, `⟨F0 9F⟩`."""
        return visible(self.bytes_of(token_id))

    def vocabulary(self) -> tuple[str, ...]:
        """The visible text of every token, by id."""
        return tuple(visible(piece) for piece in self._bytes)

    def tokens(self, ids: Ids) -> tuple[Token, ...]:
        """Each token with its bytes, visible text and the characters it covers."""
        ids = check_ids(ids, self.vocab_size)
        pieces = [self._bytes[i] for i in ids]
        spans = _character_spans(pieces)
        return tuple(
            Token(token_id, piece, self.text_of(token_id), start, end)
            for token_id, piece, (start, end) in zip(ids, pieces, spans, strict=True)
        )

    def pre_split(self, text: str) -> tuple[str, ...]:
        """The pieces that no merge may cross: the first cut that byte-pair encoding makes. An added word is a piece of its own."""
        parts = self._parts(_whole_characters(text))
        return tuple(piece for part, word_id in parts for piece in ([part] if word_id is not None else _SPLITTER.findall(part)))

    def merges(self, piece: str) -> tuple[Merge, ...]:
        """How one pre-split piece becomes tokens: from single bytes, the pair of lowest rank first, until none is left.

        An added word is not merged. Each step lists all parts: raises TokenError for a piece of more than MOST_MERGED bytes.
        """
        if piece in self.added_words:
            return ()
        if (n_bytes := len(_whole_characters(piece).encode("utf-8"))) > MOST_MERGED:
            raise TokenError(f"The piece has {n_bytes:,} bytes; merges are listed for up to {MOST_MERGED:,}. Take a shorter one.")
        parts = [bytes([b]) for b in _whole_characters(piece).encode("utf-8")]
        steps: list[Merge] = []
        while (best := self._best_merge(parts)) is not None:
            rank, index = best
            parts[index : index + 2] = [parts[index] + parts[index + 1]]
            steps.append(Merge(tuple(parts), rank, index))
        return tuple(steps)

    def merge_rank(self, first: bytes, second: bytes) -> int | None:
        """The rank of the merge that joins two neighbours; None if the vocabulary has none."""
        return self._ranks.get(first + second)

    def _best_merge(self, parts: Sequence[bytes]) -> tuple[int, int] | None:
        ranked = [(rank, i) for i, pair in enumerate(pairwise(parts)) if (rank := self.merge_rank(*pair)) is not None]
        return min(ranked, default=None)


def visible(piece: bytes) -> str:
    """Bytes as text on which everything can be seen: space `␣`, newline `↵`, tab `⇥`, other invisibles by code point, and
    bytes that are no whole character in hexadecimal, `⟨E2 80⟩`.

    A combining mark stands on the character before it, as in writing; by code point where it has none in these bytes.
    """
    if piece.isascii() and (text := piece.decode("ascii")).isprintable():  # most of a vocabulary
        return text.replace(" ", _MARKS[" "])
    out: list[str] = []
    carries = False  # whether the last character can bear a mark
    for char, broken in _characters(piece):
        kind = "" if broken else unicodedata.category(char)
        is_mark = kind.startswith("M")
        if broken:
            out.append(f"⟨{broken.hex(' ').upper()}⟩")
        elif char in _MARKS:
            out.append(_MARKS[char])
        elif kind in _INVISIBLE or _BLANK.fullmatch(char) or (is_mark and not carries):
            out.append(f"⟨U+{ord(char):04X}⟩")
        else:
            out.append(char)
        carries = out[-1] == char
    return "".join(out)


_MARKS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
_INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Zs", "Zl", "Zp"}
# Letters, marks and signs that are drawn as nothing: what Unicode calls default ignorable (variation selectors, fillers), and blanks.
_BLANK = regex.compile(r"[\p{Default_Ignorable_Code_Point}\u2800\U0001D159\U00013441\U00013442]")


def _characters(piece: bytes) -> Iterator[tuple[str, bytes]]:
    """(character, b"") for whole characters, ("", bytes) for each longest run of bytes that are none."""
    position, broken = 0, b""
    while position < len(piece):
        for length in (1, 2, 3, 4):
            try:
                char = piece[position : position + length].decode("utf-8")
            except UnicodeDecodeError:
                continue
            if broken:
                yield "", broken
                broken = b""
            yield char, b""
            position += length
            break
        else:
            broken += piece[position : position + 1]
            position += 1
    if broken:
        yield "", broken


def _character_spans(pieces: Sequence[bytes]) -> list[tuple[int, int]]:
    """For each piece the range of characters (of all pieces decoded together) that it touches."""
    text = b"".join(pieces).decode("utf-8", errors="replace")
    original = b"".join(pieces)
    char_of_byte: list[int] = []
    index = 0
    for index, char in enumerate(text):
        width = len(char.encode("utf-8"))
        if char == "�" and original[len(char_of_byte) : len(char_of_byte) + 3] != b"\xef\xbf\xbd":
            # One replacement character stands for the longest start of a character that broke off: Python's rule.
            width = _broken_width(original[len(char_of_byte) : len(char_of_byte) + 4])
        char_of_byte.extend([index] * width)
    spans, offset = [], 0
    for piece in pieces:
        end = offset + len(piece)
        spans.append((char_of_byte[offset], char_of_byte[end - 1] + 1) if piece else (0, 0))
        offset = end
    return spans


def _broken_width(data: bytes) -> int:
    """How many bytes at the start of `data` (at most 4) Python's decoder replaces by one character."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end - error.start
    return 1


def _whole_characters(text: str) -> str:
    """The text with each half of a surrogate pair, which is no character, replaced: as tiktoken does before it encodes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _finder(words: Iterable[str]) -> regex.Pattern[str]:
    """Splits a text at these words, of which an earlier one is preferred where several begin."""
    return regex.compile(f"({'|'.join(map(regex.escape, words))})")
