"""The formula of the attention page follows what the map draws: heads taken together, and joined words, against transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.chapters.attention import formulas, views
from app.chapters.attention.views import AttentionMap, Together
from app.chapters.tokens.surprise_views import word_numbers
from app.writing.worked import latex_number
from gptcore.language_model import LanguageModel
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
WORDS = (0, 0, 1, 2, 2, 2)


def weights_of(folder: Path, ids: tuple[int, ...]) -> np.ndarray:
    """What transformers says of a text: [layer, head, query, key]."""
    with torch.inference_mode():
        found = TransformersRun(folder, ids).model(torch.tensor([ids]), output_attentions=True).attentions
    return np.stack([layer[0].numpy() for layer in found]).astype(np.float64)


@pytest.mark.parametrize("heads", ["mean", "largest"])
def test_of_heads_taken_together_the_formula_has_the_key_that_the_drawn_row_reads_most(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, heads: str
) -> None:
    prompt = "the cat sat on the mat"
    ids = tiny_model.tokenizer.encode(prompt)
    layers = weights_of(tiny_folder, ids)
    rows = layers.mean(1) if heads == "mean" else layers.max(1)  # [layer, query, key]
    differs = np.argwhere(layers[:, 0].argmax(-1) != rows.argmax(-1))
    assert len(differs)  # else head 0 would do as well
    layer, query = differs[-1].tolist()
    at = open_page(
        monkeypatch,
        tiny_folder,
        "attention",
        attention="head",
        prompt=prompt,
        heads=heads,
        layer=str(layer),
        head="3",
        position=str(query),
    )
    key = int(rows[layer, query].argmax())
    assert at.selectbox(key="widget_choice_key").options[0].endswith(f" ({key})")
    assert f"a^{{(h)}}_{{{query},\\,{key}}}" in printed(at)
    result = latex_number(float(rows[layer, query, key]))
    assert f"&= {result} " in printed(at)
    if heads == "largest":
        assert rf"\max({result}, " in printed(at)


@pytest.mark.parametrize("together", ["one", "mean"])
def test_of_joined_words_the_formula_ends_in_the_number_of_the_joined_cell(
    tiny_folder: Path, tiny_model: LanguageModel, together: Together
) -> None:
    layer = weights_of(tiny_folder, IDS)[1]
    shown = AttentionMap(1, 2, together, hide_first=True, words=WORDS)
    weights = layer.mean(0) if together == "mean" else layer[2]
    cell = views.joined_cell(tiny_model.trace(IDS), shown, 2, 0)
    assert np.allclose(cell, weights[3:, :2], rtol=1e-4, atol=1e-6)
    text = formulas.of_words(cell, shown, 2, 0)
    sums = weights[3:, :2].sum(1)
    assert rf"\frac{{{latex_number(float(sums[0]))} + {latex_number(float(sums[1]))} + \cdots}}{{3}}" in text
    assert text.removesuffix(r" \end{aligned}").endswith(f"= {latex_number(float(sums.mean()))}")
    about = formulas.about_words(shown, 2, 0)
    assert "(positions 3 to 5)" in about and "(positions 0 to 1)" in about
    assert "(position 2)" in formulas.about_words(shown, 2, 1)


def test_a_click_on_a_joined_cell_puts_the_words_value_into_the_formula(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "zebra quizzes"
    ids = tiny_model.tokenizer.encode(prompt)
    words = word_numbers([tiny_model.tokenizer.bytes_of(i) for i in ids])
    queries, keys = ([i for i, word in enumerate(words) if word == w] for w in (1, 0))
    assert len(queries) > 1 and len(keys) > 1
    expected = weights_of(tiny_folder, ids)[1, 3][np.ix_(queries, keys)].sum(1).mean()
    at = open_page(
        monkeypatch, tiny_folder, "attention", attention="head", prompt=prompt, layer="1", head="3", join_words="1",
        position=str(queries[-1]), key=str(keys[0]),
    )  # fmt: skip
    assert "A_{1,\\,0}" in printed(at) and f"&= {latex_number(float(expected))} " in printed(at)
    assert at.selectbox(key="widget_choice_key").value == keys[0]  # any piece of a word stands for it
    assert "puts the word that attends and the one that it attends to into the maths" in printed(at)
