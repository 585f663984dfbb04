"""What the beats of the block page say, worked out once more; and that each thing to try changes something."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gptcore
from app import choices
from app.chapters.block import learned
from app.tellings import EXPECTED
from app.writing.numbers import fixed, significant
from gptcore.checkpoints import EMBEDDED, LanguageModel
from gptcore.dropout import zeroed
from gptcore.trace import Trace
from tests.pages.visit_page import everything, finding, open_page, printed


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, part: str, **query: str) -> AppTest:
    return open_page(monkeypatch, folder, "block", block=part, **query)


def stream(trace: Trace, position: int) -> np.ndarray:
    """The residual stream before each block and after the last, as the model left it behind: [layer + 1, emb_dim]."""
    return np.stack([trace.resid(layer)[position] for layer in range(trace.config.n_layers + 1)]).astype(np.float64)


@pytest.mark.parametrize("layer", [0, 5, 11])
def test_a_block_is_told_by_what_it_adds_and_how_far_the_vector_turns(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel, layer: int
) -> None:
    said = finding(opened(monkeypatch, tiny_folder, "stations", model="storyteller", prompt=EXPECTED, layer=str(layer)))
    trace = storyteller.trace(storyteller.tokenizer.encode(EXPECTED))
    rows = stream(trace, trace.n_tokens - 1)
    before, after = rows[layer], rows[layer + 1]
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert f"**{fixed(float(cosine), 2)}**" in said and "chapter 5" in said and "chapter 7" in said
    assert ("the first block of 12" in said) == (layer == 0) and f"block {layer + 1} of 12" in said.replace(
        "first block", "block 1"
    )
    assert ("most of the vector stays" in said) == (cosine > 0.9) and ("points elsewhere" in said) == (cosine < 0.5)


def test_the_longest_vector_that_is_added_is_found_over_all_layers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    trace = storyteller.trace(storyteller.tokenizer.encode(EXPECTED))
    last = trace.n_tokens - 1
    lengths = np.array(
        [
            [np.linalg.norm(values[0]) for values in (block.attn_out, block.mlp_out)]
            for block in (trace.block(layer, (last,)) for layer in range(trace.config.n_layers))
        ]
    )
    said = finding(opened(monkeypatch, tiny_folder, "layers", model="storyteller", prompt=EXPECTED))
    layer, part = np.unravel_index(lengths.argmax(), lengths.shape)
    assert f"from {('attention', 'feed-forward')[part]} in layer {layer}" in said
    assert (
        f"**{significant(float(lengths.max()))}**" in said and f"**{(lengths[:, 1] > lengths[:, 0]).sum()}** of 12 layers" in said
    )


def test_what_the_card_says_of_the_training_is_what_the_page_says(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    card, text = learned.card(), (EMBEDDED / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"{card.machine[1:]}, {card.minutes} minutes in all" in text and f"{card.tokens} million tokens" in text
    assert all(f"{minutes} min |" in text and f"{loss:.2f}" in text for minutes, loss in card.losses.items())
    assert len(card.losses) >= 5 and list(card.losses) == sorted(card.losses)
    said = finding(opened(monkeypatch, tiny_folder, "learned", model="storyteller", prompt=EXPECTED))
    assert "14.4 million" in said and f"{card.minutes} minutes on {card.machine}" in said


def test_learned_numbers_beat_a_uniform_guess_and_random_ones_do_not(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, storyteller: LanguageModel
) -> None:
    for name, model in (("storyteller", storyteller), (str(tiny_folder), tiny_model)):
        ids = model.tokenizer.encode(EXPECTED)
        logits = model.trace(ids).logits_at(range(len(ids) - 1)).astype(float)
        bits = [math.log2(sum(math.exp(v - row[i]) for v in row)) for row, i in zip(logits, ids[1:], strict=True)]
        mean, blind = sum(bits) / len(bits), math.log2(model.config.vocab_size)
        said = finding(opened(monkeypatch, tiny_folder, "learned", model=name, prompt=EXPECTED))
        assert f"**{fixed(mean, 1)}** bits per token" in said and fixed(blind, 1) in said
        assert ("worth next to nothing" in said) == (mean >= 0.9 * blind)
    assert "no prediction to measure" in finding(opened(monkeypatch, tiny_folder, "learned", prompt="a"))


def test_dropout_is_told_by_what_a_step_would_have_zeroed(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    n = len(tiny_model.tokenizer.encode("the cat"))
    gone = int(zeroed(32, 0.1, 1, "embeddings", position=n - 1, layer=0, head=0).sum())
    for switch in "01":
        said = finding(opened(monkeypatch, tiny_folder, "dropout", prompt="the cat", dropout=switch))
        assert f"**{gone} of 32 values of the embedding**" in said and ("every value stays" in said) == (switch == "0")
    none = finding(opened(monkeypatch, tiny_folder, "dropout", prompt="the cat", dropout="1", drop_rate="0"))
    assert "no value is set to 0" in none


@pytest.mark.parametrize("part", choices.BLOCK_PART.options)
def test_everything_to_try_changes_what_is_said_or_shown(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    place = {"model": "storyteller", "prompt": EXPECTED}
    keys = [
        each.key for each in opened(monkeypatch, tiny_folder, part, **place).button if str(each.key).startswith(f"try_{part}_")
    ]
    assert len(keys) >= 2
    for key in keys:
        at = opened(monkeypatch, tiny_folder, part, **place)
        before = everything(at)
        at = at.button(key=key).click().run()
        assert not at.exception and not at.error
        assert everything(at) != before, key


def test_questions_are_answered_with_this_layers_numbers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    said = printed(opened(monkeypatch, tiny_folder, "dropout", model="storyteller", prompt=EXPECTED, layer="7"))
    trace = storyteller.trace(storyteller.tokenizer.encode(EXPECTED))
    rows = stream(trace, trace.n_tokens - 1)
    before, added = rows[7], rows[8] - rows[7]
    cosine = float(before @ added / np.linalg.norm(before) / np.linalg.norm(added))
    assert re.search(rf"a cosine of {fixed(cosine, 2)} with", said) and "12 blocks" in said
