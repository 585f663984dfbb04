"""The attention page: its maps and numbers against transformers and plain numpy, and the page itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.chapters.attention import formulas, views
from app.chapters.attention import heads as attention_heads
from app.chapters.attention.heads import Heads
from app.chapters.attention.views import PARTS, AttentionMap
from app.writing.worked import latex_number
from gptcore.checkpoints import LanguageModel
from gptcore.trace import Trace
from tests.pages.transformers_run import TransformersRun, close

IDS = (40, 7, 7, 99, 150, 3)
WORDS = (0, 0, 1, 2, 2, 2)
N, LAYERS, HEADS, WIDTH = len(IDS), 2, 4, 8
LATER = np.arange(N) > np.arange(N)[:, None]


class Reference:
    """What transformers says: pattern [layer, head, query, key]; q, k, v [layer, head, token, 8]; weights and bias of c_attn."""

    def __init__(self, folder: Path) -> None:
        run = TransformersRun(folder, IDS)
        with torch.inference_mode():
            attentions = run.model(torch.tensor([IDS]), output_attentions=True).attentions
        self.pattern = np.stack([layer[0].numpy() for layer in attentions])
        self.attn_in = [layer["attn_in"] for layer in run.layers]
        joined = [block.attn.c_attn for block in run.model.transformer.h]
        self.weights = [linear.weight.detach().numpy() for linear in joined]
        self.bias = [linear.bias.detach().numpy() for linear in joined]
        made = np.stack([x @ w + b for x, w, b in zip(self.attn_in, self.weights, self.bias, strict=True)])
        self.q, self.k, self.v = made.reshape(LAYERS, N, 3, HEADS, WIDTH).transpose(2, 0, 3, 1, 4)


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Reference:
    return Reference(tiny_folder)


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return tiny_model.trace(IDS)


def test_every_stage_is_what_transformers_computes(trace: Trace, reference: Reference) -> None:
    layer, head = 1, 2
    scores = reference.q[layer, head] @ reference.k[layer, head].T
    pattern = reference.pattern[layer, head]
    expected = {
        "scores": scores,
        "scaled": scores / np.sqrt(WIDTH),
        "masked": np.where(LATER, np.nan, scores / np.sqrt(WIDTH)),
        "pattern": np.where(LATER, np.nan, pattern),
        "read": np.where(LATER, np.nan, pattern * np.linalg.norm(reference.v[layer, head], axis=-1)),
    }
    for stage, values in expected.items():
        assert close(views.map_rows(trace, AttentionMap(layer, head, stage=stage)), values), stage


def test_heads_taken_together_are_their_mean_and_their_largest(trace: Trace, reference: Reference) -> None:
    for together, values in (("mean", reference.pattern[0].mean(0)), ("largest", reference.pattern[0].max(0))):
        drawn = views.map_rows(trace, AttentionMap(0, 3, together))
        assert close(drawn, np.where(LATER, np.nan, values))


def test_joined_words_sum_over_keys_and_average_over_queries(trace: Trace, reference: Reference) -> None:
    drawn = views.map_rows(trace, AttentionMap(1, 0, words=WORDS))
    members = [[i for i, word in enumerate(WORDS) if word == w] for w in range(3)]
    for row, queries in enumerate(members):
        for column, keys in enumerate(members):
            expected = reference.pattern[1, 0][np.ix_(queries, keys)].sum(1).mean() if column <= row else np.nan
            assert drawn[row, column] == pytest.approx(expected, rel=1e-4, abs=1e-6, nan_ok=True)
    assert np.allclose(np.nansum(drawn, axis=1), 1, atol=1e-5)


def test_hiding_the_first_token_leaves_the_other_weights_as_they_were(trace: Trace) -> None:
    whole, hidden = (views.map_rows(trace, AttentionMap(0, 1, hide_first=hide)) for hide in (False, True))
    assert np.isnan(hidden[:, 0]).all() and not np.isnan(whole[:, 0]).any()
    assert np.array_equal(hidden[:, 1:], whole[:, 1:], equal_nan=True)


@pytest.mark.parametrize(
    "picture",
    [
        AttentionMap(1, 1),
        AttentionMap(1, 1, stage="read", hide_first=True),
        AttentionMap(0, 0, "mean"),
        AttentionMap(0, 2, words=WORDS),
    ],
    ids=["head", "read", "mean", "words"],
)
def test_a_row_that_is_fetched_alone_is_the_row_of_the_map(trace: Trace, picture: AttentionMap) -> None:
    whole = views.map_rows(trace, picture)
    for row in range(len(whole)):
        assert close(views.map_rows(trace, picture, (row,))[0], whole[row])


@pytest.mark.parametrize("part", PARTS)
def test_the_displayed_input_times_the_displayed_weights_is_what_transformers_makes_of_it(
    tiny_model: LanguageModel, trace: Trace, reference: Reference, part: str
) -> None:
    layer, head, position = 1, 3, 4
    found = views.projection(trace, layer, head, position, part)
    start = PARTS.index(part) * HEADS * WIDTH + head * WIDTH
    made = (reference.q, reference.k, reference.v)[PARTS.index(part)][layer, head, position]
    assert np.array_equal(found.weight, reference.weights[layer][:, start : start + WIDTH])
    assert np.array_equal(found.bias, reference.bias[layer][start : start + WIDTH])
    assert close(found.x, reference.attn_in[layer][position])
    assert close(found.made, made) and close(found.again, made)
    attention = trace.attention(layer, (position,), (head,))
    displayed = {"query": attention.q[0, 0], "key": attention.k[0, position], "value": attention.v[0, position]}
    assert np.array_equal(found.made, displayed[part])


def test_the_self_checks_pass_on_the_model_and_each_fails_on_a_number_that_was_changed(
    tiny_model: LanguageModel, trace: Trace
) -> None:
    found = trace.attention(1, (4,), (2,))
    parts = [views.projection(trace, 1, 2, 4, part) for part in PARTS]
    assert all(check.ok for check in views.self_checks(parts, found))
    wrong = [*parts[:2], replace(parts[2], made=parts[2].made + 0.01)]
    assert [check.ok for check in views.self_checks(wrong, found)] == [False, True, True]
    seeing = found.pattern + np.eye(N, dtype=np.float32)[5] * 0.01  # some weight on a later token
    assert [check.ok for check in views.self_checks(parts, replace(found, pattern=seeing))] == [True, False, True]
    assert [check.ok for check in views.self_checks(parts, replace(found, z=found.z * 1.01))] == [True, True, False]


def test_the_overview_says_of_each_head_what_its_weights_say(trace: Trace, reference: Reference) -> None:
    heads = Heads(LAYERS, HEADS, N)
    heads.grow(trace)
    found = heads.picture()
    table = attention_heads.frame(found).set_index(["layer", "head"])
    assert found.cells == N and (found.images[..., LATER] == 255).all() and (found.images[..., ~LATER] < 255).all()
    for layer in range(LAYERS):
        bits = []
        for head in range(HEADS):
            weights, line = reference.pattern[layer, head].astype(np.float64), table.loc[(layer, head)]
            bits.append(-(weights * np.log2(np.where(weights > 0, weights, 1))).sum(1)[1:].mean())
            assert line["mean_entropy"] == pytest.approx(bits[-1], rel=1e-4)
            assert line["first_token_share"] == pytest.approx(weights[1:, 0].mean(), rel=1e-4)
            assert line["weight"] == pytest.approx(weights[1:].max(), rel=1e-4)
            assert weights[int(line["query"]), int(line["key"])] == pytest.approx(line["weight"], rel=1e-4)
        assert np.allclose(heads.layer(trace, layer).entropy, bits, rtol=1e-4)


def test_the_overview_of_a_long_text_fills_up_layer_by_layer(monkeypatch: pytest.MonkeyPatch, trace: Trace) -> None:
    monkeypatch.setattr(attention_heads, "CELLS_AT_ONCE", 1)
    heads = Heads(LAYERS, HEADS, N)
    assert heads.takes_long
    heads.grow(trace)
    begun = heads.picture()
    assert begun.done == 1 and (begun.images[0] < 255).any() and (begun.images[1] == 255).all()
    assert np.isfinite(begun.summary.entropy[0]).all() and np.isnan(begun.summary.entropy[1]).all()
    assert len(attention_heads.frame(begun)) == HEADS
    heads.grow(trace)
    monkeypatch.undo()
    whole = Heads(LAYERS, HEADS, N)
    whole.grow(trace)
    assert not heads.takes_long and not heads.missing and heads.picture().done == LAYERS
    assert np.array_equal(heads.picture().images, whole.picture().images)
    assert heads.picture() is heads.picture()  # nothing is drawn again that has not changed


@pytest.mark.parametrize("length", [1, N, 50])  # at 50 tokens a cell covers one or two of them
def test_the_check_of_a_small_map_passes_and_fails_where_one_cell_was_changed(tiny_model: LanguageModel, length: int) -> None:
    trace = tiny_model.trace((IDS * 9)[:length])
    heads = Heads(LAYERS, HEADS, length)
    for query in {0, length // 2, length - 1}:
        assert attention_heads.self_checks(trace, heads.picture(), 1, 2, query) == []
    heads.grow(trace)
    found = heads.picture()
    for query in {0, length // 2, length - 1}:
        (check,) = attention_heads.self_checks(trace, found, 1, 2, query)
        assert check.ok and check.tolerance < 1, check
        row = next(cell for cell in reversed(range(found.cells)) if length * cell // found.cells <= query)
        images = found.images.copy()
        images[1, 2, row, row] -= 2
        assert not attention_heads.self_checks(trace, replace(found, images=images), 1, 2, query)[0].ok
        assert attention_heads.self_checks(trace, replace(found, images=images), 1, 1, query)[0].ok


def test_a_row_in_numbers_and_the_entropies_are_those_of_transformers(trace: Trace, reference: Reference) -> None:
    query = 3
    table = views.row_numbers(trace.attention(0, (query,), (1,)), list("abcdef"))
    weights, length = reference.pattern[0, 1, query], np.linalg.norm(reference.v[0, 1], axis=-1)
    scores = reference.k[0, 1] @ reference.q[0, 1, query]
    assert close(table["score"], scores) and close(table["scaled"], scores / np.sqrt(WIDTH))
    assert close(table["weight"], weights) and close(table["read"], weights * length)
    assert np.isneginf(table["masked"][query + 1 :]).all() and np.isfinite(table["masked"][: query + 1]).all()
    every = reference.pattern[0, :, query, : query + 1].astype(np.float64)
    assert close(views.entropies(trace.attention(0, (query,))), -(every * np.log2(every)).sum(-1))


def test_formulas_end_in_the_number_of_the_cell(trace: Trace, reference: Reference) -> None:
    query, key, layer, head = 4, 1, 1, 2
    one, all_of = trace.attention(layer, (query,), (head,)), trace.attention(layer, (query,))
    pattern, score = (
        reference.pattern[layer, :, query, key],
        float(reference.q[layer, head, query] @ reference.k[layer, head, key]),
    )
    length = np.linalg.norm(reference.v[layer, head, key])
    expected: list[tuple[Any, AttentionMap, float]] = [
        (one, AttentionMap(layer, head, stage="scores"), score),
        (one, AttentionMap(layer, head, stage="scaled"), score / np.sqrt(WIDTH)),
        (one, AttentionMap(layer, head, stage="masked"), score / np.sqrt(WIDTH)),
        (one, AttentionMap(layer, head, stage="pattern"), pattern[head]),
        (one, AttentionMap(layer, head, stage="read"), pattern[head] * length),
        (all_of, AttentionMap(layer, head, "mean"), pattern.mean()),
        (all_of, AttentionMap(layer, head, "largest"), pattern.max()),
    ]
    for found, picture, value in expected:
        text = formulas.of_cell(found, picture, key).removesuffix(r" \end{aligned}")
        assert text.endswith(f" {latex_number(float(value))}"), (picture, value, text)
    assert formulas.of_cell(one, AttentionMap(layer, head, stage="masked"), 5).endswith(r"-\infty")
    assert formulas.of_cell(one, AttentionMap(layer, head), 5).endswith(r"&= 0 \end{aligned}")


def test_row_sums_and_entropies_as_formulas_end_in_their_number(trace: Trace, reference: Reference) -> None:
    for query in (0, 1, 4):
        weights = trace.attention(1, (query,), (2,)).pattern[0, 0]
        expected = reference.pattern[1, 2, query, : query + 1].astype(np.float64)
        assert formulas.row_sum(weights, query).endswith("= 1")
        terms = " + ".join(latex_number(float(weight)) for weight in np.sort(expected)[:-3:-1]) + (
            r" + \cdots" if query > 1 else ""
        )
        alone = r"a_{0,\,0}"  # of one weight there is no sum to write out
        assert f"= {terms if query else alone} =" in formulas.row_sum(weights, query)
        bits = latex_number(float(-(expected * np.log2(expected)).sum()) + 0.0)
        assert rf"= {bits}\text{{ bits}}" in formulas.entropy(weights, query)


def test_the_check_of_rows_fails_on_a_row_that_does_not_sum_to_one(trace: Trace) -> None:
    pattern = trace.attention(1, (4,)).pattern
    assert views.row_check(pattern).ok
    assert not views.row_check(pattern * np.array([1, 1, 1.001, 1])[:, None, None]).ok
