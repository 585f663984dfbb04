"""The parameters page: counts, bytes and operations against transformers and torch, weights against the file, the controls."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from streamlit.testing.v1 import AppTest
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel

from app import arithmetic_views as views
from app.config_controls import divisors
from gptcore.checkpoints import LanguageModel
from gptcore.config import GPT2_SMALL, GPT3_175B, GPT_CONFIG_124M, GPTConfig
from gptcore.model import GPTModel
from tests.pages.visit_page import JUNK, PROMPTS, figure, figures, numbers, open_page, printed

LAYER = 1


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> AppTest:
    return open_page(monkeypatch, tiny_folder, "parameters", layer=str(LAYER))


def count_on_screen(at: AppTest) -> int:
    heading = next(found.value for found in at.subheader if found.value.endswith(" parameters"))
    return int(re.sub(r"\D", "", heading))


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


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_page_opens_for_every_kind_of_prompt(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str) -> None:
    assert len(figures(open_page(monkeypatch, tiny_folder, "parameters", prompt=prompt))) == 3


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert figures(open_page(monkeypatch, tiny_folder, "parameters", **JUNK))


def test_it_begins_with_the_loaded_model(page: AppTest, tiny_model: LanguageModel) -> None:
    assert count_on_screen(page) == counted_by_transformers(tiny_model.config)
    assert "Numbers in the tensors" in printed(page) and "off by 0 at most" in printed(page).replace("\\", "")


@pytest.mark.parametrize("model", views.PUBLISHED, ids=lambda model: model.title)
def test_each_preset_has_the_count_of_transformers(page: AppTest, tiny_folder: Path, model: views.ModelFacts) -> None:
    page.pills(key=f"config_preset_{tiny_folder.name}").set_value(model.title).run()
    assert count_on_screen(page) == counted_by_transformers(model.config)


def test_the_books_configuration_has_163_million_and_tying_it_124(page: AppTest, tiny_folder: Path) -> None:
    page.pills(key=f"config_preset_{tiny_folder.name}").set_value("GPT_CONFIG_124M").run()
    assert count_on_screen(page) == 163_009_536
    page.selectbox(key="config_GPT_CONFIG_124M_tied").set_value(True).run()
    assert count_on_screen(page) == 124_412_160
    page.selectbox(key="config_GPT_CONFIG_124M_qkv_bias").set_value(True).run()
    assert count_on_screen(page) == 124_439_808


def test_every_key_can_be_changed_and_the_count_follows(page: AppTest, tiny_folder: Path) -> None:
    own = f"config_{tiny_folder.name}_"
    for key, value in {"vocab_size": 500, "context_length": 100, "emb_dim": 48, "n_layers": 5}.items():
        page.number_input(key=own + key).set_value(value).run()
    page.selectbox(key=own + "tied").set_value(False).run()
    changed = GPTConfig(500, 100, 48, 4, 5, 0.0, True)
    assert count_on_screen(page) == counted_by_transformers(changed, tied=False)
    before = count_on_screen(page)
    page.number_input(key=own + "drop_rate").set_value(0.3).run()
    page.selectbox(key=own + "n_heads 48").set_value(16).run()
    assert count_on_screen(page) == before
    assert figure(page, f"{tiny_folder.name}, changed, by component")


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


def test_many_blocks_are_drawn_in_groups_and_none_is_lost() -> None:
    parts = views.parts_by_block(GPT3_175B, True, "GPT-3")
    blocks = [part for part in parts if part.label.startswith("Block")]
    assert [part.label for part in blocks[:2]] == ["Blocks 0 to 1", "Blocks 2 to 3"] and len(blocks) == 48
    assert parts[0].value == sum(part.value for part in parts if part.parent == "whole")


def test_the_four_quoted_sizes_and_the_three_counts_stand_on_the_page_with_their_reasons(page: AppTest) -> None:
    text = printed(page)
    for size in ("497.8 MB", "548.1 MB", "621.83 MiB", "652.04 MB"):
        assert f"**{size}**" in text
    for number in ("124,439,808", "124,412,160", "163,009,536", "163,037,184", "38,597,376", "116,534,784"):
        assert number in text


def test_the_bytes_of_the_table_are_those_of_a_real_tensor(page: AppTest) -> None:
    frame = views.weight_memory(GPT_CONFIG_124M).set_index(["number_type", "tied"])
    for name in ("float32", "float16", "int8"):
        each = torch.empty(0, dtype=getattr(torch, name)).element_size()
        assert frame.bytes[name, True] == 124_412_160 * each and frame.bytes[name, False] == 163_009_536 * each
    assert frame.MB["float32", False] == pytest.approx(652.04, abs=0.005)
    assert frame.MiB["float32", False] == pytest.approx(621.83, abs=0.005)


def test_the_work_drawn_is_what_torch_counts(page: AppTest, tiny_model: LanguageModel) -> None:
    lines = {line["name"]: line for line in figure(page, "Work for each token")["data"]}
    n = tiny_model.config.context_length
    with torch.device("meta"):
        model = GPTModel(tiny_model.config).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, n, dtype=torch.long, device="meta"))
    drawn = sum(numbers(line["y"])[-1] for line in lines.values())
    assert numbers(lines["Blocks"]["x"])[-1] == n
    assert drawn * 1e3 * n == pytest.approx(counter.get_total_flops())  # drawn in kFLOP


def test_what_attention_adds_is_shown_under_three_named_conventions(page: AppTest, tiny_folder: Path) -> None:
    row = views.work(GPT2_SMALL).iloc[-1]
    assert row.n_tokens == 1024
    assert [round(100 * row[name], 1) for name in views.CONVENTIONS] == [15.3, 22.2, 7.6]
    page.pills(key=f"config_preset_{tiny_folder.name}").set_value("GPT-2 small").run()
    page.segmented_control(key="parameters_work").set_value("Share").run()
    lines = figure(page, "What attention's two products add")["data"]
    assert [round(100 * numbers(line["y"])[-1], 1) for line in lines] == [15.3, 22.2, 7.6]
    assert "15.3 % (with the head, whole square)" in printed(page)


def test_the_cache_and_the_attention_maps_of_gpt2_small_are_given(page: AppTest, tiny_folder: Path) -> None:
    page.pills(key=f"config_preset_{tiny_folder.name}").set_value("GPT-2 small").run()
    text = printed(page)
    assert "73{,}728" in text and "72.00 MiB" in text and "576.00 MiB" in text


def test_the_histogram_counts_the_numbers_of_the_file(page: AppTest, tiny_folder: Path) -> None:
    stored = load_file(tiny_folder / "model.safetensors")
    matrix = stored[f"transformer.h.{LAYER}.attn.c_attn.weight"].astype(np.float64)
    bars = figure(page, f"Numbers of blocks.{LAYER}.attention.qkv.weight")["data"][0]
    width, middles = numbers(bars["width"])[0], numbers(bars["x"])
    edges = np.append(middles - width / 2, middles[-1] + width / 2)
    assert np.abs(numbers(bars["y"]) - np.histogram(matrix, edges)[0]).sum() <= 2  # a number may lie on an edge
    assert edges[0] == pytest.approx(matrix.mean() - 5 * matrix.std(), rel=1e-6)


def test_another_tensor_inside_or_outside_the_blocks_can_be_looked_at(page: AppTest) -> None:
    page.selectbox(key="parameters_tensor_In a block").set_value("ln_2.scale").run()
    assert figure(page, f"Numbers of blocks.{LAYER}.ln_2.scale")
    page.segmented_control(key="parameters_place").set_value("Outside the blocks").run()
    assert figure(page, "Numbers of token_embedding.weight")
    assert "final_norm.shift" in printed(page)


def test_numbers_in_words_keep_three_or_four_digits() -> None:
    assert [views.in_words(n) for n in (12, 2048, 6_174_336, 124_439_808, 1_557_611_200)] == [
        "12", "2,048", "6.17 million", "124.4 million", "1.56 billion",
    ]  # fmt: skip
    assert [views.in_bytes(n) for n in (512, 73_728, 497_759_232, 3.07e12)] == ["512 bytes", "73.7 kB", "497.8 MB", "3.07 TB"]
