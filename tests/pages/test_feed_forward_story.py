"""What the beats of the feed-forward page say: from this text's numbers, and the opposite where they say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import gptcore
from app import choices, state, tellings
from app.chapters.feed_forward import sections, story
from app.runtime import Here
from app.view import View
from app.writing.numbers import percent, significant
from gptcore.checkpoints import LanguageModel
from tests.pages.place import place
from tests.pages.visit_page import open_page, printed


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


@pytest.fixture
def as_default(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The choices of a visitor, none at first."""
    chosen: dict[str, object] = {}
    monkeypatch.setattr(state, "current", View)
    monkeypatch.setattr(state, "chosen", lambda choice: chosen.get(choice.name, choice.default))
    return chosen


def at_telling(model: LanguageModel) -> Here:
    telling = tellings.TELLINGS["feed_forward", "steps"]
    here = place(model, model.tokenizer.encode(telling.prompt))
    return replace(here, layer=telling.focus(here)["layer"], position=len(here.ids) - 1)


def activated(model: LanguageModel, here: Here, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Before and after GELU, by the model's own modules from the stream before the feed-forward network."""
    block = model.model.blocks[layer]
    with torch.inference_mode():
        x = torch.tensor(model.trace(here.ids).block(layer, (here.position,)).resid_mid)
        before = block.feed_forward.widen(block.norm2(x) if hasattr(block, "norm2") else block.ln_2(x))[0]
        return before.double().numpy(), F.gelu(before, approximate="tanh").double().numpy()


def carriers(after: np.ndarray) -> int:
    total, found = np.abs(after).sum(), 0.0
    for count, value in enumerate(sorted(np.abs(after), reverse=True), 1):
        found += value
        if found >= total / 2:
            return count
    raise AssertionError


def test_the_layer_shown_is_the_one_where_the_fewest_neurons_carry_half(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller)
    counts = [carriers(activated(storyteller, here, layer)[1]) for layer in range(storyteller.config.n_layers)]
    assert here.layer == int(np.argmin(counts)) and counts[here.layer] < 0.08 * 4 * storyteller.config.emb_dim
    assert f"**{counts[here.layer]} neurons** of 1,152 carry half" in story.says_steps(here)


def test_what_a_relu_would_silence_is_counted_and_none_is_said_where_none_is(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller)
    before, after = activated(storyteller, here, here.layer)
    said = story.says_activations(here)
    assert f"**{percent(float((before < 0).mean()))}**" in said
    assert percent(float(np.abs(after[before < 0]).sum() / np.abs(after).sum())) in said
    found = sections.seen(here)
    patched = replace(found, mlp_pre=np.abs(found.mlp_pre))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sections, "seen", lambda _: patched)
        assert "None of the 1,152 neurons is negative" in story.says_activations(here)


def test_the_two_functions_are_read_at_the_marked_x(as_default: dict[str, object]) -> None:
    x = torch.tensor(-0.75, dtype=torch.float64, requires_grad=True)
    value = F.gelu(x, approximate="tanh")
    value.backward()
    said = story.says_functions(None)
    assert (
        f"**{significant(float(value.detach()))}** with slope {significant(float(x.grad))}" in said and "learns nothing" in said
    )
    as_default["functions_x"] = 2.0
    assert "learns nothing" not in story.says_functions(None)


def test_the_neuron_that_is_named_writes_the_longest_vector(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller)
    after = activated(storyteller, here, here.layer)[1]
    columns = storyteller.model.blocks[here.layer].feed_forward.narrow.weight.detach().double().numpy()
    norms = np.abs(after) * np.linalg.norm(columns, axis=0)
    said = story.says_neurons(here)
    assert f"neuron **{int(norms.argmax())}**" in said and f"**{significant(float(norms.max()))}**" in said


@pytest.mark.parametrize("part", choices.FEED_FORWARD_PART.options)
def test_each_thing_to_try_changes_what_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    link = {"prompt": "Once upon a time", "feed_forward": part}
    at = open_page(monkeypatch, tiny_folder, "feed_forward", **link)
    before = printed(at)
    tries = [str(button.key) for button in at.button if str(button.key).startswith("try_")]
    assert len(tries) in (2, 3)
    for key in tries:
        at = open_page(monkeypatch, tiny_folder, "feed_forward", **link)
        address = dict(at.query_params)
        at.button(key=key).click().run()
        assert not at.exception and (printed(at) != before or dict(at.query_params) != address)
