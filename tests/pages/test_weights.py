"""The loaded weights on the parameters page: histogram and figures of one tensor against the file and against torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

from app.chapters.parameters import checks
from app.chapters.parameters import weights as weight_sections
from gptcore import by_torch
from gptcore.weights import weight_statistics
from tests.pages.parameters_page import LAYER, Opened
from tests.pages.visit_page import descriptions, figure, numbers, printed


def test_the_histogram_counts_the_numbers_of_the_file(opened: Opened, tiny_folder: Path) -> None:
    stored = load_file(tiny_folder / "model.safetensors")
    matrix = stored[f"transformer.h.{LAYER}.attn.c_attn.weight"].astype(np.float64)
    bars = figure(opened("weights"), f"Numbers of blocks.{LAYER}.attention.qkv.weight")["data"][0]
    width, middles = numbers(bars["width"])[0], numbers(bars["x"])
    edges = np.append(middles - width / 2, middles[-1] + width / 2)
    assert np.abs(numbers(bars["y"]) - np.histogram(matrix, edges)[0]).sum() <= 2  # a number may lie on an edge
    assert edges[0] == pytest.approx(matrix.mean() - 5 * matrix.std(), rel=1e-6)


@pytest.mark.parametrize(("outside", "said"), [(1, "1 number lies beyond."), (2, "2 numbers lie beyond.")])
def test_the_numbers_beyond_the_histogram_are_counted_in_words(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, outside: int, said: str
) -> None:
    found = weight_sections.statistics
    monkeypatch.setattr(weight_sections, "statistics", lambda *names: replace(found(*names), outside=outside))
    assert said in printed(opened("weights"))


def test_another_tensor_inside_or_outside_the_blocks_can_be_looked_at_and_linked_to(opened: Opened) -> None:
    page = opened("weights")
    page.selectbox(key="widget_choice_tensor").set_value("ln_2.scale").run()
    assert figure(page, f"Numbers of blocks.{LAYER}.ln_2.scale") and page.query_params["tensor"] == "ln_2.scale"
    page.segmented_control(key="widget_choice_place").set_value("outside").run()
    assert figure(page, "Numbers of token_embedding.weight") and page.query_params["place"] == "outside"
    assert "final_norm.shift" in printed(page)
    assert figure(opened("weights", tensor="ln_1.shift"), f"Numbers of blocks.{LAYER}.ln_1.shift")
    assert figure(opened("weights", place="outside", tensor="final_norm.scale"), "Numbers of final_norm.scale")


@pytest.mark.parametrize("name", ["mean", "spread", "norm"])
def test_a_wrong_figure_of_a_tensor_is_noticed(name: str) -> None:
    for tensor in (torch.full((9000, 3), 2.0), torch.randn(9000, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(4)):
        found = weight_statistics(tensor)
        assert checks.statistics_recounted("t", found, by_torch.moments(tensor)).ok
        wrong = replace(found, **{name: 1.001 * getattr(found, name) + 1e-3})
        assert not checks.statistics_recounted("t", wrong, by_torch.moments(tensor)).ok


def test_the_drawn_tensor_is_the_one_that_is_checked(opened: Opened) -> None:
    said = [text for text in descriptions(opened("weights", tensor="ln_2.scale")) if "spread from each" in text]
    assert len(said) == 1 and "ln_2.scale" in said[0]


def test_the_table_of_weights_is_exported_with_the_numbers_of_the_file(
    opened: Opened, exports: dict[str, pd.DataFrame], tiny_folder: Path
) -> None:
    opened("weights")
    frame = exports["weight_statistics"].set_index("tensor")
    stored = load_file(tiny_folder / "model.safetensors")[f"transformer.h.{LAYER}.mlp.c_fc.weight"].astype(np.float64)
    row = frame.loc["feed_forward.widen.weight"]
    near = (np.abs(stored) <= 0.1 * stored.std()).mean()
    found = [row["numbers"], row["mean"], row["spread"], row["norm"], row["near_zero"]]
    assert len(frame) == 12 and found == pytest.approx([stored.size, stored.mean(), stored.std(), np.linalg.norm(stored), near])
