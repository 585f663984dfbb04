"""What the beats of the tokens page say of a text, counted once more; GPT-2's own vocabulary, there, fetched, or not to be had."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import gptcore
from app import choices
from app.chapters.tokens import gpt2
from app.chapters.tokens.gpt2 import PUBLISHED, TEXT, Vocabularies
from app.tellings import MOTORCYCLE
from app.writing.numbers import fixed
from gptcore.checkpoints import LanguageModel
from gptcore.errors import CheckpointError
from gptcore.tokenizer import Tokenizer
from tests.pages.visit_page import everything, finding, open_page, printed

FETCH = "fetch_gpt2_vocabulary"


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


@pytest.fixture(autouse=True)
def _no_vocabulary_from_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each test begins with a server that has not looked, and with nothing in tiktoken's cache or the hub's."""
    fresh = Vocabularies()
    monkeypatch.setattr(gpt2, "vocabularies", lambda: fresh)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("gptcore.tokenizer.cached_folder", lambda name: None)


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, part: str, **query: str) -> AppTest:
    return open_page(monkeypatch, folder, "tokens", tokens=part, **query)


def test_the_text_of_the_chapter_has_whole_words_and_one_in_many_parts(storyteller: LanguageModel) -> None:
    tokenizer = storyteller.tokenizer
    counts = [len(tokenizer.encode_piece(piece)) for piece in tokenizer.pre_split(MOTORCYCLE)]
    assert max(counts) >= 4 and counts.count(1) > len(counts) / 2


def test_a_cut_is_told_by_its_counts_and_the_word_in_most_parts(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    said = finding(opened(monkeypatch, tiny_folder, "cut", model="storyteller", prompt=MOTORCYCLE))
    n = len(storyteller.tokenizer.encode(MOTORCYCLE))
    assert f"**{n} numbers**" in said and f"one per {len(MOTORCYCLE) / n:.1f} characters" in said
    parts = [storyteller.tokenizer.text_of(i) for i in storyteller.tokenizer.encode_piece(" motorcycle")]
    assert f"cut into {len(parts)}" in said and all(f"`{part}`" in said for part in parts)
    whole = finding(opened(monkeypatch, tiny_folder, "cut", model="storyteller", prompt="Once upon a time"))
    assert "Every word of this text is a single token" in whole
    assert "a single token: the one that stands between" in finding(opened(monkeypatch, tiny_folder, "cut", prompt=""))


def test_merges_are_told_from_bytes_to_tokens(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    said = finding(opened(monkeypatch, tiny_folder, "merges", model="storyteller", prompt=MOTORCYCLE))
    n = len(storyteller.tokenizer.encode_piece(" motorcycle"))
    assert "**11 bytes**" in said and f"{11 - n} merges" in said and f"**{n}** tokens" in said
    assert "what is left is one token" in finding(opened(monkeypatch, tiny_folder, "merges", model="storyteller", prompt="Once"))
    assert "a single byte" in finding(opened(monkeypatch, tiny_folder, "merges", prompt="a"))
    assert "nothing was merged" in finding(opened(monkeypatch, tiny_folder, "merges", prompt=""))


def test_the_most_surprising_token_is_told_in_bits(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "the cat and the hat"
    said = finding(opened(monkeypatch, tiny_folder, "surprise", prompt=prompt, surprise_source="view"))
    ids = tiny_model.tokenizer.encode(prompt)
    logits = tiny_model.trace(ids).logits_at(range(len(ids) - 1)).astype(float)
    bits = [math.log2(sum(math.exp(v - row[i]) for v in row)) for row, i in zip(logits, ids[1:], strict=True)]
    assert f"**{fixed(max(bits), 1)} bits**" in said and f"**{fixed(sum(bits) / len(bits), 1)}** bits per token" in said
    assert ("less than the" in said) == (sum(bits) / len(bits) < math.log2(290))
    assert "nothing was predicted yet" in finding(
        opened(monkeypatch, tiny_folder, "surprise", prompt="a", surprise_source="view")
    )


def test_without_gpt2s_vocabulary_the_published_ids_are_marked_as_such(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = opened(monkeypatch, tiny_folder, "gpt2", prompt="the cat")
    assert "into **4**: 15496, 11, 314, 716" in finding(at) and "published ids" in printed(at)
    assert f"needs **{len(tiny_model.tokenizer.encode_text(TEXT))}**" in finding(at)
    assert [button for button in at.button if button.key == FETCH]


def test_one_click_fetches_it_and_the_text_above_is_cut_by_it_too(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, gpt2_tokenizer: Tokenizer
) -> None:
    monkeypatch.setattr(Tokenizer, "gpt2", classmethod(lambda cls: gpt2_tokenizer))
    at = opened(monkeypatch, tiny_folder, "gpt2", prompt="the cat and the hat")
    at = at.button(key=FETCH).click().run()
    assert not at.exception and not [button for button in at.button if button.key == FETCH]
    assert "published ids" not in printed(at) and "The text above takes 5 tokens with GPT-2's vocabulary" in finding(at)
    assert gpt2_tokenizer.encode_text(TEXT) == tuple(PUBLISHED)
    assert [gpt2_tokenizer.text_of(i) for i in PUBLISHED] == list(PUBLISHED.values())


def test_where_it_cannot_be_fetched_the_page_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    def fails(cls: type) -> Tokenizer:
        raise CheckpointError("GPT-2's vocabulary could not be fetched. Go online once.")

    monkeypatch.setattr(Tokenizer, "gpt2", classmethod(fails))
    at = opened(monkeypatch, tiny_folder, "gpt2")
    at = at.button(key=FETCH).click().run()
    assert "Go online once" in at.warning[0].value and [button for button in at.button if button.key == FETCH]


def test_who_waits_too_long_is_told_that_it_may_still_come(monkeypatch: pytest.MonkeyPatch, gpt2_tokenizer: Tokenizer) -> None:
    from threading import Event

    there = Event()
    monkeypatch.setattr(Tokenizer, "gpt2", classmethod(lambda cls: there.wait(10) and gpt2_tokenizer))
    vocabularies = Vocabularies()
    with pytest.raises(CheckpointError, match="did not come within 0 seconds"):
        vocabularies.fetch(patience=0.01)
    there.set()
    assert vocabularies.fetch() is gpt2_tokenizer and vocabularies.at_hand() is gpt2_tokenizer


@pytest.mark.parametrize("part", choices.TOKENS_PART.options)
def test_everything_to_try_changes_what_is_said_or_shown(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    place = {"model": "storyteller", "prompt": MOTORCYCLE}
    keys = [
        each.key for each in opened(monkeypatch, tiny_folder, part, **place).button if str(each.key).startswith(f"try_{part}_")
    ]
    assert len(keys) >= 2
    for key in keys:
        at = opened(monkeypatch, tiny_folder, part, **place)
        before = (everything(at), dict(at.query_params))
        at = at.button(key=key).click().run()
        assert not at.exception and not at.error
        assert everything(at) != before[0] and dict(at.query_params) != before[1], key


def test_questions_are_answered_with_this_vocabularys_ids(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    said = printed(opened(monkeypatch, tiny_folder, "surprise", model="storyteller"))
    assert ", ".join(f"{i:,}" for i in storyteller.tokenizer.encode_text(" strawberry")) in said
    assert f"{storyteller.tokenizer.encode_text(' cat')[0]:,}" in said
