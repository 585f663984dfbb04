"""The block page: its stations against transformers, its sums, dropout, and the page itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import ui
from app.chapters.block import sections, views
from gptcore.language_model import LanguageModel
from tests.pages.component_data import component_data
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, PROMPTS, badges, open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
LAYER, POSITION = 1, 4
PARTS = ("resid_pre", "attn_in", "attn_out", "resid_mid", "mlp_in", "mlp_out", "resid_post", "resid_post")


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> TransformersRun:
    return TransformersRun(tiny_folder, IDS)


def test_the_stations_hold_what_transformers_computes(tiny_model: LanguageModel, reference: TransformersRun) -> None:
    listed = views.stations(tiny_model.trace(IDS).block(LAYER, (POSITION,)), LAYER, 2)
    for station, name in zip(listed, PARTS, strict=True):
        expected = reference.layers[LAYER][name][POSITION]
        assert station.values.shape == expected.shape == (32,)
        assert np.allclose(station.values, expected, atol=1e-5 * np.abs(expected).max()), station.variable


def test_stations_say_where_the_vector_comes_from_and_goes_to(tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    first = views.stations(trace.block(0, (0,)), 0, 2)
    last = views.stations(trace.block(1, (0,)), 1, 2)
    assert (first[0].name, first[-1].name) == ("From the embeddings", "Into layer 1")
    assert (last[0].name, last[-1].name) == ("From layer 0", "Into the final LayerNorm")
    assert [s.place for s in first] == ["spine", "branch", "branch", "sum", "branch", "branch", "sum", "spine"]


def test_the_dimension_named_is_the_one_that_transformers_moves_most(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    moved = reference.layers[LAYER]["resid_post"][POSITION] - reference.layers[LAYER]["resid_pre"][POSITION]
    assert views.moved_most(tiny_model.trace(IDS).block(LAYER, (POSITION,))) == np.abs(moved).argmax()


def test_the_self_checks_pass_on_the_model_and_fail_on_a_number_that_was_changed(tiny_model: LanguageModel) -> None:
    found = tiny_model.trace(IDS).block(LAYER, (POSITION,))
    assert all(check.ok for check in views.self_checks(found))
    assert not views.self_checks(replace(found, attn_out=found.attn_out + 0.01))[0].ok
    assert not views.self_checks(replace(found, mlp_out=found.mlp_out + 0.01))[1].ok


def test_dropout_is_shown_on_what_transformers_has_at_the_three_places(
    monkeypatch: pytest.MonkeyPatch, tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    places = views.dropout_places(tiny_model.trace(IDS), LAYER, 2, POSITION, 0.4, seed=4)
    with torch.inference_mode():
        maps = reference.model(torch.tensor([list(IDS)]), output_attentions=True).attentions
    expected = [
        reference.layers[0]["resid_pre"][POSITION],
        maps[LAYER][0, 2, POSITION, : POSITION + 1].numpy(),
        reference.layers[LAYER]["attn_out"][POSITION],
        reference.layers[LAYER]["mlp_out"][POSITION],
    ]
    for place, values in zip(places, expected, strict=True):
        assert np.allclose(place.before, values, atol=1e-5 * np.abs(values).max()), place.name
        assert (place.after[place.gone] == 0).all()
        assert np.allclose(place.after[~place.gone], values[~place.gone] / 0.6, rtol=1e-3, atol=1e-5)
    assert sum(place.gone.sum() for place in places) > 0
    monkeypatch.setattr(ui, "mode", lambda: "light")
    cells = sections._dropout_figure(places, "Dropout").data[0]["z"]
    assert np.isnan(cells[1, POSITION + 1 :]).all() and np.nanmax(np.abs(cells), axis=1) == pytest.approx([1, 1, 1, 1])
    assert views.dropout_check(places, 0.4).ok and not views.dropout_check(places, 0.39).ok
    table = views.dropout_table(places)()
    assert len(table) == 3 * 32 + POSITION + 1 and table["zeroed"].sum() == sum(p.gone.sum() for p in places)


def test_the_table_has_every_number_of_every_strip(tiny_model: LanguageModel) -> None:
    listed = views.stations(tiny_model.trace(IDS).block(LAYER, (POSITION,)), LAYER, 2)
    table = views.table(listed)
    assert len(table) == 8 * 32
    mid = table[table["variable"] == "resid_mid"].sort_values("dimension")["value"]
    assert np.array_equal(mid, listed[3].values)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(("part", "title", "rows"), [("stations", "Layer 0", 8), ("dropout", "As it runs", 4)])
def test_every_part_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str, part: str, title: str, rows: int
) -> None:
    at = open_page(monkeypatch, tiny_folder, "block", prompt=prompt, block=part)
    header, arrays = component_data(at, title)
    assert len(header["rows"]) == rows
    assert all(len(values) == 32 for name, values in arrays.items() if name[-1] != "1" or part == "stations")
    assert badges(at)  # the self-check


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    junk = {"block_scale": "log", "dropout": "2", "drop_rate": "1", "dropout_seed": "x", **JUNK}
    assert component_data(open_page(monkeypatch, tiny_folder, "block", **junk), "Layer 0")
    assert component_data(open_page(monkeypatch, tiny_folder, "block", block="dropout", **junk), "As it runs")


def test_the_page_shows_layer_and_token_of_the_link_and_one_scale_when_asked(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    trace = tiny_model.trace(tiny_model.tokenizer.encode("Once upon a time"))
    link = {"prompt": "Once upon a time", "layer": "1", "position": "2"}
    at = open_page(monkeypatch, tiny_folder, "block", **link)
    header, arrays = component_data(at, "Layer 1, position 2")
    assert np.allclose(arrays["values7"], trace.resid(2)[2]) and np.allclose(arrays["values0"], trace.resid(1)[2])
    limits = [row[4] for row in header["rows"]]
    assert limits == pytest.approx([np.abs(arrays[f"values{i}"]).max() for i in range(8)])
    assert f"[1, {trace.n_tokens}, 32] goes in" in printed(at).replace("\N{NO-BREAK SPACE}", " ")
    at.segmented_control(key="widget_choice_block_scale").set_value("one").run()
    assert at.query_params["block_scale"] == "one"
    for page in (at, open_page(monkeypatch, tiny_folder, "block", **link, block_scale="one")):
        assert [row[4] for row in component_data(page, "Layer 1")[0]["rows"]] == pytest.approx([max(limits)] * 8)


def test_every_station_leads_somewhere_the_ends_of_a_block_to_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    norm = "layer_norm?layer_norm=token&site="
    between = [f"{norm}ln_1", "attention", "shortcuts", f"{norm}ln_2", "feed_forward", "shortcuts"]
    for layer, (before, after) in enumerate((("embeddings", "block?layer=1"), ("block?layer=0", f"{norm}final"))):
        header, _ = component_data(open_page(monkeypatch, tiny_folder, "block", layer=str(layer)), f"Layer {layer}")
        assert [row[6] for row in header["rows"]] == [before, *between, after]


def test_the_name_of_the_next_block_opens_it_on_the_same_page(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    clicks, draw = ["block?layer=1"], sections.block_path

    def clicked(*strips: Any, **arguments: Any) -> str | None:
        draw(*strips, **arguments)
        return clicks.pop() if clicks else None

    monkeypatch.setattr(sections, "block_path", clicked)
    at = open_page(monkeypatch, tiny_folder, "block", position="2")
    assert not clicks and component_data(at, "Layer 1, position 2")
    assert at.query_params["layer"] == "1" and at.slider(key="widget_layer").value == 1


def test_the_name_of_a_layer_norm_opens_that_one(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    monkeypatch.setattr(sections, "block_path", lambda *strips, **arguments: "layer_norm?layer_norm=token&site=ln_2")
    opened = open_page(monkeypatch, tiny_folder, "block", layer="1", layer_norm="classroom")
    assert "Layer 1, before feed-forward" in printed(opened)
    assert opened.query_params["site"] == "ln_2" and "layer_norm" not in opened.query_params


def test_without_the_switch_nothing_is_zeroed_and_the_values_are_those_of_inference(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    trace = tiny_model.trace(tiny_model.tokenizer.encode("Once upon a time"))
    link = {"prompt": "Once upon a time", "layer": "1", "position": "2", "drop_rate": "0.5"}
    _, arrays = component_data(open_page(monkeypatch, tiny_folder, "block", block="dropout", **link), "As it runs")
    assert not any(arrays[f"gone{i}"].any() for i in range(4))
    assert np.allclose(arrays["values0"], trace.resid(0)[2]) and np.allclose(arrays["values3"], trace.block(1, (2,)).mlp_out[0])


def test_the_formula_says_what_training_would_have_made_of_the_numbers_also_while_nothing_is_zeroed(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    trace = tiny_model.trace(tiny_model.tokenizer.encode("Once upon a time"))
    link = {
        "prompt": "Once upon a time",
        "layer": "1",
        "position": "3",
        "block": "dropout",
        "drop_rate": "0.35",
        "dropout_seed": "4",
    }
    off, on = (open_page(monkeypatch, tiny_folder, "block", **link, dropout=switch) for switch in "01")
    (formula,) = (element.proto.body for element in off.get("latex"))
    kept, mean = re.search(r"\\text\{if kept\} &= .* = (\S+) .*\\text\{mean\} &= .*&= (\S+) ", formula).groups()
    weight = max(trace.attention(1, positions=(3,), heads=(0,)).pattern[0, 0])
    assert (kept, mean) == (f"{weight / 0.65:.3g}", f"{weight:.3g}")
    (drawn,) = (element.proto.body for element in on.get("latex"))
    assert r"\to" in drawn and "if kept" not in drawn
    said = "what one step of training at a dropout rate of 0.35 would make of the largest attention weight"
    assert said in printed(off) and said not in printed(on)
    assert "GPT-2 has dropout at three places" in printed(off) and badges(off)


def test_dropout_follows_rate_and_seed_by_widget_and_by_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "block", block="dropout")
    at.toggle(key="widget_choice_dropout").set_value(True).run()
    at.slider(key="widget_choice_drop_rate").set_value(0.5).run()
    header, first = component_data(at, "Dropout")
    assert [row[8] for row in header["rows"]] == ["signed", "attention", "signed", "signed"]
    assert 0 < first["gone0"].sum() < 32 and not first["values0"][first["gone0"] == 1].any()
    at.number_input(key="widget_choice_dropout_seed").set_value(2).run()
    second = component_data(at, "Dropout")[1]
    assert not np.array_equal(second["gone0"], first["gone0"])
    link = {"dropout": "1", "drop_rate": "0.5", "dropout_seed": "2"}
    assert {name: at.query_params[name] for name in link} == link
    by_link = component_data(open_page(monkeypatch, tiny_folder, "block", block="dropout", **link), "Dropout")[1]
    assert all(np.array_equal(by_link[name], second[name]) for name in second)
    at.slider(key="widget_choice_drop_rate").set_value(0.0).run()
    assert not component_data(at, "Dropout")[1]["gone0"].any() and not at.exception
