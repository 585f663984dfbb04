"""What the beats of the shortcuts page say: one number of the experiment, a block left out, and what a block changes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gptcore
from app import choices, state
from app.chapters.shortcuts import lessons as experiment
from app.chapters.shortcuts import story, views
from app.runtime import Here
from app.view import View
from app.writing.numbers import percent
from gptcore import lessons
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


@pytest.fixture
def here(storyteller: LanguageModel) -> Here:
    ids = storyteller.tokenizer.encode("Once upon a time")
    return place(storyteller, ids, layer=5, position=len(ids) - 1)


def probabilities(model: LanguageModel, ids: tuple[int, ...], without: int | None) -> torch.Tensor:
    """Of the next token, through the model's own modules one after another, with one block passed over."""
    inside = model.model
    with torch.inference_mode():
        x = torch.tensor(model.trace(ids).resid(0))[None]
        for layer, block in enumerate(inside.blocks):
            if layer != without:
                x = block(x)
        return inside.unembed(x[0, -1]).double().softmax(-1)


def test_a_block_left_out_is_passed_over_by_x_alone(storyteller: LanguageModel, here: Here) -> None:
    found = views.left_out(here.trace)
    n_layers = storyteller.config.n_layers
    without = [probabilities(storyteller, here.ids, layer) for layer in range(n_layers)]
    whole = probabilities(storyteller, here.ids, None)
    target = int(whole.argmax())
    assert found.target == target and found.whole == pytest.approx(float(whole[target]), abs=1e-5)
    assert np.allclose(found.without, [float(probs[target]) for probs in without], atol=1e-5)
    assert found.top.tolist() == [int(probs.argmax()) for probs in without]
    kept, worst = sum(int(probs.argmax()) == target for probs in without), int(np.argmin([float(p[target]) for p in without]))
    said = story.says_difference(here)
    assert f"**{kept} of {n_layers}** blocks" in said
    assert f"Block {worst} costs most: from {percent(found.whole)} to **{percent(float(without[worst][target]))}**" in said
    (check,) = views.left_out_check(here)
    assert check.ok


def test_where_no_block_helps_it_says_so(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    found = views.left_out(here.trace)
    better = replace(found, without=np.full_like(found.without, 0.99))
    monkeypatch.setattr(views, "left_out", lambda _: better)
    assert "None makes it less likely." in story.says_difference(here)
    (check,) = views.left_out_check(here)
    assert not check.ok


def test_one_number_says_what_the_shortcuts_keep(as_default: dict[str, object]) -> None:
    without, with_shortcuts = (np.array(lessons.PUBLISHED_GRADIENTS[shortcuts]) for shortcuts in (False, True))
    first = [gradients[0] / gradients[-1] for gradients in (without, with_shortcuts)]
    said = experiment.says_experiment(None)
    assert [float(share) / 100 for share in re.findall(r"([\d.]+) %", said)] == pytest.approx(first, rel=6e-3)  # six decimals
    times = float(re.search(r"\*\*([\d.]+) times\*\* as much", said).group(1))
    assert times == pytest.approx(first[1] / first[0], rel=6e-3)
    as_default["gradient_depth"] = 20
    deeper = re.search(r"\*\*(.+) times\*\* as much", experiment.says_experiment(None)).group(1)
    mantissa, power = re.fullmatch(r"([\d.]+) · 10([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", deeper).groups()
    assert float(mantissa) * 10 ** int(unicodedata.normalize("NFKC", power)) > 100 * times


def test_where_shortcuts_do_not_help_it_says_so(as_default: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    table = experiment.gradient_table(5, 3, "gelu_tanh", 123)
    monkeypatch.setattr(experiment, "gradient_table", lambda *_: table.rename(columns={"with": "without", "without": "with"}))
    assert "do not help" in experiment.says_experiment(None)


def test_the_share_of_x_is_that_of_the_stream(storyteller: LanguageModel, here: Here) -> None:
    trace = storyteller.trace(here.ids)
    x, h = (trace.resid(depth)[here.position].astype(np.float64) for depth in (5, 6))
    assert f"**{percent(float(x @ h / (h @ h)))}**" in story.says_model(here)


@pytest.mark.parametrize("part", choices.SHORTCUTS_PART.options)
def test_each_thing_to_try_changes_what_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    link = {"prompt": "Once upon a time", "shortcuts": part, "layer": "1"}
    at = open_page(monkeypatch, tiny_folder, "shortcuts", **link)
    before = printed(at)
    tries = [str(button.key) for button in at.button if str(button.key).startswith("try_")]
    assert len(tries) in (2, 3)
    for key in tries:
        at = open_page(monkeypatch, tiny_folder, "shortcuts", **link)
        address = dict(at.query_params)
        at.button(key=key).click().run()
        assert not at.exception and (printed(at) != before or dict(at.query_params) != address)
