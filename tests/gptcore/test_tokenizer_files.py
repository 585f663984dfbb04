"""A tokenizer's files: what fits together is read, anything else refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiktoken

from gptcore.errors import CheckpointError
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from gptcore.vocabulary import END_OF_TEXT


def write_vocabulary(folder: Path, vocab: Any, merges: str) -> None:
    (folder / "vocab.json").write_text(vocab if isinstance(vocab, str) else json.dumps(vocab), "utf-8")
    (folder / "merges.txt").write_text(merges, "utf-8")


@pytest.fixture
def learned(tmp_path: Path) -> tuple[Path, dict[str, int], str]:
    """A folder with a good vocabulary of 320 tokens, and what its two files hold."""
    train_vocabulary([Path(__file__).read_text("utf-8")], 320, tmp_path)
    return tmp_path, json.loads((tmp_path / "vocab.json").read_text("utf-8")), (tmp_path / "merges.txt").read_text("utf-8")


def swapped(vocab: dict[str, int]) -> dict[str, int]:
    """The last two merges with each other's number."""
    by_id = {i: token for token, i in vocab.items()}
    return vocab | {by_id[317]: 318, by_id[318]: 317}


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda vocab, merges: (vocab, merges + "qq zz\n"), "do not fit each other"),
        (lambda vocab, merges: (vocab, merges + "one\n"), "do not fit each other"),
        (lambda vocab, merges: ({t: i for t, i in vocab.items() if t != "e"}, merges), "do not fit each other"),
        (lambda vocab, merges: (vocab, merges[: len(merges) // 2].rsplit("\n", 1)[0]), "no merge makes .* merges are missing"),
        (lambda vocab, merges: (swapped(vocab), merges), "another order"),
        (lambda vocab, merges: (vocab | {END_OF_TEXT: 5}, merges), "each for one token"),
        (lambda vocab, merges: (vocab | {END_OF_TEXT: -1}, merges), "each for one token"),
        (lambda vocab, merges: (vocab | {"A": "B"}, merges), "each for one token"),
        (lambda vocab, merges: ([1, 2], merges), "a JSON object"),
        (lambda vocab, merges: ("{", merges), "cannot be used"),
    ],
)
def test_a_vocabulary_that_does_not_fit_together_is_refused(
    learned: tuple[Path, dict[str, int], str], spoil: Callable[[Any, str], tuple[Any, str]], told: str
) -> None:
    folder, vocab, merges = learned
    write_vocabulary(folder, *spoil(vocab, merges))
    with pytest.raises(CheckpointError, match=told):
        Tokenizer.from_folder(folder)


def test_a_folder_without_a_vocabulary_says_which_files_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"vocab\.json and merges\.txt"):
        Tokenizer.from_folder(tmp_path)


def test_a_vocabulary_larger_than_the_model_is_refused(learned: tuple[Path, dict[str, int], str]) -> None:
    with pytest.raises(CheckpointError, match="beyond the model's 300 tokens"):
        Tokenizer.from_folder(learned[0], 300)


def test_rows_of_a_padded_model_have_a_name_and_are_never_encoded_to(learned: tuple[Path, dict[str, int], str]) -> None:
    padded = Tokenizer.from_folder(learned[0], 384)
    assert (padded.vocab_size, padded.end_of_text_id) == (384, 319)
    assert padded.vocabulary()[320] == "<|unused_320|>"
    assert max(padded.encode("<|unused_320|>")) < 319


def test_added_tokens_keep_their_name_unless_the_model_has_no_row_for_them(learned: tuple[Path, dict[str, int], str]) -> None:
    (learned[0] / "added_tokens.json").write_text('{"<|pad|>": 320}', "utf-8")
    assert Tokenizer.from_folder(learned[0], 321).vocabulary()[320] == "<|pad|>"
    assert Tokenizer.from_folder(learned[0], 320).vocab_size == 320


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"model": [], "pre_tokenizer": None},
        {"model": {"type": "WordPiece", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}},
        {"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Whitespace"}},
        {
            "model": {"type": "BPE", "vocab": {}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel"},
            "normalizer": {"type": "NFC"},
        },
        {"model": {"type": "BPE", "vocab": {}, "merges": [1]}, "pre_tokenizer": {"type": "ByteLevel"}},
        {"model": {"type": "BPE", "vocab": [1], "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}},
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(tmp_path: Path, said: dict[str, Any]) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(CheckpointError):
        Tokenizer.from_folder(tmp_path)


def test_gpt2_without_cache_and_without_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    with pytest.raises(CheckpointError, match="TIKTOKEN_CACHE_DIR"):
        Tokenizer.gpt2()
