"""The vocabulary of a model folder: its tokens, and every setting of its tokenizer that changes which ids a text becomes.

Two layouts are published. The newer is tokenizer.json (https://github.com/huggingface/tokenizers); the older is vocab.json with
merges.txt. Where a folder has both, the newer counts, as in transformers. Beside either may lie tokenizer_config.json. A file of
tiktoken's ranks (*.tiktoken) alone is read too; it has no settings.

Honoured:
  add_prefix_space     of tokenizer_config.json, else of tokenizer.json's pre_tokenizer
  added words          tokenizer.json's added_tokens, tokenizer_config.json's added_tokens_decoder, added_tokens.json: one that is not
                       special is one token wherever it stands in a text, the longest first, "normalized" ones after the others.
                       Special ones are never read out of text, since a text that somebody types is plain text
  a start token        tokenizer.json's post_processor; in the older layout add_bos_token and bos_token
  pre-split            ByteLevel, or Split by GPT-2's own pattern and then ByteLevel
  single bytes         a vocabulary may lack some of the 256; a text that needs one of those is refused when it is encoded
  unreachable tokens   those that no merge makes keep the text that they stand for
Refused by name: a normalizer, another pre-split, decoder or model than byte-level BPE; dropout, a prefix or suffix of subwords, byte
fallback, ignored merges; single_word, lstrip or rstrip of an added word that is not special; an end token after every text
(add_eos_token, or of a post_processor); in the older layout a tokenizer_class that is not GPT-2's.
Without a meaning here: truncation, padding, unk_token (a missing byte is refused), model_max_length, trim_offsets, errors.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gptcore.errors import CheckpointError
from gptcore.folders import (
    ADDED_TOKENS,
    CONFIG,
    GENERATION_CONFIG,
    SPECIAL_TOKENS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    read_json,
    read_text,
)  # fmt: skip

END_OF_TEXT = "<|endoftext|>"

# GPT-2's pre-split: contractions, words, numbers, other signs (each with at most one space before), white space.
PRE_SPLIT = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_PRE_SPLIT_AS_PUBLISHED = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_MOST_UNREACHABLE = 16  # or half a percent of the tokens; more of them means that the list of merges was cut off
_OLDER_CLASSES = (None, "GPT2Tokenizer", "GPT2TokenizerFast")
_NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class AddedWord:
    """A word that was added to a vocabulary, and is one token wherever it stands. late: looked for after those that are not."""

    text: str
    id: int
    late: bool


@dataclass(frozen=True)
class Vocabulary:
    """ranks: the bytes of each token that merges make -> its id, in the order of the merges; special: the name of every other token
    -> its id; words: the added ones that are looked for in text, their ids among `special` (or `ranks`, for one that was there).

    start_ids: in front of every text; prefix_space: whether a text begins with a space if it has none; end_of_text: the name of the
    token that ends a text, as far as the tokenizer says.
    """

    ranks: dict[bytes, int]
    special: dict[str, int]
    words: tuple[AddedWord, ...] = ()
    start_ids: tuple[int, ...] = ()
    prefix_space: bool = False
    end_of_text: str = END_OF_TEXT


def read_vocabulary(folder: Path, vocab_size: int | None = None) -> Vocabulary:
    """The vocabulary of a folder, with exactly one token for each id below vocab_size, the model's.

    Rows of the model that the vocabulary does not name (some models are padded) become `<|unused_50257|>`; tokens without a row, with
    which it cannot have been trained, are left out.
    Raises CheckpointError that says what is missing, unreadable, does not fit, or is not done here.
    """
    try:
        found = _read(folder)
        return _fit(found, len(found.ranks) + len(found.special) if vocab_size is None else vocab_size)
    except (OSError, ValueError, CheckpointError) as error:
        raise CheckpointError(f"The vocabulary in {folder} cannot be used: {str(error).rstrip('.')}.") from error


def _read(folder: Path) -> Vocabulary:
    vocab_path, merges_path = folder / "vocab.json", folder / "merges.txt"
    settings = read_json(folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    if (folder / TOKENIZER).is_file():
        return _newer(read_json(folder / TOKENIZER), settings)
    if vocab_path.is_file() and merges_path.is_file():
        lines = read_text(merges_path).split("\n")
        merges = [line.split(" ") for line in lines[lines[0].startswith("#version") :] if line]
        added = read_json(folder / ADDED_TOKENS) if (folder / ADDED_TOKENS).is_file() else {}
        named = read_json(folder / SPECIAL_TOKENS) if (folder / SPECIAL_TOKENS).is_file() else {}
        return _older(read_json(vocab_path), merges, added, {**named, **settings})
    if ranks_paths := sorted(folder.glob("*.tiktoken")):
        pairs = [line.split() for line in read_text(ranks_paths[0]).splitlines() if line]
        ranks = {b64decode(token): int(rank) for token, rank in pairs}
        return Vocabulary(ranks, {END_OF_TEXT: len(ranks)})
    raise ValueError("it needs tokenizer.json, or vocab.json and merges.txt, or one file that ends in .tiktoken")


def _newer(said: Mapping[str, Any], settings: Mapping[str, Any]) -> Vocabulary:
    """From tokenizer.json."""
    try:
        model, split = said["model"], _pre_split(said.get("pre_tokenizer"))
        wrong = [
            *_other("model.", model, {"type": ("BPE",), **_PLAIN_BPE}),
            *_other("", said, {"normalizer": (None, {"type": "Sequence", "normalizers": []})}),
            *_other("decoder.", said.get("decoder") or {}, {"type": (None, "ByteLevel")}),
        ]
        if wrong:
            raise ValueError(f"{TOKENIZER} asks for another tokenizer than GPT-2's byte-level BPE: {'; '.join(wrong)}")
        merges = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        added = [*(said.get("added_tokens") or ()), *_decoder_tokens(settings)]
        ranks, special = _ranks_from_merges(
            dict(model["vocab"]), merges, {token["content"]: token["id"] for token in reversed(added)}
        )
        words = _words(added, _named(settings))
        start_ids = _template_ids(said.get("post_processor"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{TOKENIZER} does not have the parts of a tokenizer: {error!r}") from error
    return Vocabulary(ranks, special, words, start_ids, _flag(settings, "add_prefix_space", split), _end_name(settings))


# What the model of a tokenizer.json may say besides its tokens and merges.
_PLAIN_BPE: dict[str, tuple[Any, ...]] = {
    "dropout": (None, 0, 0.0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "byte_fallback": (None, False),
    "ignore_merges": (None, False),
}


def _other(prefix: str, said: Mapping[str, Any], allowed: Mapping[str, tuple[Any, ...]]) -> list[str]:
    """What is said beyond what is allowed, by name."""
    return [f"{prefix}{key} is {said[key]!r:.80}" for key, values in allowed.items() if key in said and said[key] not in values]


def _pre_split(said: Any) -> bool:
    """Whether the pre-split adds a space in front; ValueError if it is not GPT-2's."""
    steps = [said] if said and said.get("type") != "Sequence" else list((said or {}).get("pretokenizers", ()))
    first = {key: value for key, value in steps[0].items() if key != "trim_offsets"} if steps else {}
    own = {"type": "Split", "behavior": "Isolated", "invert": False}
    if len(steps) == 2 and any(first == {**own, "pattern": {"Regex": p}} for p in (PRE_SPLIT, _PRE_SPLIT_AS_PUBLISHED)):
        if (
            steps[1].get("type") == "ByteLevel"
            and steps[1].get("use_regex", True) is False
            and not steps[1].get("add_prefix_space")
        ):
            return False
    elif len(steps) == 1 and first.get("type") == "ByteLevel" and first.get("use_regex", True) is True:
        return bool(first.get("add_prefix_space", False))
    raise ValueError(f"{TOKENIZER}'s pre_tokenizer is {said!r:.200}; only GPT-2's byte-level pre-split is done here")


def _template_ids(said: Any) -> tuple[int, ...]:
    """The ids that a post-processor puts in front of a text; ValueError if it does anything else to it."""
    ids: tuple[int, ...] = ()
    for step in said["processors"] if said and said["type"] == "Sequence" else [said] if said else []:
        if step["type"] == "TemplateProcessing":
            kinds = [next(iter(part)) for part in step["single"]]
            if kinds[-1:] != ["Sequence"] or kinds.count("Sequence") != 1:
                raise ValueError(f"{TOKENIZER}'s post_processor puts a token after every text, which then could not be continued")
            names = [part["SpecialToken"]["id"] for part in step["single"][:-1]]
            ids += tuple(i for name in names for i in step["special_tokens"][name]["ids"])
        elif step["type"] != "ByteLevel":
            raise ValueError(
                f"{TOKENIZER}'s post_processor is {step['type']!r:.80}; only a token in front of a text is done here"
            )
    return ids


def _older(vocab: Mapping[str, Any], merges: Sequence[Any], added: Mapping[str, Any], settings: Mapping[str, Any]) -> Vocabulary:
    """From vocab.json and merges.txt, with what lies beside them."""
    wrong = _other("", settings, {"tokenizer_class": _OLDER_CLASSES, "add_eos_token": (None, False)})
    if wrong:
        raise ValueError(f"{TOKENIZER_CONFIG} asks for what is not done here: {'; '.join(wrong)}")
    tokens = [*_decoder_tokens(settings), *({"content": text, "id": token_id} for text, token_id in added.items())]
    ranks, special = _ranks_from_merges(vocab, merges, {token["content"]: token["id"] for token in reversed(tokens)})
    start_ids: tuple[int, ...] = ()
    if _flag(settings, "add_bos_token", False):
        name = _content(settings.get("bos_token")) or END_OF_TEXT
        known = {**vocab, **special}
        if name not in known:
            raise ValueError(f"{TOKENIZER_CONFIG} asks for bos_token {name!r:.80} in front of a text, which is no token")
        start_ids = (known[name],)
    prefix_space = _flag(settings, "add_prefix_space", False)
    return Vocabulary(ranks, special, _words(tokens, _named(settings)), start_ids, prefix_space, _end_name(settings))


def _decoder_tokens(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The added tokens that tokenizer_config.json lists, in the form of tokenizer.json's."""
    listed = settings.get("added_tokens_decoder") or {}
    try:
        return [{**token, "content": token["content"], "id": int(token_id)} for token_id, token in listed.items()]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{TOKENIZER_CONFIG}'s added_tokens_decoder cannot be read: {error!r}") from error


def _named(settings: Mapping[str, Any]) -> set[str]:
    """The texts of the tokens that a tokenizer_config.json or special_tokens_map.json calls special."""
    more = [settings.get(key) or () for key in ("additional_special_tokens", "extra_special_tokens")]
    values = [settings.get(key) for key in _NAMED_TOKENS]
    values += [value for some in more for value in (some.values() if isinstance(some, dict) else some)]
    return {END_OF_TEXT, *(text for value in values if (text := _content(value)))}


def _content(token: Any) -> str | None:
    """The text of a token that is written as a text or as an object with one."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _end_name(settings: Mapping[str, Any]) -> str:
    return _content(settings.get("eos_token")) or END_OF_TEXT


def _flag(settings: Mapping[str, Any], key: str, otherwise: bool) -> bool:
    value = settings.get(key)
    if value not in (None, True, False):
        raise ValueError(f"{TOKENIZER_CONFIG}'s {key} is {value!r:.80}; it must be true or false")
    return otherwise if value is None else bool(value)


def _words(added: Iterable[Mapping[str, Any]], special: set[str]) -> tuple[AddedWord, ...]:
    """The added tokens that are looked for in text; ValueError for an option that is not done here."""
    words: dict[str, AddedWord] = {}
    for token in added:
        text = token["content"]
        if not isinstance(text, str) or token.get("special") or text in special or not text or text in words:
            continue
        if options := [key for key in ("single_word", "lstrip", "rstrip") if token.get(key)]:
            raise ValueError(f"its added word {text!r:.80} asks for {', '.join(options)}, which is not done here")
        words[text] = AddedWord(text, token["id"], bool(token.get("normalized", True)))
    return tuple(words.values())


def byte_alphabet() -> dict[str, int]:
    """The printable character by which GPT-2's vocabulary files write each byte -> the byte.

    Printable Latin-1 stands for itself; the other bytes are moved up to 256 and beyond, in order.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    alphabet = {chr(byte): byte for byte in printable}
    for shift, byte in enumerate(byte for byte in range(256) if byte not in set(printable)):
        alphabet[chr(256 + shift)] = byte
    return alphabet


def _ranks_from_merges(
    vocab: Mapping[str, Any], merges: Sequence[Any], added: Mapping[str, Any]
) -> tuple[dict[bytes, Any], dict[str, Any]]:
    """(bytes -> rank, special token -> id) of GPT-2's vocabulary; ValueError if its parts do not fit each other.

    tiktoken merges in the order of the ids, GPT-2 in the order of the merges: both must be the same order.
    """
    alphabet = byte_alphabet()

    def to_bytes(written: str) -> bytes:
        return bytes(alphabet[c] for c in written)

    single = [char for char in alphabet if char in vocab]
    try:
        for first, second in merges:
            if first not in vocab or second not in vocab:
                raise ValueError(f"{first!r:.40} and {second!r:.40}, which are merged, but are not both tokens")
        merged = [first + second for first, second in merges]
        ranks = {to_bytes(token): vocab[token] for token in (*single, *merged)}
        order = [vocab[token] for token in dict.fromkeys(merged)]
        in_order = order == sorted(order)
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"its tokens and its merges do not fit each other at {error}") from error
    if not in_order:
        raise ValueError("it numbers its tokens in another order than it merges them; GPT-2's does not")
    if not ranks:
        raise ValueError("it has no token that text could become")
    learned = {*single, *merged}
    words = [
        token for token in vocab if token not in learned and token not in added and token[:1] + token[-1:] not in ("<>", "[]")
    ]
    if len(words) > max(_MOST_UNREACHABLE, len(vocab) // 200):
        raise ValueError(
            f"no merge makes {len(words):,} of its {len(vocab):,} tokens, {words[0]!r:.40} among them: merges are missing"
        )
    unreachable = {_text_of(token, alphabet): token_id for token, token_id in vocab.items() if token not in learned}
    return ranks, unreachable | {token: token_id for token, token_id in added.items() if token not in learned}


def _text_of(written: str, alphabet: Mapping[str, int]) -> str:
    """What a token stands for, if that is text; else as it is written."""
    try:
        return bytes(alphabet[c] for c in written).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return written


def _fit(found: Vocabulary, size: int) -> Vocabulary:
    """The vocabulary with one token for each id below size; ValueError if that cannot be."""
    ids = [*found.ranks.values(), *found.special.values()]
    if not all(type(i) is int and i >= 0 for i in ids) or len(set(ids)) < len(ids):
        raise ValueError("its ids must be whole numbers from 0, each for one token")
    if (largest := max(found.ranks.values())) >= size:
        raise ValueError(f"its token {largest} is beyond the model's {size:,} tokens; the two do not belong together")
    special = {token: token_id for token, token_id in found.special.items() if token_id < size}
    named = {*found.ranks.values(), *special.values()}
    special |= {f"<|unused_{i}|>": i for i in range(size) if i not in named}
    words = tuple(word for word in found.words if word.id < size)  # with the others the model cannot have been trained
    for word in words:
        if special.get(word.text, found.ranks.get(word.text.encode("utf-8", "replace"))) != word.id:
            raise ValueError(f"its added word {word.text!r:.80} has the id {word.id} of another token")
    if beyond := [i for i in found.start_ids if not 0 <= i < size]:
        raise ValueError(f"its start token {beyond[0]} is beyond the model's {size:,} tokens")
    return replace(found, special=special, words=words)


def read_ends(folder: Path, vocab_size: int) -> tuple[tuple[int, ...], int | None]:
    """(ids that end a text, id that an empty text begins with), as far as generation_config.json or config.json says (the first that
    does counts). An id that the model has no row for is never met, and left out.

    Raises CheckpointError for a value that is no token id.
    """
    ends: list[int] = []
    start: int | None = None
    for name in (CONFIG, GENERATION_CONFIG):
        said = read_json(folder / name) if (folder / name).is_file() else {}
        for key in ("eos_token_id", "bos_token_id"):
            value = said.get(key)
            ids = value if isinstance(value, list) and key == "eos_token_id" else [] if value is None else [value]
            if not all(type(i) is int for i in ids):
                raise CheckpointError(f"{folder / name}: {key} is {value!r:.80}; it must be the number of a token.")
            if known := [i for i in ids if 0 <= i < vocab_size]:
                ends, start = (known, start) if key == "eos_token_id" else (ends, known[0])
    return tuple(ends), start
