"""Text <-> token ids <-> bytes, and why a word was cut where it was.

Byte-level byte-pair encoding as in Radford et al. 2019, section 2.2 (byte-pair encoding: Sennrich et al. 2016,
https://arxiv.org/abs/1508.07909). tiktoken does the work; this module builds its encodings and explains its cuts.
"""

from __future__ import annotations

import json
import unicodedata
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import regex
import tiktoken

from gptcore.errors import CheckpointError, TokenError

END_OF_TEXT = "<|endoftext|>"

# GPT-2's pre-split: contractions, words, numbers, other signs (each with at most one space before), white space.
PRE_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


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
    """A byte-level BPE vocabulary: `encode`, `decode`, and what each token is."""

    def __init__(self, encoding: tiktoken.Encoding) -> None:
        self._encoding = encoding
        self._ranks: dict[bytes, int] = encoding._mergeable_ranks
        self.vocab_size = encoding.n_vocab
        self.end_of_text_id: int | None = encoding._special_tokens.get(END_OF_TEXT)

    @classmethod
    def gpt2(cls) -> Tokenizer:
        """GPT-2's own encoding, from tiktoken's cache or, the first time, from the network.

        Raises CheckpointError if neither has it.
        """
        try:
            return cls(tiktoken.get_encoding("gpt2"))
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a spoilt cache file is a ValueError
            raise CheckpointError(
                "GPT-2's vocabulary is not on this machine and could not be fetched "
                f"({type(error).__name__}). Go online once, or point TIKTOKEN_CACHE_DIR at a folder that has it."
            ) from error

    @classmethod
    def from_folder(cls, folder: str | Path, vocab_size: int | None = None) -> Tokenizer:
        """The vocabulary of a model folder: vocab.json with merges.txt, or tokenizer.json, or tiktoken's ranks (*.tiktoken).

        vocab_size is that of the model. Rows of the model that the vocabulary does not name (some models are padded) become
        `<|unused_50257|>`, and special tokens that the model has no row for are left out: no text is ever encoded to either.
        Raises CheckpointError if the files are missing, unreadable, do not fit each other or the model.
        """
        folder = Path(folder)
        try:
            ranks, special = _read_vocabulary(folder)
            special = _fit(ranks, special, vocab_size)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"The vocabulary in {folder} cannot be used: {error}.") from error
        return cls(tiktoken.Encoding(folder.name, pat_str=PRE_SPLIT, mergeable_ranks=ranks, special_tokens=special))

    def encode(self, text: str) -> tuple[int, ...]:
        """Text to token ids. A special token typed as text is plain text. No text, no tokens."""
        return tuple(self._encoding.encode_ordinary(text))

    def decode(self, ids: Sequence[int]) -> str:
        """Token ids to text; bytes that are no character become the replacement character."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """Token ids to the exact bytes they stand for. Raises TokenError for an id outside the vocabulary."""
        return b"".join(self.bytes_of(i) for i in ids)

    def bytes_of(self, token_id: int) -> bytes:
        """The bytes of one token. Raises TokenError for an id outside the vocabulary."""
        try:
            return self._encoding.decode_single_token_bytes(token_id)
        except (KeyError, OverflowError, TypeError) as error:
            raise TokenError(
                f"Token id {token_id} is not in this vocabulary of {self.vocab_size:,} (0 to {self.vocab_size - 1})."
            ) from error

    def id_of(self, piece: bytes) -> int | None:
        """The token that stands for exactly these bytes (`<|endoftext|>` for that token); None if the vocabulary has none."""
        return self._ranks.get(piece, self._encoding._special_tokens.get(piece.decode("utf-8", errors="replace")))

    def text_of(self, token_id: int) -> str:
        """The token as visible text: `␣cat`, `↵`, `⟨F0 9F⟩`."""
        return visible(self.bytes_of(token_id))

    def vocabulary(self) -> tuple[str, ...]:
        """The visible text of every token, by id."""
        return tuple(self.text_of(i) for i in range(self.vocab_size))

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """Each token with its bytes, visible text and the characters it covers."""
        pieces = [self.bytes_of(i) for i in ids]
        spans = _character_spans(pieces)
        return tuple(
            Token(token_id, piece, self.text_of(token_id), start, end)
            for token_id, piece, (start, end) in zip(ids, pieces, spans, strict=True)
        )

    def pre_split(self, text: str) -> tuple[str, ...]:
        """The pieces that no merge may cross: the first cut that byte-pair encoding makes."""
        return tuple(regex.findall(self._encoding._pat_str, _whole_characters(text)))

    def merges(self, piece: str) -> tuple[Merge, ...]:
        """How one pre-split piece becomes tokens: from single bytes, the pair of lowest rank first, until none is left."""
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
    bytes that are no whole character in hexadecimal, `⟨E2 80⟩`."""
    out: list[str] = []
    for char, broken in _characters(piece):
        if broken:
            out.append(f"⟨{broken.hex(' ').upper()}⟩")
        elif char in _MARKS:
            out.append(_MARKS[char])
        elif unicodedata.category(char) in _INVISIBLE:
            out.append(f"⟨U+{ord(char):04X}⟩")
        else:
            out.append(char)
    return "".join(out)


_MARKS = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}
_INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Zs", "Zl", "Zp"}


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
            width = _broken_width(original[len(char_of_byte) :])
        char_of_byte.extend([index] * width)
    spans, offset = [], 0
    for piece in pieces:
        end = offset + len(piece)
        spans.append((char_of_byte[offset], char_of_byte[end - 1] + 1) if piece else (0, 0))
        offset = end
    return spans


def _broken_width(data: bytes) -> int:
    """How many bytes at the start of `data` Python's decoder replaces by one character."""
    try:
        data[:4].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end - error.start
    return 1


def _byte_alphabet() -> dict[str, int]:
    """The printable character by which GPT-2's vocabulary files write each byte -> the byte.

    Printable Latin-1 stands for itself; the other bytes are moved up to 256 and beyond, in order.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    alphabet = {chr(byte): byte for byte in printable}
    for shift, byte in enumerate(byte for byte in range(256) if byte not in set(printable)):
        alphabet[chr(256 + shift)] = byte
    return alphabet


def _whole_characters(text: str) -> str:
    """The text with each half of a surrogate pair, which is no character, replaced: as tiktoken does before it encodes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_vocabulary(folder: Path) -> tuple[dict[bytes, Any], dict[str, Any]]:
    """(bytes -> rank, special token -> id) from whichever files there are; ValueError if they are none or make no sense."""
    vocab_path, merges_path, one_path = (folder / name for name in ("vocab.json", "merges.txt", "tokenizer.json"))
    if vocab_path.is_file() and merges_path.is_file():
        lines = merges_path.read_text("utf-8").split("\n")
        merges = [line.split(" ") for line in lines[lines[0].startswith("#version") :] if line]
        added_path = folder / "added_tokens.json"
        added = _json_object(added_path) if added_path.is_file() else {}
        return _ranks_from_merges(_json_object(vocab_path), merges, added)
    if one_path.is_file():
        return _ranks_from_tokenizer(_json_object(one_path))
    if ranks_paths := sorted(folder.glob("*.tiktoken")):
        pairs = [line.split() for line in ranks_paths[0].read_text("ascii").splitlines() if line]
        ranks = {b64decode(token): int(rank) for token, rank in pairs}
        return ranks, {END_OF_TEXT: len(ranks)}
    raise ValueError("it needs vocab.json and merges.txt, or tokenizer.json, or one file that ends in .tiktoken")


def _json_object(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return content


def _ranks_from_tokenizer(said: Mapping[str, Any]) -> tuple[dict[bytes, Any], dict[str, Any]]:
    """As `_ranks_from_merges`, from the one file that newer programs write instead of the two."""
    try:
        model, split = said["model"], said["pre_tokenizer"] or {}
        kind = (model["type"], split.get("type"), split.get("use_regex", True), said.get("normalizer"))
        if kind != ("BPE", "ByteLevel", True, None):
            raise ValueError("tokenizer.json describes another tokenizer than GPT-2's, which is byte-level BPE and nothing else")
        merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        added = {token["content"]: token["id"] for token in said.get("added_tokens") or ()}
        vocab = dict(model["vocab"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"tokenizer.json does not have the parts of a tokenizer: {error}") from error
    return _ranks_from_merges(vocab, merges, added)


def _ranks_from_merges(
    vocab: Mapping[str, Any], merges: Sequence[Any], added: Mapping[str, Any]
) -> tuple[dict[bytes, Any], dict[str, Any]]:
    """(bytes -> rank, special token -> id) of GPT-2's vocabulary; ValueError if its parts do not fit each other.

    tiktoken merges in the order of the ids, GPT-2 in the order of the merges: both must be the same order.
    """
    alphabet = _byte_alphabet()

    def to_bytes(written: str) -> bytes:
        return bytes(alphabet[c] for c in written)

    try:
        merged = [first + second for first, second in merges]
        ranks = {to_bytes(token): vocab[token] for token in (*alphabet, *merged)}
        order = [vocab[token] for token in dict.fromkeys(merged)]
        in_order = order == sorted(order)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"its tokens and its merges do not fit each other at {error}") from error
    if not in_order:
        raise ValueError("it numbers its tokens in another order than it merges them; GPT-2's does not")
    learned = {*alphabet, *merged}
    return ranks, {token: token_id for token, token_id in {**vocab, **added}.items() if token not in learned}


def _fit(ranks: Mapping[bytes, Any], special: Mapping[str, Any], vocab_size: int | None) -> dict[str, int]:
    """The special tokens that, with the ranks, give each id below vocab_size one token; ValueError if that cannot be."""
    ids = [*ranks.values(), *special.values()]
    if not all(type(i) is int and i >= 0 for i in ids) or len(set(ids)) < len(ids):
        raise ValueError("its ids must be whole numbers from 0, each for one token")
    size = len(ids) if vocab_size is None else vocab_size
    if (largest := max(ranks.values())) >= size:
        raise ValueError(f"its token {largest} is beyond the model's {size:,} tokens; the two do not belong together")
    kept = {token: token_id for token, token_id in special.items() if token_id < size}
    named = {*ranks.values(), *kept.values()}
    return kept | {f"<|unused_{i}|>": i for i in range(size) if i not in named}
