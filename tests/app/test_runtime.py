"""Models, the queue in front of them, and what visitors may ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from app import offered as models
from app import runtime
from app.offered import ALLOWED_MODELS_VARIABLE
from gptcore.errors import CheckpointError


@pytest.fixture
def offered(monkeypatch, tiny_folder):
    monkeypatch.setenv(ALLOWED_MODELS_VARIABLE, f" {tiny_folder} ,")
    return str(tiny_folder)


def test_the_queue_does_not_wait_for_itself():
    assert runtime.compute(lambda: runtime.compute(lambda: runtime.compute(lambda: 3))) == 3


def test_an_error_in_the_queue_comes_back_and_the_queue_goes_on():
    with pytest.raises(ZeroDivisionError):
        runtime.compute(lambda: 1 / 0)
    assert runtime.compute(lambda: "next") == "next"


def test_what_the_server_allows_is_offered_beside_the_catalogue(offered):
    assert models.names()[0] == "storyteller"
    assert models.names()[-1] == "tiny"
    assert models.is_ready("tiny")


@pytest.mark.parametrize("name", ["/etc", "../..", "owner/private", ""])
def test_a_visitor_cannot_make_the_server_read_a_folder_or_fetch_a_repository(monkeypatch, name):
    monkeypatch.delenv(ALLOWED_MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(runtime.gptcore, "load", lambda source, **_: pytest.fail("it was looked for"))
    monkeypatch.setattr(models.gptcore, "availability", lambda source, **_: pytest.fail("it was looked for"))
    assert not models.is_ready(name)
    with pytest.raises(CheckpointError, match="not offered here"):
        runtime.model(name)


def test_token_probabilities_are_the_softmax_of_the_logits_before_each_token(offered):
    model = runtime.model(offered)
    ids = model.tokenizer.encode("the cat had a hat on the mat")
    expected = torch.softmax(model.model(torch.tensor([ids]))[0].double(), -1).detach().numpy()
    expected = expected[np.arange(len(ids) - 1), ids[1:]]
    grown = [runtime.token_probabilities(offered, ids[:n]) for n in range(1, len(ids) + 1)][-1]
    np.testing.assert_allclose(grown, expected, rtol=1e-4)
    np.testing.assert_array_equal(grown, runtime.token_probabilities(offered, ids))
    assert runtime.token_probabilities(offered, ids[:1]).size == 0
