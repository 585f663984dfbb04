"""Models, the queue in front of them, and what visitors may ask for."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from app import offered as models
from app import runtime
from app.engine import EngineTrace
from app.engine.local import Local
from app.offered import ALLOWED_MODELS_VARIABLE
from app.state import View
from app.visitors import visitor
from gptcore.errors import CheckpointError
from gptcore.model import GPTModel
from gptcore.trace import Trace


@pytest.fixture
def offered(monkeypatch, tiny_folder):
    monkeypatch.setenv(ALLOWED_MODELS_VARIABLE, f" {tiny_folder} ,")
    return str(tiny_folder)


def test_what_the_server_allows_is_offered_beside_the_catalogue(offered):
    assert models.names()[0] == "storyteller"
    assert models.names()[-1] == "tiny"
    assert models.is_ready("tiny")


@pytest.mark.parametrize("name", ["/etc", "../..", "owner/private", ""])
def test_a_visitor_cannot_make_the_server_read_a_folder_or_fetch_a_repository(monkeypatch, name):
    monkeypatch.delenv(ALLOWED_MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(models.gptcore, "load", lambda source, **_: pytest.fail("it was looked for"))
    monkeypatch.setattr(models.gptcore, "availability", lambda source: pytest.fail("it was looked for"))
    assert not models.is_ready(name)
    with pytest.raises(CheckpointError, match="not offered here"):
        runtime.model(name)


def test_token_probabilities_are_the_softmax_of_the_logits_before_each_token(offered, tiny_model):
    model = runtime.model(offered)
    ids = model.tokenizer.encode("the cat had a hat on the mat")
    expected = torch.softmax(tiny_model.model(torch.tensor([ids]))[0].double(), -1).detach().numpy()
    expected = expected[np.arange(len(ids) - 1), ids[1:]]
    runs = [model.run(ids[:n]) for n in range(1, len(ids) + 1)]
    grown = [runtime.token_probabilities(run) for run in runs][-1]
    np.testing.assert_allclose(grown, expected, rtol=1e-4)
    np.testing.assert_array_equal(grown, runtime.token_probabilities(runs[-1]))
    assert runtime.token_probabilities(runs[0]).size == 0


def test_a_step_runs_the_output_head_once(offered, monkeypatch):
    model = runtime.model(offered)
    ids, rows = model.tokenizer.encode("the mat had a cat"), []
    runtime.token_probabilities(model.run(ids))
    plain = GPTModel.unembed
    monkeypatch.setattr(GPTModel, "unembed", lambda self, x: rows.append(x.shape[:-1].numel()) or plain(self, x))
    best = int(model.trace(model.run(ids)).logits.argmax())
    runtime.token_probabilities(model.run((*ids, best)))
    assert sum(rows) == 1, "the row that the choice was made from gives its probability too"


def test_a_model_that_was_let_go_is_loaded_again_and_another_in_its_place_is_refused(offered, monkeypatch, tiny_model):
    engine = Local(visitor)
    run = engine.model(offered).run((1, 2, 3))
    monkeypatch.setattr("app.engine.local.MODELS_IN_MEMORY", 1)
    engine.add("another", replace(tiny_model, name="another"))
    assert engine.named(run.model).trace(run).logits.shape == (tiny_model.config.vocab_size,)
    engine.add("another", replace(tiny_model, name="another"))
    monkeypatch.setattr("app.engine.local.gptcore.load", lambda name, **_: replace(tiny_model, name="changed"))
    for ask in (lambda: engine.named(run.model), lambda: engine.call(run, "logits")):
        with pytest.raises(CheckpointError, match="have changed since it was loaded"):
            ask()
    with pytest.raises(CheckpointError, match="was never loaded here"):
        engine.named("nobody@0")


def test_what_stands_for_a_trace_has_its_methods_with_their_arguments():
    for name, there in inspect.getmembers(Trace, inspect.isfunction):
        if not name.startswith("_") and name != "check":  # which no page asks for
            ours, theirs = (inspect.signature(method).parameters.values() for method in (getattr(EngineTrace, name), there))
            assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


def test_looking_at_a_place_changes_nothing_and_a_focus_that_is_not_there_is_the_default(monkeypatch, offered):
    view = View(model=offered, prompt="the cat", layer=99, head=98, position=97)
    monkeypatch.setattr(runtime.state, "current", lambda: view)
    monkeypatch.setattr(runtime.state, "update", lambda **_: pytest.fail("the state was changed"))
    here = runtime.here()
    assert (here.layer, here.head, here.position) == (0, 0, len(here.ids) - 1)
    written = {}
    monkeypatch.setattr(runtime.state, "update", written.update)
    runtime.replace_missing_focus()
    assert written == {"layer": 0, "head": 0, "position": None}
