"""The parameters page: counts, bytes and operations against transformers and torch, weights against the file, the controls."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel

from app import choices, counting
from app.chapters.parameters import checks, views
from app.chapters.parameters.controls import Counted, divisors
from gptcore import parameters
from gptcore.checkpoints import LanguageModel, read_config, save_model
from gptcore.config import GPT2_SMALL, GPT3_175B, GPT_CONFIG_124M, GPTConfig
from gptcore.model import GPTModel
from tests.pages.parameters_page import Opened
from tests.pages.place import place
from tests.pages.visit_page import JUNK, descriptions, figure, figures, numbers, open_page, printed


def count_on_screen(at: AppTest) -> int:
    (found,) = set(re.findall(r"\*\*([\d,]+) parameters\*\*", printed(at)))
    return int(found.replace(",", ""))


def counted_by_transformers(config: GPTConfig, tied: bool = True) -> int:
    theirs = GPT2Config(
        vocab_size=config.vocab_size,
        n_positions=config.context_length,
        n_embd=config.emb_dim,
        n_head=config.n_heads,
        n_layer=config.n_layers,
        tie_word_embeddings=tied,
    )
    with torch.device("meta"):
        return int(GPT2LMHeadModel(theirs).num_parameters())


@pytest.mark.parametrize(("part", "n_figures"), {"where": 1, "weights": 1, "memory": 1, "work": 1, "configuration": 0}.items())
def test_every_part_has_its_figures(opened: Opened, part: str, n_figures: int) -> None:
    assert len(figures(opened(part))) == n_figures


@pytest.mark.parametrize(
    "config", ["gpt2", "50257-1024-768-13-12-0.1-1-1", "0-1-1-1-1-0-1-1", "1-1-1-1-1-nan-1-1", "1-1-1-1-1-0-2-1"]
)
def test_the_page_opens_on_a_junk_link_and_begins_with_the_loaded_model(
    opened: Opened, tiny_model: LanguageModel, config: str
) -> None:
    junk = {"divided": "by zero", "preset": "gpt5", "config": config, "work": "hard", "place": "here", "tensor": "t"}
    at = opened("everything", **{**JUNK, **junk})
    assert count_on_screen(at) == counted_by_transformers(tiny_model.config)
    assert "Numbers in the tensors" in printed(at) and "exactly equal" in printed(at)
    assert not at.query_params.keys() & {"preset", "config", "place"}


@pytest.mark.parametrize(("slug", "model"), list(zip(choices.PRESETS[1:], counting.PUBLISHED, strict=False)))
def test_each_preset_has_the_count_of_transformers(opened: Opened, slug: str, model: counting.ModelFacts) -> None:
    page = opened()
    page.pills(key="widget_choice_preset").set_value(slug).run()
    assert count_on_screen(page) == counted_by_transformers(model.config) == count_on_screen(opened(preset=slug))
    assert figure(page, f"{model.title}, by component")


def test_the_books_configuration_has_163_million_and_tying_it_124(opened: Opened) -> None:
    page = opened("configuration", preset="124m")
    assert count_on_screen(page) == 163_009_536
    page.selectbox(key="config_124m_tied").set_value(True).run()
    assert count_on_screen(page) == 124_412_160
    page.selectbox(key="config_124m_qkv_bias").set_value(True).run()
    assert count_on_screen(page) == 124_439_808


def test_every_key_can_be_changed_and_the_count_and_the_link_follow(opened: Opened, tiny_folder: Path) -> None:
    page, own = opened("configuration"), "config_loaded_"
    for key, value in {"vocab_size": 500, "context_length": 100, "emb_dim": 48, "n_layers": 5}.items():
        page.number_input(key=own + key).set_value(value).run()
    page.selectbox(key=own + "tied").set_value(False).run()
    changed = GPTConfig(500, 100, 48, 4, 5, 0.0, True)
    assert count_on_screen(page) == counted_by_transformers(changed, tied=False)
    before = count_on_screen(page)
    page.number_input(key=own + "drop_rate").set_value(0.3).run()
    page.selectbox(key=own + "n_heads 48").set_value(16).run()
    assert count_on_screen(page) == before
    assert page.query_params["config"] == "500-100-48-16-5-0.3-1-0"
    by_link = opened("configuration", config=page.query_params["config"])
    assert count_on_screen(by_link) == before and by_link.number_input(key=own + "drop_rate").value == 0.3
    page.radio(key="widget_choice_parameters").set_value("where").run()
    assert figure(page, f"{tiny_folder.name}, changed, by component") and count_on_screen(page) == before


def test_what_was_changed_is_dropped_for_another_preset_and_what_was_changed_back_is_no_change(opened: Opened) -> None:
    page = opened("configuration", preset="gpt2")
    page.number_input(key="config_gpt2_n_layers").set_value(13).run()
    assert "config" in page.query_params
    page.number_input(key="config_gpt2_n_layers").set_value(12).run()
    assert "config" not in page.query_params and count_on_screen(page) == 124_439_808
    page.number_input(key="config_gpt2_n_layers").set_value(13).run()
    page.pills(key="widget_choice_preset").set_value("gpt2-xl").run()
    assert "config" not in page.query_params and count_on_screen(page) == 1_557_611_200


@pytest.mark.parametrize(("layers", "said"), [(1, "The only attention map would take"), (3, "All 3 attention maps would take")])
def test_one_attention_map_is_not_called_all_of_them(opened: Opened, layers: int, said: str) -> None:
    assert said in printed(opened("memory", config=f"500-100-48-1-{layers}-0.1-1-1"))


def test_a_configuration_stands_beside_the_loaded_model_with_all_that_it_costs(opened: Opened, tiny_model: LanguageModel) -> None:
    text = printed(opened("configuration", preset="gpt2"))
    rows = {
        name: values
        for name, *values in re.findall(
            r"<tr[^>]*><td><div[^>]*>(.*?)</div></td><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>", text
        )
    }
    assert rows["Parameters"] == ["124,439,808", f"{counted_by_transformers(tiny_model.config):,}"]
    assert rows["of them in one block"][0] == "7,087,872" and rows["K/V cache for each token"][0] == "73.7 kB"
    assert (rows["Weights in float32"][0], rows["the same in MiB"][0]) == ("498 MB", "475 MiB") and rows["K/V cache"][
        0
    ] == "75.5 MB"
    assert rows["that attention's two products add"][0] == "15.3 %" and rows["All attention maps"][0] == "604 MB"


@pytest.mark.parametrize(("config", "tied", "heads"), [("", False, "23.7 %"), ("50257-1024-768-12-12-0.1-0-1", True, "0.0 %")])
def test_every_part_of_a_configuration_has_its_share_and_they_make_up_the_whole(
    opened: Opened, exports: dict[str, pd.DataFrame], config: str, tied: bool, heads: str
) -> None:
    text = printed(opened("configuration", preset="124m", **({"config": config} if config else {})))
    (shown,) = re.findall(r">in an output head of its own</div></td><td[^>]*>(.*?)</td>", text)
    assert shown == heads
    frame = exports["configuration"].set_index("what")
    shares = frame[(frame.unit == "share") & frame.index.str.startswith("in ")]
    with torch.device("meta"):
        model = GPTModel(GPT_CONFIG_124M, tied)
    total = sum(tensor.numel() for tensor in model.parameters())
    assert list(shares.this * total) == pytest.approx(
        [
            sum(tensor.numel() for block in model.blocks for tensor in block.feed_forward.parameters()),
            sum(tensor.numel() for block in model.blocks for tensor in block.attention.parameters()),
            sum(tensor.numel() for name, tensor in model.named_parameters() if "ln_" in name or "norm" in name),
            model.token_embedding.weight.numel(),
            model.position_embedding.weight.numel(),
            0 if tied else model.output_head.weight.numel(),
        ]
    )
    assert shares.this.sum() == pytest.approx(1) and shares.loaded.sum() == pytest.approx(1)


def test_an_output_head_of_its_own_is_drawn_listed_and_exported(opened: Opened, exports: dict[str, pd.DataFrame]) -> None:
    for divided in ("component", "block"):
        at = opened("where", preset="124m", divided=divided)
        drawn = figure(at, "GPT_CONFIG_124M, by")["data"][0]
        labels = list(drawn["labels"])
        assert numbers(drawn["values"])[labels.index("Output head")] == 50257 * 768
        assert re.search(r">Output head</div></td><td[^>]*>38,597,376</td><td[^>]*>23.7 %</td>", printed(at))
        frame = exports[f"parameters_by_{divided}"]
        frame = frame.set_index("part" if divided == "block" else "component")
        assert frame.parameters["Output head"] == 50257 * 768


def test_the_answer_names_an_output_head_of_the_loaded_models_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_folder: Path, opened: Opened
) -> None:
    assert "% in an output head of its own" not in printed(opened())
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "untied"))
    model = GPTModel(read_config(folder)[0], tied=False)
    save_model(model, folder)
    share = model.output_head.weight.numel() / sum(tensor.numel() for tensor in model.parameters())
    assert f", {100 * share:.1f} % in an output head of its own." in printed(open_page(monkeypatch, folder, "parameters"))


def test_only_counts_of_heads_that_share_the_width_can_be_chosen() -> None:
    assert divisors(48) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]
    assert all(12288 % n == 0 for n in divisors(12288)) and 96 in divisors(12288)
    assert divisors(769) == [1, 769]


@pytest.mark.parametrize("tied", [True, False])
def test_the_parts_by_block_are_the_tensors_of_each_block(tied: bool) -> None:
    config = GPTConfig(301, 37, 30, 5, 3, 0.0, True)
    parts = {part.id: part for part in views.parts_by_block(config, tied, "whole")}
    with torch.device("meta"):
        model = GPTModel(config, tied)
    for layer, block in enumerate(model.blocks):
        assert parts[f"b{layer}"].value == sum(tensor.numel() for tensor in block.parameters())
        assert parts[f"b{layer}Attention"].value == sum(tensor.numel() for tensor in block.attention.parameters())
    total = sum(tensor.numel() for tensor in model.parameters())
    assert parts["whole"].value == total == sum(part.value for part in parts.values() if part.parent == "whole")


def test_the_parts_drawn_by_block_are_the_parts_exported(opened: Opened, exports: dict[str, pd.DataFrame]) -> None:
    drawn = figure(opened(divided="block", preset="gpt2"), "GPT-2 small, by block")["data"][0]
    frame = exports["parameters_by_block"]
    assert list(frame.part) == list(drawn["labels"]) and list(frame.parameters) == list(numbers(drawn["values"]))
    attention = frame[(frame.part == "Attention") & (frame.within == "Block 11")]
    assert list(attention.parameters) == [2_362_368] and list(frame.part[frame.within == ""]) == ["GPT-2 small"]
    opened()
    assert "in_one_block" in exports["parameters_by_component"]


def test_a_configuration_is_exported_in_numbers(opened: Opened, exports: dict[str, pd.DataFrame]) -> None:
    opened("configuration", preset="gpt2")
    frame = exports["configuration"].set_index("what")
    assert frame.this.dtype.kind == frame.loaded.dtype.kind == "f"
    for what, unit, value in (
        ("Parameters", "numbers", 124_439_808),
        ("Weights in float32", "bytes", 497_759_232),
        ("the same in MiB", "MiB", 497_759_232 / 2**20),
        ("K/V cache", "bytes", 72 * 2**20),
        ("in attention", "share", 12 * 2_362_368 / 124_439_808),
    ):
        assert frame.unit[what] == unit and frame.this[what] == pytest.approx(value, rel=1e-12)


def test_many_blocks_are_drawn_in_groups_and_none_is_lost() -> None:
    parts = views.parts_by_block(GPT3_175B, True, "GPT-3")
    blocks = [part for part in parts if part.label.startswith("Block")]
    assert [part.label for part in blocks[:2]] == ["Blocks 0 to 1", "Blocks 2 to 3"] and len(blocks) == 48
    assert parts[0].value == sum(part.value for part in parts if part.parent == "whole")


def test_the_four_quoted_sizes_and_the_three_counts_stand_on_the_page_with_their_reasons(opened: Opened) -> None:
    text = printed(opened("memory"))
    for size in ("497.8 MB", "548.1 MB", "621.83 MiB", "652.04 MB"):
        assert f"**{size}**" in text
    text = printed(opened("where"))
    for number in ("124,439,808", "124,412,160", "163,009,536", "163,037,184", "38,597,376", "116,534,784"):
        assert number in text


def test_the_bytes_of_the_table_are_those_of_a_real_tensor() -> None:
    frame = views.weight_memory(GPT_CONFIG_124M).set_index(["number_type", "tied"])
    for name in ("float32", "float16", "int8"):
        each = torch.empty(0, dtype=getattr(torch, name)).element_size()
        assert frame.bytes[name, True] == 124_412_160 * each and frame.bytes[name, False] == 163_009_536 * each
    assert frame.MB["float32", False] == pytest.approx(652.04, abs=0.005)
    assert frame.MiB["float32", False] == pytest.approx(621.83, abs=0.005)


def test_the_work_drawn_is_what_torch_counts(opened: Opened, tiny_model: LanguageModel) -> None:
    lines = {line["name"]: line for line in figure(opened("work"), "Work for each token")["data"]}
    n = tiny_model.config.context_length
    with torch.device("meta"):
        model = GPTModel(tiny_model.config).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, n, dtype=torch.long, device="meta"))
    drawn = sum(numbers(line["y"])[-1] for line in lines.values())
    assert numbers(lines["Blocks"]["x"])[-1] == n
    assert drawn * 1e3 * n == pytest.approx(counter.get_total_flops())  # drawn in kFLOP


def test_what_attention_adds_is_shown_under_three_named_conventions(opened: Opened) -> None:
    row = views.work(GPT2_SMALL).iloc[-1]
    assert row.n_tokens == 1024
    assert [round(100 * row[name], 1) for name in views.CONVENTIONS] == [15.3, 22.2, 7.6]
    page = opened("work", preset="gpt2")
    page.segmented_control(key="widget_choice_work").set_value("share").run()
    assert page.query_params["work"] == "share"
    lines = figure(page, "What attention's two products add")["data"]
    assert [round(100 * numbers(line["y"])[-1], 1) for line in lines] == [15.3, 22.2, 7.6]
    assert "15.3 % (with the head, whole square)" in printed(page)


def test_the_cache_and_the_attention_maps_of_gpt2_small_are_given(opened: Opened) -> None:
    text = printed(opened("memory", preset="gpt2"))
    assert "73{,}728" in text and "72.00 MiB" in text and "576.00 MiB" in text


def test_the_checks_fail_where_a_tensor_or_an_operation_is_too_many(
    tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(tiny_model, model=GPTModel(tiny_model.config))
    here = place(model, (1, 2))
    checks = (counting.numbers_counted, counting.bytes_counted)
    assert all(check(here).ok for check in checks) and counting.work_counted(GPT2_SMALL).ok
    model.model.register_parameter("stray", torch.nn.Parameter(torch.zeros(3), requires_grad=False))
    assert [check(here).deviation for check in checks] == [3, 12]
    flops = parameters.forward_flops(GPT2_SMALL, 1024)
    monkeypatch.setattr(parameters, "forward_flops", lambda *_: replace(flops, blocks=flops.blocks + 1))
    assert not counting.work_counted(GPT2_SMALL).ok


@pytest.mark.parametrize(("preset", "whose"), {
    "loaded": "the loaded model's", "gpt2": "all tensors of GPT-2 small", "124m": "all tensors of GPT_CONFIG_124M",
}.items())  # fmt: skip
def test_the_checks_speak_of_the_configuration_that_is_shown(opened: Opened, preset: str, whose: str) -> None:
    for part in ("where", "memory", "configuration"):
        page = opened(part, preset=preset)
        assert whose in descriptions(page)[0] and "exactly equal" in printed(page)
        assert ("loaded" in descriptions(page)[0]) is (preset == "loaded")


def test_a_part_or_a_line_that_is_off_is_noticed_for_any_configuration(tiny_model: LanguageModel) -> None:
    here = place(tiny_model, (1, 2))
    for config, tied in ((tiny_model.config, True), (GPT_CONFIG_124M, False), (GPT3_175B, True)):
        now = Counted("", "shown", config, tied)
        for divided in (views.parts_by_block, views.parts_by_component):
            parts = divided(config, tied, "shown")
            assert checks.drawn_counted(now, here, parts).ok
            wrong = [*parts[:-1], replace(parts[-1], value=parts[-1].value + 5)]
            assert checks.drawn_counted(now, here, wrong).deviation == 5
        table = views.weight_memory(config)
        assert checks.table_counted(now, here, table).ok
        wrong_table = table.assign(bytes=table.bytes + 7 * (table.number_type == "int8"))
        assert checks.table_counted(now, here, wrong_table).deviation == 7
