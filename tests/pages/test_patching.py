"""The page of activation patching: each cell again by transformers with hooks, unequal texts, long ones, and the way to all pages."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app import tellings, windows
from app.asked import probabilities
from app.chapters.patching import views
from gptcore.checkpoints import LanguageModel
from gptcore.config import GPTConfig
from gptcore.reference import REFERENCE_TEXT
from gptcore.run import Patch, Run, read_intervention
from tests.gptcore.peer import Peer
from tests.pages.as_code import run_snippet
from tests.pages.component_data import component_data
from tests.pages.place import place
from tests.pages.visit_page import open_page, printed

PROMPT, OTHER = "the cat had a hat on the mat", "the cat had a cat on the hat"
Exports = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def peer(tiny_folder: Path, tiny_model: LanguageModel) -> Peer:
    return Peer(tiny_folder, tiny_model.tokenizer.encode(REFERENCE_TEXT))


def both(model: LanguageModel) -> tuple[tuple[int, ...], tuple[int, ...]]:
    mine, theirs = (model.tokenizer.encode(text) for text in (PROMPT, OTHER))
    assert len(mine) == len(theirs) and mine != theirs
    return mine, theirs


@pytest.mark.parametrize(
    ("site", "direction"), [("resid_pre", "into"), ("resid_pre", "from"), ("attn_out", "into"), ("mlp_out", "into")]
)
def test_every_cell_of_the_map_is_a_run_of_transformers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports, site: Any,
    direction: str,
) -> None:  # fmt: skip
    open_page(monkeypatch, tiny_folder, "patching", prompt=PROMPT, other_text=OTHER, patch_site=site, direction=direction)
    into, source = both(tiny_model)[:: 1 if direction == "into" else -1]
    table = exports["patch-map"]
    a, b = int(table["target"][0]), int(table["rival"][0])
    before, after = (peer.logits(ids)[-1] for ids in (into, source))
    assert (a, b) == (int(after.argmax()), int(before.argmax())) or int(after.argmax()) == int(before.argmax())
    whole = float((after[a] - after[b]) - (before[a] - before[b]))
    assert len(table) == (3 if site == "resid_pre" else 2) * len(into)
    for row in table.itertuples():
        patched = peer.logits(into, Patch(source, frozenset({(row.layer, row.position, row.position)}), site))[-1]
        effect = float((patched[a] - patched[b]) - (before[a] - before[b]))
        assert row.effect_logits == pytest.approx(effect, abs=2e-4)
        assert row.recovered == pytest.approx(effect / whole, abs=1e-3)
    first = views.TwoTexts(Run("m", into), Run("m", source)).first_difference
    assert (table[table["position"] < first]["effect_logits"] == 0).all()


def test_the_code_gives_the_map_and_the_heads_of_the_page(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, exports: Exports
) -> None:
    asked = {"prompt": PROMPT, "other_text": OTHER, "open": "checks"}
    at = open_page(monkeypatch, tiny_folder, "patching", **asked)
    title = component_data(at, "What comes over")[0]["title"]
    assert re.fullmatch(r"What comes over: “.+” against “.+”", title)
    open_page(monkeypatch, tiny_folder, "patching", patching="heads", **asked)
    found = run_snippet(at, tiny_folder)
    assert np.allclose(found["shown"].effect.ravel(), exports["patch-map"]["effect_logits"], atol=1e-5)
    heads = exports["patched-heads"].drop(columns="layer").to_numpy()
    assert np.allclose(found["heads"].effect, heads, atol=1e-5)
    assert "As a run of its own" in printed(at) and ":material/error:" not in printed(at)


def test_one_cell_shows_three_distributions_and_a_cone_that_is_exactly_zero_outside(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    open_page(
        monkeypatch, tiny_folder, "patching", patching="cell", prompt=PROMPT, other_text=OTHER, patch_layer="1",
        patch_position="9",
    )  # fmt: skip
    mine, theirs = both(tiny_model)
    patch = Patch(theirs, frozenset({(1, 9, 9)}))
    expected = [peer.logits(ids, each)[-1].softmax(-1) for ids, each in ((mine, None), (mine, patch), (theirs, None))]
    table = exports["patched-candidates"]
    for name, probs in zip(("unpatched", "patched", "the source"), expected, strict=True):
        assert np.allclose(table[name], probs[table["token_id"].tolist()], rtol=1e-3)
    reached = exports["patch-cone"].to_numpy()
    assert (reached[0] == 0).all() and (reached[:, :9] == 0).all()
    assert (reached[1, 10:] == 0).all() and reached[1, 9] > 0 and (reached[2, 9:] > 0).all()


def test_texts_of_two_lengths_are_not_patched_and_texts_of_one_are_offered(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(monkeypatch, tiny_folder, "patching", prompt=PROMPT, other_text="the cat")
    n_mine, n_other = (len(tiny_model.tokenizer.encode(text)) for text in (PROMPT, "the cat"))
    assert f"{n_mine} tokens, the other {n_other}" in printed(at)
    with pytest.raises(AssertionError):
        component_data(at, "What comes over")
    at.button(key="substitute_0").click().run()
    offered = at.query_params["other_text"]
    assert len(tiny_model.tokenizer.encode(offered)) == n_mine and offered != PROMPT
    assert component_data(at, "What comes over")


@pytest.mark.parametrize(
    ("asked", "said"), [({"other_text": PROMPT}, "are the same"), ({"other_text": "a" * 200}, "cannot be used")]
)
def test_what_cannot_be_patched_is_said(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, asked: dict[str, str], said: str
) -> None:
    for part in ("map", "cell", "heads"):
        at = open_page(monkeypatch, tiny_folder, "patching", patching=part, prompt=PROMPT, **asked)
        assert said in printed(at)


def test_a_click_puts_the_patched_run_on_every_page(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, peer: Peer) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "patching", patching="cell", prompt=PROMPT, other_text=OTHER, patch_layer="1",
        patch_position="9",
    )  # fmt: skip
    next(button for button in at.button if "all pages" in button.label).click().run()
    patch = read_intervention(at.query_params["intervention"])
    assert isinstance(patch, Patch) and patch.cells == {(1, 9, 9)}
    assert "1 cell patched" in next(button.label for button in at.button if button.key == "intervention_chip")
    assert not at.exception


@pytest.mark.parametrize("n_tokens", [2, 60, 1024])
def test_stretches_cover_the_map_once_and_none_holds_up_the_others(n_tokens: int) -> None:
    config = GPTConfig(vocab_size=50257, context_length=1024, emb_dim=768, n_heads=12, n_layers=12, drop_rate=0.0, qkv_bias=True)
    ids = tuple(range(n_tokens))
    positions = views.columns(views.TwoTexts(Run("m", ids), Run("m", (7, *ids[1:]))))
    assert len(positions) <= views.COLUMNS and positions[0] == 0 and positions[-1] == n_tokens - 1
    found = views.stretches(config, n_tokens, positions, 13)
    cells = [cell for piece in found for cell in itertools.product(piece.positions, piece.layers)]
    assert sorted(cells) == list(itertools.product(positions, range(13)))
    for piece in found:
        spent = sum((n_tokens - at) * max(1, 12 - layer) for at, layer in itertools.product(piece.positions, piece.layers))
        assert spent * 12 * 768**2 <= views._WORK or len(piece.positions) * len(piece.layers) == 1


def test_a_long_map_fills_from_its_end(monkeypatch: pytest.MonkeyPatch, tiny_model: LanguageModel) -> None:
    mine, theirs = both(tiny_model)
    here = place(tiny_model, mine)
    texts = views.two_texts(here, theirs, "into")
    whole = views.cells(here, texts, "resid_pre").effect
    monkeypatch.setattr(views, "_WORK", 20_000.0)
    shown = views.cells(here, texts, "resid_pre", 1)
    assert shown.n_missing and np.isfinite(shown.effect[-1, -1]) and np.isnan(shown.effect[0, 0])
    while shown.n_missing:
        shown = views.cells(here, texts, "resid_pre", 1)
    assert np.allclose(shown.effect, whole, atol=1e-5)


def test_the_beats_own_pair_differs_in_one_token_and_in_what_comes_next() -> None:
    import gptcore

    model = gptcore.load("storyteller")
    both = [model.tokenizer.encode(text) for text in (tellings.PATCHING, tellings.PATCHING_OTHER)]
    ((one, other),) = [pair for pair in zip(*both, strict=True) if pair[0] != pair[1]]
    best = [int(probabilities(model.trace(ids).logits).argmax()) for ids in both]
    assert best == [one, other]


def test_the_text_that_is_offered_differs_in_the_token_attended_to_most(tiny_model: LanguageModel, peer: Peer) -> None:
    ids = tuple(tiny_model.tokenizer.encode(PROMPT))
    other = views.another(place(tiny_model, ids))
    weights = tiny_model.trace(ids).newest_row().mean((0, 1))[1:-1]
    at = 1 + int(weights.argmax())
    assert len(other) == len(ids) and [n for n, (a, b) in enumerate(zip(ids, other, strict=True)) if a != b] == [at]
    likeliest = peer.logits(list(ids))[at - 1].argsort(descending=True).tolist()
    assert other[at] == next(token for token in likeliest if token != ids[at])


def test_the_window_of_a_long_map_shows_both_ends_and_moves_between_them() -> None:
    ids = tuple(range(200))
    texts = views.TwoTexts(Run("m", ids), Run("m", (*ids[:50], 7, *ids[51:])))
    ends = [*range(50, 62), *range(188, 200)]
    assert views.columns(texts) == views.columns(texts, 55) == views.columns(texts, 3) == ends
    assert views.columns(texts, 100) == list(range(88, 112)) and views.columns(texts, 64)[0] >= 50
    seen, here = set(ends), ends
    for _ in range(20):
        before, after = windows.neighbours(here, views.can_matter(texts))
        assert before is not None or here[0] == 50
        if after is None:
            break
        here = views.columns(texts, after)
        if here == ends:
            break
        assert here == list(range(here[0], here[0] + views.COLUMNS))
        seen |= set(here)
    assert seen == set(range(50, 200))


def test_the_positions_between_are_reached_from_the_map_and_what_is_said_is_of_them(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    monkeypatch.setattr(views, "COLUMNS", 4)
    at = open_page(monkeypatch, tiny_folder, "patching", prompt=PROMPT, other_text=PROMPT.replace("the cat", "the hat"))
    ends = sorted(set(exports["patch-map"]["position"]))
    first, last = ends[0], ends[-1]
    assert ends == [first, first + 1, last - 1, last]
    at.button("window_later").click().run()
    between = sorted(set(exports["patch-map"]["position"]))
    assert first < between[0] and len(between) == 4 and f"Of the positions {between[0]} to {between[-1]}" in printed(at)
    at.button("window_earlier").click().run()
    assert set(exports["patch-map"]["position"]) - set(between) - set(ends) and not at.exception and not at.error
