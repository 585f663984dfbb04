"""The tokenizer: GPT-2's own numbers, bytes that come back as they were, and cuts that are explained as they are made."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from gptcore.errors import TokenError
from gptcore.tokenizer import Tokenizer, visible
from gptcore.training.bpe import train_vocabulary
from gptcore.vocabulary import END_OF_TEXT

ROOT = Path(__file__).parents[2]
WORDS = """Every effort moves you unbelievable tokenization antidisestablishmentarianism Bundesgesundheitsministerium
 the  xylophone's they'll 2024 1234567 don't DON'T ... !!! naïve café 東京 привет 🙂 👩‍👩‍👧‍👦 'tis e.g. a/b http://x.y #hash @at snake_case
 camelCase SCREAMING""".split(" ")
TEXTS = [
    "",
    " ",
    "Hello, I am",
    "two  spaces   three\n\n\ttabs\r\n and  ",
    "I'll say it's 3.14159 'tis",
    "naïve café 東京 🙂 👩‍👩‍👧‍👦",
    "\x00\x07\x7f\u200b\u00a0\ufeff\u2028",
    "a" * 300,
    " " * 300,
]


@pytest.fixture(scope="module")
def gpt2_folder(gpt2_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GPT-2's vocab.json and merges.txt, which tiktoken keeps under the hash of their address."""
    cache = Path(os.environ.get("TIKTOKEN_CACHE_DIR") or ROOT.parent / "shared" / "tiktoken-cache")
    folder = tmp_path_factory.mktemp("gpt2")
    for path in cache.iterdir():
        content = path.read_bytes()
        if content.startswith(b"{"):
            (folder / "vocab.json").write_bytes(content)
        elif content.startswith(b"#version"):
            (folder / "merges.txt").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def small_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A vocabulary of 320 tokens, learned from this file: these tests run where GPT-2's is not at hand."""
    folder = tmp_path_factory.mktemp("small")
    train_vocabulary([Path(__file__).read_text("utf-8")], 320, folder)
    return Tokenizer.from_folder(folder)


def random_bytes(seed: int) -> bytes:
    source = random.Random(seed)
    alphabet = [b"a", b" ", b"\n", b"\xe2\x82\xac", b"\xf0\x9f\x99\x82", b"\xf0\x9f", b"\x80", b"\xff", b"\xc3", b"\xef\xbf\xbd"]
    return b"".join(source.choice(alphabet) for _ in range(source.randrange(1, 12)))


def random_text(seed: int) -> str:
    source = random.Random(seed)
    ranges = [(32, 127), (0, 32), (0xA0, 0x250), (0x400, 0x500), (0x4E00, 0x4F00), (0x1F600, 0x1F650), (0x200B, 0x2010)]
    return "".join(chr(source.randrange(*source.choice(ranges))) for _ in range(source.randrange(60)))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello, I am", (15496, 11, 314, 716)),
        ("Every effort moves you", (6109, 3626, 6100, 345)),
        ("Every day holds a", (6109, 1110, 6622, 257)),
    ],
)
def test_gpt2_gives_the_numbers_of_the_chapter(gpt2_tokenizer: Tokenizer, text: str, ids: tuple[int, ...]) -> None:
    assert gpt2_tokenizer.encode(text) == ids
    assert gpt2_tokenizer.decode(ids) == text


def test_gpt2_has_50257_tokens_of_which_the_last_ends_a_text(gpt2_tokenizer: Tokenizer) -> None:
    assert gpt2_tokenizer.vocab_size == 50257
    assert gpt2_tokenizer.end_of_text_id == 50256
    assert len(gpt2_tokenizer.vocabulary()) == 50257
    assert gpt2_tokenizer.vocabulary()[15496] == "Hello"


def test_the_two_files_of_a_model_folder_give_what_tiktoken_gives(gpt2_tokenizer: Tokenizer, gpt2_folder: Path) -> None:
    from_folder = Tokenizer.from_folder(gpt2_folder, 50257)
    assert from_folder.vocabulary() == gpt2_tokenizer.vocabulary()
    assert [from_folder.bytes_of(i) for i in range(50257)] == [gpt2_tokenizer.bytes_of(i) for i in range(50257)]
    for text in [*TEXTS, *WORDS, *map(random_text, range(300))]:
        assert from_folder.encode(text) == gpt2_tokenizer.encode(text)


def test_a_folder_that_transformers_wrote_gives_what_transformers_gives(gpt2_folder: Path, tmp_path: Path) -> None:
    vocab = json.loads((gpt2_folder / "vocab.json").read_text("utf-8"))
    merges = [tuple(line.split(" ")) for line in (gpt2_folder / "merges.txt").read_text("utf-8").split("\n")[1:] if line]
    theirs = transformers.GPT2Tokenizer(vocab=vocab, merges=merges)
    theirs.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).unlink(missing_ok=True)
    ours = Tokenizer.from_folder(tmp_path, 50257)
    assert ours.end_of_text_id == 50256
    for text in [*TEXTS, *WORDS, *map(random_text, range(100))]:
        assert list(ours.encode(text)) == theirs.encode(text)


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_exactly(small_tokenizer: Tokenizer, text: str) -> None:
    assert small_tokenizer.decode(small_tokenizer.encode(text)) == text


def test_random_text_and_random_bytes_come_back_exactly(small_tokenizer: Tokenizer) -> None:
    for seed in range(500):
        text = random_text(seed)
        assert small_tokenizer.decode_bytes(small_tokenizer.encode(text)) == text.encode("utf-8")
        data = random_bytes(seed)
        ids = [small_tokenizer._ranks[bytes([byte])] for byte in data]
        assert small_tokenizer.decode_bytes(ids) == data
        assert small_tokenizer.decode(ids) == data.decode("utf-8", errors="replace")


def test_no_text_is_no_tokens(small_tokenizer: Tokenizer) -> None:
    assert small_tokenizer.encode("") == ()
    assert small_tokenizer.decode(()) == ""
    assert small_tokenizer.tokens(()) == ()


def test_a_special_token_that_somebody_types_is_plain_text(small_tokenizer: Tokenizer, gpt2_tokenizer: Tokenizer) -> None:
    for tokenizer in (small_tokenizer, gpt2_tokenizer):
        ids = tokenizer.encode(f"a{END_OF_TEXT}b")
        assert tokenizer.end_of_text_id is not None
        assert tokenizer.end_of_text_id not in ids
        assert tokenizer.decode(ids) == f"a{END_OF_TEXT}b"
        assert tokenizer.decode((tokenizer.end_of_text_id,)) == END_OF_TEXT


def test_half_a_surrogate_pair_is_replaced_and_breaks_nothing(small_tokenizer: Tokenizer) -> None:
    ids = small_tokenizer.encode("a\ud83db")
    assert small_tokenizer.decode(ids) == "a\ufffdb"
    assert "".join(small_tokenizer.pre_split("a\ud83db")) == "a\ufffdb"
    assert small_tokenizer.merges("\ud83d") == small_tokenizer.merges("\ufffd")


@pytest.mark.parametrize("token_id", [-1, 320, 2**40])
def test_an_id_outside_the_vocabulary_is_refused_with_its_range(small_tokenizer: Tokenizer, token_id: int) -> None:
    with pytest.raises(TokenError, match=rf"{token_id} .*320 \(0 to 319\)"):
        small_tokenizer.decode((token_id,))


def test_the_pre_split_pieces_make_up_the_text_and_no_token_crosses_them(gpt2_tokenizer: Tokenizer) -> None:
    for text in [*TEXTS, *map(random_text, range(200))]:
        pieces = gpt2_tokenizer.pre_split(text)
        assert "".join(pieces) == text
        assert tuple(i for piece in pieces for i in gpt2_tokenizer.encode(piece)) == gpt2_tokenizer.encode(text)


def test_the_pre_split_cuts_words_numbers_and_signs_apart(gpt2_tokenizer: Tokenizer) -> None:
    assert gpt2_tokenizer.pre_split("It's 42,  ok!?") == ("It", "'s", " 42", ",", " ", " ok", "!?")


def test_the_last_merge_step_is_what_encode_gives(gpt2_tokenizer: Tokenizer) -> None:
    pieces = {piece for text in [*TEXTS, *WORDS, *map(random_text, range(100))] for piece in gpt2_tokenizer.pre_split(text)}
    assert len(pieces) > 200
    for piece in pieces:
        steps = gpt2_tokenizer.merges(piece)
        parts = steps[-1].parts if steps else tuple(bytes([byte]) for byte in piece.encode("utf-8"))
        assert parts == tuple(gpt2_tokenizer.bytes_of(i) for i in gpt2_tokenizer.encode(piece))


def test_each_merge_joins_two_neighbours_and_says_where(gpt2_tokenizer: Tokenizer) -> None:
    parts = tuple(bytes([byte]) for byte in b" unbelievable")
    for step in gpt2_tokenizer.merges(" unbelievable"):
        i = step.index
        assert step.parts == (*parts[:i], parts[i] + parts[i + 1], *parts[i + 2 :])
        assert gpt2_tokenizer.bytes_of(step.rank) == step.parts[i]
        parts = step.parts


def test_tokens_cover_the_text_without_a_gap(small_tokenizer: Tokenizer) -> None:
    for seed in range(500):
        ids = [small_tokenizer._ranks[bytes([byte])] for byte in random_bytes(seed)]
        text, tokens = small_tokenizer.decode(ids), small_tokenizer.tokens(ids)
        assert (tokens[0].start, tokens[-1].end) == (0, len(text))
        for token, following in pairwise(tokens):
            assert token.start < token.end
            assert following.start in (token.end, token.end - 1)  # the next character, or the same one if it is cut in two


def test_each_token_of_a_cut_character_covers_the_whole_character(small_tokenizer: Tokenizer) -> None:
    ids = [small_tokenizer._ranks[bytes([byte])] for byte in "a🙂b".encode()]
    tokens = small_tokenizer.tokens(ids)
    assert [(t.start, t.end) for t in tokens] == [(0, 1), (1, 2), (1, 2), (1, 2), (1, 2), (2, 3)]
    assert [t.text for t in tokens] == ["a", "⟨F0⟩", "⟨9F⟩", "⟨99⟩", "⟨82⟩", "b"]
    assert [t.id for t in tokens] == ids
    assert b"".join(t.bytes for t in tokens) == "a🙂b".encode()


@pytest.mark.parametrize(
    ("piece", "seen"),
    [
        (b" cat", "␣cat"),
        (b"\n\t\r", "↵⇥␍"),
        (b"\xe2\x80", "⟨E2 80⟩"),
        (b"\xa6a\xe2", "⟨A6⟩a⟨E2⟩"),
        ("\u200b\u00a0\x00".encode(), "⟨U+200B⟩⟨U+00A0⟩⟨U+0000⟩"),
        ("é🙂".encode(), "é🙂"),
        (b"<b>&$", "<b>&$"),
    ],
)
def test_everything_in_a_token_can_be_seen(piece: bytes, seen: str) -> None:
    assert visible(piece) == seen


def test_every_token_of_gpt2_has_a_text_of_its_own_on_which_something_can_be_seen(gpt2_tokenizer: Tokenizer) -> None:
    texts = gpt2_tokenizer.vocabulary()
    assert len(set(texts)) == 50257
    for text in texts:
        assert not unicodedata.category(text[0]).startswith(("M", "C", "Z")), repr(text)
        assert not any(unicodedata.category(char).startswith(("C", "Z")) for char in re.sub("⟨[^⟩]*⟩", "", text)), repr(text)
    assert [texts[i] for i in (37929, 48763, 24333)] == ["⟨U+FE0F⟩", "⟨U+0652⟩", "⟨U+064E⟩"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\ufe0f", "⟨U+FE0F⟩"),  # a variation selector
        ("❤\ufe0f", "❤⟨U+FE0F⟩"),
        ("\u0301", "⟨U+0301⟩"),  # an accent alone
        ("e\u0301", "e\u0301"),  # and on its letter
        ("e\u0301\u0323", "e\u0301\u0323"),
        (" \u0301", "␣⟨U+0301⟩"),
        ("\n\u0301\u0323", "↵⟨U+0301⟩⟨U+0323⟩"),
        ("\u093e", "⟨U+093E⟩"),  # a vowel sign
        ("\u0939\u093f", "\u0939\u093f"),
        ("\u20dd", "⟨U+20DD⟩"),  # an enclosing circle
        ("\u034f\u115f\u3164\uffa0\u2800", "⟨U+034F⟩⟨U+115F⟩⟨U+3164⟩⟨U+FFA0⟩⟨U+2800⟩"),  # fillers and a blank
        ("\U000e0100", "⟨U+E0100⟩"),
        ("\u00ad\u061c\u180e\u2060\ufeff", "⟨U+00AD⟩⟨U+061C⟩⟨U+180E⟩⟨U+2060⟩⟨U+FEFF⟩"),
        ("\u3000\u1680", "⟨U+3000⟩⟨U+1680⟩"),
        ("\ue000\U0010ffff", "⟨U+E000⟩⟨U+10FFFF⟩"),
    ],
)
def test_characters_with_nothing_to_see_are_written_by_their_number(text: str, seen: str) -> None:
    assert visible(text.encode()) == seen


@pytest.mark.parametrize(
    "text", [" " * 1_000_000, " " * 1_000_000 + "a", "a" + "\n" * 500_000 + "b", "x" * 300_000, "ab  " * 100_000 + "\ud800"]
)
def test_a_very_long_text_is_encoded_as_its_pieces_are(small_tokenizer: Tokenizer, gpt2_tokenizer: Tokenizer, text: str) -> None:
    for tokenizer in (small_tokenizer, gpt2_tokenizer):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text.replace("\ud800", "\ufffd")
        assert len(tokenizer.pre_split(text)) <= len(ids)


def test_a_long_text_has_the_ids_of_a_short_one(gpt2_tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in [*TEXTS, *WORDS, *map(random_text, range(200))]:
        with monkeypatch.context() as patch:
            patch.setattr("gptcore.tokenizer._MOST_AT_ONCE", 0)
            piece_by_piece = gpt2_tokenizer.encode(text)
        assert piece_by_piece == gpt2_tokenizer.encode(text)


def test_merges_are_listed_only_for_pieces_whose_list_is_of_a_sensible_size(small_tokenizer: Tokenizer) -> None:
    assert small_tokenizer.merges("a" * 2048) is not None
    with pytest.raises(TokenError, match=r"2,052 bytes; merges are listed for up to 2,048"):
        small_tokenizer.merges("🙂" * 513)


@pytest.mark.parametrize("ids", [np.array([5, 6]), torch.tensor([[5, 6]]), [np.int64(5), 6], ((5, 6),)])
def test_ids_of_numpy_and_torch_are_ids(small_tokenizer: Tokenizer, ids: Any) -> None:
    assert small_tokenizer.decode(ids) == small_tokenizer.decode((5, 6))
    assert small_tokenizer.tokens(ids) == small_tokenizer.tokens((5, 6))
    assert small_tokenizer.text_of(np.int64(5)) == small_tokenizer.text_of(5)


@pytest.mark.parametrize("token_id", [2.0, "2", None, True, float("nan"), [1]])
def test_what_is_no_id_is_refused_with_its_value(small_tokenizer: Tokenizer, token_id: Any) -> None:
    with pytest.raises(TokenError, match=re.escape(repr(token_id))):
        small_tokenizer.decode([5, token_id])


def test_ranks_in_tiktokens_own_format_are_read_as_they_are_now(small_tokenizer: Tokenizer, tmp_path: Path) -> None:
    lines = [f"{base64.b64encode(token).decode()} {rank}" for token, rank in small_tokenizer._ranks.items()]
    (tmp_path / "small.tiktoken").write_text("\n".join(lines[:-1]), "ascii")
    assert Tokenizer.from_folder(tmp_path).vocab_size == 319
    (tmp_path / "small.tiktoken").write_text("\n".join(lines), "ascii")  # read again, not remembered by its path
    again = Tokenizer.from_folder(tmp_path)
    assert again.vocabulary() == small_tokenizer.vocabulary()
    assert all(again.encode(text) == small_tokenizer.encode(text) for text in TEXTS)
