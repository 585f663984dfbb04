"""What the beats of the LayerNorm page say: from this text's numbers, and the opposite where they say so."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gptcore
from app import choices, standouts, state, tellings
from app.chapters.layer_norm import sections, story
from app.distribution import distribution
from app.runtime import Here
from app.view import View
from app.writing.numbers import significant
from gptcore.checkpoints import LanguageModel
from tests.pages.place import place
from tests.pages.visit_page import open_page, printed


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


@pytest.fixture(autouse=True)
def as_default(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The choices of a visitor, none at first."""
    chosen: dict[str, object] = {}
    monkeypatch.setattr(state, "current", View)
    monkeypatch.setattr(state, "chosen", lambda choice: chosen.get(choice.name, choice.default))
    return chosen


def at_telling(model: LanguageModel, part: str) -> Here:
    telling = tellings.TELLINGS["layer_norm", part]
    here = place(model, model.tokenizer.encode(telling.prompt))
    focus = dict(telling.focus(here))
    position = focus.get("position")
    return replace(here, layer=focus.get("layer", 0), position=len(here.ids) - 1 if position is None else position)


def test_the_finding_is_that_of_the_residual_stream(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller, "token")
    trace = storyteller.trace(here.ids)
    streams = np.stack([trace.resid(layer).astype(np.float64) for layer in range(storyteller.config.n_layers)])
    layer, position = np.unravel_index(streams.std(2).argmax(), streams.shape[:2])
    assert (here.layer, here.position) == (layer, position)
    said = story.says_token(here)
    assert (
        f"standard deviation **{significant(float(streams[layer, position].std()))}**" in said
        and "standard deviation **1.00**" in said
    )
    assert f"{significant(float(streams[layer, position].std() / streams[0, position].std()))} times as much" in said


def test_the_note_says_what_the_plot_leaves_out_and_how_small_the_spread_would_be_without_it(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller, "token")
    stream = storyteller.trace(here.ids).resid(here.layer)[here.position].astype(np.float64)
    normalized = (stream - stream.mean()) / stream.std()
    found = sections.looked(here).found
    drawn = [distribution({"values": found.before}), distribution({"normalised": found.normalized, "after": found.after})]
    said = sections.left_out(found, *drawn)
    missing, n, farthest, spread = re.search(
        r"leaves out (\d+) of (\d+) numbers, as far off as (\S+); .* of ([\d.]+)\.", said
    ).groups()  # type: ignore[union-attr]
    kept = np.sort(np.abs(normalized))[: int(n) - int(missing)]
    assert int(n) == len(stream) and farthest == significant(float(normalized[np.abs(normalized).argmax()]))
    assert float(spread) == pytest.approx(float(normalized[np.abs(normalized) <= kept.max()].std()), abs=0.006)
    even = replace(found, normalized=np.tile(np.array([-1.0, 1.0], np.float32), len(stream) // 2)[None])
    assert "leaves out" not in sections.left_out(even, drawn[0], distribution({"normalised": even.normalized}))


def test_the_text_with_an_outlier_has_one_and_elsewhere_nothing_stands_out(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller, "outliers")
    stream = storyteller.trace(here.ids).resid(here.layer)[here.position].astype(np.float64)
    distance = np.abs(stream - stream.mean()) / stream.std()
    assert distance.max() > 5
    said = story.says_outliers(here)
    assert (
        f"Dimension **{distance.argmax()}**" in said and f"**{significant(float(distance.max()))} standard deviations**" in said
    )
    assert "LayerNorm keeps it" in said


def test_where_no_dimension_is_far_the_finding_says_so(storyteller: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    here = at_telling(storyteller, "outliers")
    seen = sections.looked(here)
    even = np.tile([-1.0, 1.0], seen.found.before.shape[1] // 2)[None]
    monkeypatch.setattr(sections, "looked", lambda _: replace(seen, found=replace(seen.found, normalized=even)))
    assert "No dimension stands out here." in story.says_outliers(here)


def test_over_the_layers_it_says_whether_the_numbers_grow(storyteller: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    here = at_telling(storyteller, "depth")
    trace = storyteller.trace(here.ids)
    first, last = (trace.resid(depth)[here.position].astype(np.float64).std() for depth in (0, storyteller.config.n_layers))
    said = story.says_depth(here)
    assert f"from {significant(first)} to **{significant(last)}**, {significant(last / first)} times as much" in said
    turned = story.views.along_depth(here.trace, "ln_1", (here.position,))[::-1]
    monkeypatch.setattr(story.views, "along_depth", lambda *_: turned)
    assert "times less" in story.says_depth(here)


def test_alone_there_is_no_batch_and_the_stack_explodes_or_vanishes(as_default: dict[str, object]) -> None:
    here = None
    assert "depends on 5 others" in story.says_classroom(here)
    as_default["students"] = 1
    assert "nothing to go by" in story.says_classroom(here)
    assert "exploded" in story.lessons.says_stack(here)
    as_default["stack_gain"] = 0.5
    assert "vanished" in story.lessons.says_stack(here)


def test_the_search_looks_at_the_newest_tokens_of_a_long_text(storyteller: LanguageModel) -> None:
    here = place(storyteller, (*range(40, 90),))
    assert standouts.newest(here) == tuple(range(50 - standouts.MOST_TOKENS, 50))
    assert standouts.widest(here)["position"] is None or standouts.widest(here)["position"] >= 50 - standouts.MOST_TOKENS


@pytest.mark.parametrize("part", choices.LAYER_NORM_PART.options)
def test_each_thing_to_try_changes_what_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    monkeypatch.undo()
    link = {"prompt": "Once upon a time", "layer_norm": part, "layer": "1", "position": "1"}
    at = open_page(monkeypatch, tiny_folder, "layer_norm", **link)
    before = printed(at)
    tries = [str(button.key) for button in at.button if str(button.key).startswith("try_")]
    assert len(tries) in (2, 3)
    for key in tries:
        at = open_page(monkeypatch, tiny_folder, "layer_norm", **link)
        at.button(key=key).click().run()
        assert not at.exception and printed(at) != before
