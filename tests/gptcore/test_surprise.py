"""Surprise against transformers, over one window and several, and what it does at the edges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel

from gptcore import surprise as module
from gptcore.config import GPTConfig
from gptcore.errors import SequenceLengthError, TokenError
from gptcore.model import GPTModel
from gptcore.surprise import surprise, windows

if TYPE_CHECKING:
    from gptcore.checkpoints import LanguageModel

CONTEXT = 64
IDS = tuple((37 * i * i + 11 * i + 5) % 290 for i in range(200))


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> GPT2LMHeadModel:
    return GPT2LMHeadModel.from_pretrained(tiny_folder).eval()


def log_probs(reference: GPT2LMHeadModel, ids: tuple[int, ...]) -> np.ndarray:
    """Log-probabilities [position, vocab_size] that an independent GPT-2 gives for what follows each position."""
    with torch.inference_mode():
        return F.log_softmax(reference(torch.tensor([ids])).logits[0].double(), -1).numpy()


def test_bits_rank_and_expectations_are_those_of_transformers(tiny_model: LanguageModel, reference: GPT2LMHeadModel) -> None:
    ids = IDS[: CONTEXT + 1]  # the last token is judged, not read: it fits
    found = surprise(tiny_model.model, ids, top=4)
    expected = log_probs(reference, ids[:-1])
    own = expected[np.arange(CONTEXT), ids[1:]]
    assert found.ids == ids[1:]
    assert np.allclose(found.bits, -own / np.log(2), rtol=1e-4)
    assert np.allclose(found.probs, np.exp(own), rtol=1e-4)
    order = np.argsort(-expected, axis=1, kind="stable")
    assert np.array_equal(found.rank, [list(row).index(i) + 1 for row, i in zip(order, ids[1:], strict=True)])
    assert np.array_equal(found.expected, order[:, :4])
    assert np.allclose(found.expected_probs, np.exp(np.take_along_axis(expected, order[:, :4], 1)), rtol=1e-4)


def test_a_long_text_is_judged_window_by_window(tiny_model: LanguageModel, reference: GPT2LMHeadModel) -> None:
    found = surprise(tiny_model.model, IDS)
    assert len(found.bits) == len(IDS) - 1 and len(found.windows) > 2
    for window in found.windows:
        expected = log_probs(reference, IDS[window.start : window.stop])
        for i in range(window.first, window.stop + 1):
            assert found.bits[i - 1] == pytest.approx(-expected[i - 1 - window.start, IDS[i]] / np.log(2), rel=1e-4)


@pytest.mark.parametrize("context", [1, 2, 3, 8, 64])
def test_the_windows_judge_every_token_once_and_from_at_least_half_a_context(context: int) -> None:
    for n_tokens in range(1, 6 * context + 3):
        judged = []
        for window in windows(n_tokens, context):
            assert 0 <= window.start < window.stop <= window.start + context
            judged += range(window.first, window.stop + 1)
            if window.start:
                assert window.first - window.start >= context / 2
                assert window.stop - window.start == context
        assert judged == list(range(1, n_tokens))
    assert len(windows(context + 1, context)) == 1
    assert len(windows(context + 2, context)) == 2


def test_rows_of_logits_are_few_at_a_time(tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = surprise(tiny_model.model, IDS)
    asked: list[int] = []
    unembed = tiny_model.model.unembed
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(tiny_model.model, "unembed", lambda resid: asked.append(len(resid)) or unembed(resid))
    again = surprise(tiny_model.model, IDS)
    assert max(asked) == 7 and sum(asked) == len(IDS) - 1
    assert np.allclose(again.bits, whole.bits, rtol=1e-5) and np.array_equal(again.rank, whole.rank)


def test_equally_likely_tokens_rank_by_id_and_surprise_like_a_blind_guess() -> None:
    model = GPTModel(GPTConfig(50, 8, 16, 2, 1, 0.0, True)).eval()
    with torch.no_grad():
        model.token_embedding.weight.zero_()  # the output head too: all logits are 0
    found = surprise(model, (3, 0, 49, 17))
    assert np.allclose(found.bits, np.log2(50))
    assert list(found.rank) == [1, 50, 18]


def test_one_token_leaves_nothing_to_judge(tiny_model: LanguageModel) -> None:
    found = surprise(tiny_model.model, (5,))
    assert found.ids == () and found.windows == ()
    assert found.bits.shape == found.rank.shape == (0,) and found.expected.shape == found.expected_probs.shape == (0, 3)


def test_no_token_and_an_unknown_token_are_refused(tiny_model: LanguageModel) -> None:
    with pytest.raises(SequenceLengthError, match="no token to judge; give at least 2"):
        surprise(tiny_model.model, ())
    with pytest.raises(TokenError, match="290 is not in this model's vocabulary of 290"):
        surprise(tiny_model.model, (5, 290))
