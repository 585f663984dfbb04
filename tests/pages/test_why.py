"""The page of attribution: the sum by a plain forward pass, effects by transformers with hooks, and each exchange as a text of its own."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from app.chapters.why import views
from gptcore.checkpoints import LanguageModel
from gptcore.config import GPTConfig
from gptcore.input_effects import rank_agreement
from gptcore.reference import REFERENCE_TEXT
from gptcore.run import Ablation
from tests.gptcore.peer import Peer
from tests.pages.as_code import run_snippet
from tests.pages.component_data import chips_of
from tests.pages.place import place
from tests.pages.visit_page import figure, numbers, open_page, printed

PROMPT = "the cat had a hat and the cat had"
Exports = dict[str, pd.DataFrame]
ASKED = {"prompt": PROMPT, "target": "7", "rival": "9"}


@pytest.fixture(scope="module")
def peer(tiny_folder: Path, tiny_model: LanguageModel) -> Peer:
    return Peer(tiny_folder, tiny_model.tokenizer.encode(REFERENCE_TEXT))


def direct_shares(peer: Peer, ids: tuple[int, ...], target: int, rival: int) -> dict[tuple[str, int | None, int | None], float]:
    """By kind, layer and head, from what transformers' modules gave and its weights: the last LayerNorm with its divisor held."""
    body, seen = peer.model.transformer, peer.seen(ids)
    last = seen["resid_pre"][-1, -1]
    divisor = (last.var(correction=0) + 1e-5).sqrt()
    direction = peer.model.lm_head.weight[target] - peer.model.lm_head.weight[rival]

    def share(written: torch.Tensor) -> float:
        return float(((written - written.mean()) / divisor * body.ln_f.weight) @ direction)

    found = {
        ("token_embedding", None, None): share(body.wte.weight[ids[-1]]),
        ("position_embedding", None, None): share(body.wpe.weight[len(ids) - 1]),
        ("shift", None, None): float(body.ln_f.bias @ direction),
    }
    for layer, block in enumerate(body.h):
        for head in range(peer.n_heads):
            part = slice(head * peer.head_dim, (head + 1) * peer.head_dim)
            found["head", layer, head] = share(seen["z"][layer, -1, part] @ block.attn.c_proj.weight[part])
        found["attention_bias", layer, None] = share(block.attn.c_proj.bias)
        found["feed_forward", layer, None] = share(seen["mlp_out"][layer, -1])
    return found


def test_every_bar_is_what_transformers_wrote_and_all_add_up_to_its_logits(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "why", open="checks", **ASKED)
    ids = tiny_model.tokenizer.encode(PROMPT)
    with torch.inference_mode():
        expected = direct_shares(peer, ids, 7, 9)
    table = exports["logit-difference"]
    given = {
        (row.kind, None if pd.isna(row.layer) else int(row.layer), None if pd.isna(row.head) else int(row.head)): row.direct_share
        for row in table.itertuples()
    }
    assert given.pop(("patched", None, None)) == 0 and given.keys() == expected.keys()
    for part, value in expected.items():
        assert given[part] == pytest.approx(value, abs=1e-4)
    logits = peer.logits(ids)[-1]
    assert table["direct_share"].sum() == pytest.approx(float(logits[7] - logits[9]), abs=1e-4)
    drawn = figure(at, "Logit of “")["data"]
    total = drawn[-1]
    assert numbers(total["x"])[0] == pytest.approx(float(logits[7] - logits[9]), abs=1e-4) and numbers(total["base"])[0] == 0
    columns = [[numbers(each[field]) for field in ("y", "base", "x")] for each in drawn[:-1]]
    bars = sorted(bar for each in columns for bar in zip(*each, strict=True))
    for (_, base, length), (_, begins, _) in itertools.pairwise(bars):
        assert begins == pytest.approx(base + length, abs=1e-5)
    assert ":material/error:" not in printed(at) and "Adds up" in printed(at) and "Neurons add up" in printed(at)


def test_shares_stand_beside_what_is_lost_by_transformers_without_the_head(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "why", why="heads", layer="1", **ASKED)
    ids, table = tiny_model.tokenizer.encode(PROMPT), exports["shares-and-effects"]
    before = peer.logits(ids)[-1]
    lost = []
    for head in range(4):
        after = peer.logits(ids, Ablation(frozenset({(1, head)})), last_only=True)[-1]
        lost.append(float((before[7] - before[9]) - (after[7] - after[9])))
    assert np.allclose(table["lost when switched off"], lost, atol=2e-4)
    with torch.inference_mode():
        shares = direct_shares(peer, ids, 7, 9)
    assert np.allclose(table["direct share"], [shares["head", 1, head] for head in range(4)], atol=1e-4)
    neurons = exports["neuron-shares"]
    assert len(neurons) == 4 * tiny_model.config.emb_dim
    said = unicodedata.normalize("NFKC", printed(at).split("this network adds ")[1].split(";")[0])
    bias = float(said.replace("−", "-").replace(" · 10-", "e-"))
    assert neurons["direct_share"].sum() + bias == pytest.approx(shares["feed_forward", 1, None], abs=2e-3)


def test_what_a_token_costs_is_the_mean_over_texts_with_others_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "why", why="tokens", open="checks", position="6", **ASKED)
    ids = tiny_model.tokenizer.encode(PROMPT)[:7]
    table = exports["token-effects"]

    def bits(text: tuple[int, ...]) -> float:
        return float(peer.logits(text)[-1].log_softmax(-1)[7] / np.log(2))

    for position, rows in table.groupby("position"):
        results = [bits((*ids[:position], int(token), *ids[position + 1 :])) for token in rows["substitute"]]
        assert np.allclose(rows["result_bits"], results, atol=2e-4)
        assert rows["cost_bits"].iloc[0] == pytest.approx(bits(ids) - np.mean(results), abs=2e-4)
        assert ids[position] not in set(rows["substitute"])
    assert len(chips_of(at, "token_effects")["chips"]) == 7
    assert "As a text of its own" in printed(at) and ":material/error:" not in printed(at)


def test_other_methods_are_said_with_their_agreement_on_this_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "why", why="tokens", differently="1", **ASKED)
    table, said = exports["asked-differently"], printed(at)
    assert set(table) == {*views.OTHERS, "replace"}
    rows = said.split("<tbody>")[1].split("<tr>")[1:]
    assert len(rows) == len(views.OTHERS)
    for row, method in zip(rows, views.OTHERS, strict=True):
        expected = rank_agreement(table["replace"].to_numpy(), table[method].to_numpy())
        given = float(row.split('class="number">')[1].split("<")[0].replace("−", "-"))
        assert given == pytest.approx(expected, abs=0.006)


def test_the_code_gives_the_numbers_of_all_three_parts(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    asked = {**ASKED, "chosen": "5.6", "layer": "1", "intervention": "off_h0.1", "open": "checks"}
    for part in ("heads", "tokens", "sum"):
        at = open_page(monkeypatch, tiny_folder, "why", why=part, **asked)
    found = run_snippet(at, tiny_folder)
    assert np.allclose(found["found"].contributions, exports["logit-difference"]["direct_share"], atol=1e-5)
    lost = exports["shares-and-effects"]["lost when switched off"]
    assert np.allclose(-found["heads"].logit_difference_change[1], lost, atol=1e-5)
    costs = exports["token-effects"].groupby("position")["cost_bits"].first()
    assert np.allclose(found["effects"].effects, costs, atol=1e-5)
    assert np.allclose(found["neurons"].neurons, exports["neuron-shares"]["direct_share"], atol=1e-6)


@pytest.mark.parametrize("n_tokens", [1, 30, 1024])
def test_pieces_cover_the_newest_tokens_once_and_none_holds_up_the_others(n_tokens: int) -> None:
    config = GPTConfig(vocab_size=50257, context_length=1024, emb_dim=768, n_heads=12, n_layers=12, drop_rate=0.0, qkv_bias=True)
    shown = views.replaced(config, n_tokens)
    assert shown == range(max(0, n_tokens - views.WINDOW), n_tokens)
    found = views.pieces(config, n_tokens, shown)
    assert sorted(position for piece in found for position in piece) == list(shown)
    for piece in found:
        spent = 8 * 12 * 12 * 768**2 * (n_tokens - piece[0]) * len(piece)
        assert spent <= views._WORK or len(piece) == 1


def test_a_long_text_fills_from_its_end(monkeypatch: pytest.MonkeyPatch, tiny_model: LanguageModel) -> None:
    here = place(tiny_model, tiny_model.tokenizer.encode(PROMPT), position=3)
    whole = views.mattered(here, 7).effects
    monkeypatch.setattr(views, "_WORK", 1.0)
    found = views.mattered(here, 7, 1)
    assert found.n_missing == len(here.ids) - 1 and np.isfinite(found.effects[-1]) and np.isnan(found.effects[:-1]).all()
    while found.n_missing:
        found = views.mattered(here, 7, 1)
    assert np.allclose(found.effects, whole, atol=1e-5)


def test_the_window_of_replaced_tokens_moves_as_far_as_nobody_is_held_up() -> None:
    small, large = (
        GPTConfig(vocab_size=99, context_length=1024, emb_dim=width, n_heads=12, n_layers=12, drop_rate=0.0, qkv_bias=True)
        for width in (12, 768)
    )
    assert views.replaceable(small, 1000) == range(1000)
    assert list(views.replaced(small, 1000, 100)) == list(range(76, 124)) and views.replaced(small, 1000, 5)[0] == 0
    assert views.replaceable(large, 1000)[0] > 800 and views.replaced(large, 1000, 5) == views.replaced(large, 1000)
    assert views.replaceable(large, 30) == range(30)


def test_earlier_tokens_of_a_long_text_are_replaced_when_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    monkeypatch.setattr(views, "WINDOW", 6)
    at = open_page(monkeypatch, tiny_folder, "why", why="tokens", prompt=PROMPT + " and the hat and the mat", open="maths")

    def replaced() -> list[int]:
        table = exports["token-effects"]
        return sorted(set(table[table["cost_bits"].notna()]["position"]))

    newest = replaced()
    assert len(newest) == 6 and f"Of positions {newest[0]} to {newest[-1]}" in printed(at)
    assert at.button("window_later").disabled
    at.button("window_earlier").click().run()
    earlier = replaced()
    assert len(earlier) == 6 and earlier[0] < newest[0] and earlier[-1] >= newest[0] - 1
    while not at.button("window_earlier").disabled:
        at.button("window_earlier").click().run()
    assert replaced()[0] == 0 and not at.exception and not at.error
    at.button("window_later").click().run()
    assert replaced()[0] > 0
