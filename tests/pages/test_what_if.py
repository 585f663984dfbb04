"""The page of parts that are switched off: its figures again, by transformers with hooks, and the switches."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app import silence
from app.chapters.what_if import views
from gptcore.checkpoints import LanguageModel
from gptcore.config import GPTConfig
from gptcore.reference import REFERENCE_TEXT
from gptcore.run import Ablation, read_intervention
from tests.gptcore.peer import Peer
from tests.pages.as_code import run_snippet
from tests.pages.component_data import chips_of, component_data
from tests.pages.place import place
from tests.pages.visit_page import finding, open_page, printed

PROMPT = "the cat had a hat and the cat had"
Exports = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def peer(tiny_folder: Path, tiny_model: LanguageModel) -> Peer:
    return Peer(tiny_folder, tiny_model.tokenizer.encode(REFERENCE_TEXT))


def one_off(layer: int, part: str, replacement: Any) -> Ablation:
    if part == "attention":
        return Ablation(attention=frozenset({layer}), replacement=replacement)
    if part == "feed-forward":
        return Ablation(feed_forward=frozenset({layer}), replacement=replacement)
    return Ablation(frozenset({(layer, int(part))}), replacement=replacement)


@pytest.mark.parametrize(("scope", "replacement"), list(itertools.product(["last", "everywhere"], ["mean", "zero"])))
def test_every_cell_of_the_board_is_the_difference_of_two_runs_of_transformers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports, scope: str,
    replacement: str,
) -> None:  # fmt: skip
    open_page(monkeypatch, tiny_folder, "what_if", prompt=PROMPT, scope=scope, replacement=replacement, target="7", rival="9")
    table, ids = exports["without-each-part"], tiny_model.tokenizer.encode(PROMPT)
    before = peer.logits(ids)[-1].log_softmax(-1)
    assert len(table) == 2 * (4 + 2) and set(table["target"]) == {7} and set(table["rival"]) == {9}
    for row in table.itertuples():
        after = peer.logits(ids, one_off(row.layer, row.part, replacement), scope == "last")[-1].log_softmax(-1)
        assert row.change_bits == pytest.approx(float(after[7] - before[7]) / np.log(2), abs=2e-4)
        assert row.probability_without == pytest.approx(float(after[7].exp()), rel=1e-3)
        change = float((after[7] - after[9]) - (before[7] - before[9]))
        assert row.change_logit_difference == pytest.approx(change, abs=2e-4)
        assert row.likeliest_without == int(after.argmax())


@pytest.mark.parametrize(("rising", "said"), [(1, "1 head does the opposite"), (2, "2 heads do the opposite"), (0, "")])
def test_heads_without_which_the_token_is_likelier_are_counted(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, rising: int, said: str
) -> None:
    measured = silence.board

    def made(*asked: Any) -> silence.Board:
        found = measured(*asked)
        bits = np.zeros_like(found.bits)
        bits[0, 0], bits[1, :rising] = -2, 1
        return replace(found, bits=bits)

    monkeypatch.setattr(silence, "board", made)
    shown = finding(open_page(monkeypatch, tiny_folder, "what_if", prompt=PROMPT))
    assert said in shown and ("the opposite" in shown) == bool(rising)


def test_the_board_is_that_of_the_text_up_to_the_cursor_and_of_what_is_off_already(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    open_page(
        monkeypatch, tiny_folder, "what_if", prompt=PROMPT, position="4", intervention="off_h1.2", target="7", scope="everywhere"
    )
    ids = tiny_model.tokenizer.encode(PROMPT)[:5]
    off = Ablation(frozenset({(1, 2)}))
    before, after = (peer.logits(ids, each)[-1].log_softmax(-1)[7] for each in (off, Ablation(frozenset({(1, 2), (0, 3)}))))
    table = exports["without-each-part"].set_index(["layer", "part"])
    assert table.loc[(0, "3"), "change_bits"] == pytest.approx(float(after - before) / np.log(2), abs=2e-4)
    assert table.loc[(1, "2"), "change_bits"] == pytest.approx(0, abs=1e-5)


def test_the_code_of_the_board_gives_the_numbers_of_the_board(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "what_if", prompt=PROMPT, open="checks", intervention="off_h0.1", scope="everywhere")
    found, table = run_snippet(at, tiny_folder), exports["without-each-part"]
    heads = table[~table["part"].isin(["attention", "feed-forward"])]
    assert np.allclose(found["heads"].log_prob_change.ravel(), heads["change_bits"], atol=1e-5)
    assert np.allclose(found["direct"].of("head").ravel(), heads["direct_share"], atol=1e-5)
    for part, name in (("attention", "attention"), ("feed-forward", "feed_forward")):
        given = table[table["part"] == part]["change_bits"]
        assert np.allclose(getattr(found["parts"], name).log_prob_change, given, atol=1e-5)
    assert ":material/error:" not in printed(at) and "As a run of its own" in printed(at)


def test_the_switch_acts_everywhere_and_back(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "what_if", prompt=PROMPT, layer="1", head="3", replacement="zero")
    next(each for each in at.toggle if "head 1.3" in each.label).set_value(True).run()
    assert read_intervention(at.query_params["intervention"]) == Ablation(frozenset({(1, 3)}), replacement="zero")
    next(each for each in at.toggle if "position" in each.label).set_value(True).run()
    next(each for each in at.toggle if "head 1.3" in each.label).set_value(False).run()
    assert read_intervention(at.query_params["intervention"]) == Ablation(position_embedding=True, replacement="zero")
    assert not at.exception


def test_candidates_and_surprise_are_those_of_two_runs_of_transformers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "what_if", what_if="without", prompt=PROMPT, intervention="off_f0_zero")
    ids = tiny_model.tokenizer.encode(PROMPT)
    off = Ablation(feed_forward=frozenset({0}), replacement="zero")
    before, after = (peer.logits(ids, each).log_softmax(-1).numpy() for each in (None, off))
    table = exports["with-and-without"]
    assert np.allclose(table["as_it_is"], np.exp(before[-1][table["token_id"]]), rtol=1e-3)
    assert np.allclose(table["without"], np.exp(after[-1][table["token_id"]]), rtol=1e-3)
    assert {int(before[-1].argmax()), int(after[-1].argmax())} <= set(table["token_id"])
    change = [(before[n, token] - after[n, token]) / np.log(2) for n, token in enumerate(ids[1:])]
    notes = [chip[3] for chip in chips_of(at, "surprise_without")["chips"]]
    said = [float(note.replace("−", "-")) for note in notes[1:]]
    assert notes[0] == "" and np.allclose(said, change, rtol=0.06, atol=1e-3)


def test_two_texts_on_the_same_dice_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "what_if", what_if="goes_on", prompt=PROMPT, intervention="off_f0_zero", temperature="1",
        chosen="5.6",
    )  # fmt: skip
    one, other = run_snippet(at, tiny_folder)["texts"]
    assert one != other and len(one) == len(other) == views.WRITTEN
    tokenizer = run_snippet(at, tiny_folder)["model"].tokenizer
    chips = [tokenizer.text_of(token) for token in (*one, *other)]
    assert [text for text in chips if text.strip()] and all("chip" in printed(at) for _ in chips)
    rows = printed(at).split("<tr>")[-2:]
    assert [row.count("<code") for row in rows] == [views.WRITTEN, views.WRITTEN]
    same = views.parted(one, other)
    assert [row.count('class="chip lit"') for row in rows] == [views.WRITTEN - same] * 2


@pytest.mark.parametrize("n_tokens", [1, 40, 1024])
@pytest.mark.parametrize("scope", ["last", "everywhere"])
def test_pieces_cover_the_board_once_and_none_holds_up_the_others(scope: Any, n_tokens: int) -> None:
    config = GPTConfig(vocab_size=50257, context_length=1024, emb_dim=768, n_heads=12, n_layers=12, drop_rate=0.0, qkv_bias=True)
    found = silence.pieces(config, n_tokens, scope)
    cells = [(layer, head) for piece in found for layer in piece.layers for head in piece.heads]
    assert sorted(cells) == list(itertools.product(range(12), range(12)))
    assert sorted(layer for piece in found if piece.parts for layer in piece.layers) == list(range(12))
    work = 12 * 768**2 * (1 if scope == "last" else n_tokens)
    for piece in found:
        assert piece.layers == tuple(range(piece.layers[0], piece.layers[-1] - 1, -1))
        spent = sum((len(piece.heads) + 3 * piece.parts) * work * (12 - layer) for layer in piece.layers)
        assert spent <= silence._WORK or (len(piece.layers) == 1 and len(piece.heads) + 3 * piece.parts <= 3)
    assert found[0].layers[0] == 11


def test_a_board_that_takes_long_fills_from_above_and_a_click_brings_a_part_into_focus(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    monkeypatch.setattr(silence, "_WORK", 1.0)
    here = place(tiny_model, tiny_model.tokenizer.encode("a new text of its own"))
    asked = silence.Asking(3, 4, "everywhere", "mean")
    board = silence.board(here, asked, 1)
    assert board.n_missing and np.isfinite(board.bits[1]).any() and np.isnan(board.bits[0]).all()
    while board.n_missing:
        before, board = board.n_missing, silence.board(here, asked, 1)
        assert board.n_missing == before - 1
    monkeypatch.undo()
    assert np.allclose(board.bits, silence.board(here, asked).bits, atol=1e-5) and np.isfinite(board.position)


def test_the_board_says_of_each_cell_with_without_and_direct_share_and_how_many_its_colours_do_not_reach(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "what_if", prompt=PROMPT, layer="1", head="2")
    header, _ = component_data(at, "Without each part")
    assert len(header["facts"]) == 2 and all(len(row) == 6 for row in header["facts"])
    assert all("With it" in fact and "without" in fact and "direct share" in fact for row in header["facts"] for fact in row)
    assert (header["row"], header["col"]) == (1, 2)
    far = exports["without-each-part"].loc[lambda table: table["change_bits"].abs() > header["top"]]
    farthest = far.loc[far["change_bits"].abs().idxmax()]
    assert len(far) and any(header["beyond"]) and f"{len(far)} part" in printed(at)
    assert f"farthest {farthest['part']} {farthest['layer']} with" in printed(at)
