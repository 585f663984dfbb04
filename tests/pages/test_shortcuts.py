"""The shortcuts page: the published experiment, the residual stream against transformers, and the page itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from app import choices, palette
from app.chapters.shortcuts import lessons as shortcut_lessons
from app.chapters.shortcuts import views
from gptcore import lessons
from gptcore.checkpoints import LanguageModel
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, figure, figures, numbers, open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
POSITION = 4


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> TransformersRun:
    return TransformersRun(tiny_folder, IDS)


def test_lengths_shares_and_cosines_are_those_of_the_vectors_that_transformers_adds(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    table = views.stream(views.blocks(tiny_model.trace(IDS), POSITION))
    assert list(table["layer"]) == [0, 1]
    for line, layer in zip(table.itertuples(), reference.layers, strict=True):
        start, attention, feed_forward, end = (
            torch.tensor(layer[name][POSITION]) for name in ("resid_pre", "attn_out", "mlp_out", "resid_post")
        )
        for found, vector in (
            (line.norm_in, start), (line.norm_attention, attention), (line.norm_feed_forward, feed_forward), (line.norm_out, end),
        ):  # fmt: skip
            assert found == pytest.approx(vector.norm().item(), rel=1e-4)
        assert line.cosine == pytest.approx(F.cosine_similarity(start, end, dim=0).item(), abs=1e-4)
        for found, part in (
            (line.share_shortcut, start),
            (line.share_attention, attention),
            (line.share_feed_forward, feed_forward),
        ):
            assert found == pytest.approx((part @ end / (end @ end)).item(), abs=1e-4)
    assert np.allclose(table[["share_shortcut", "share_attention", "share_feed_forward"]].sum(axis=1), 1, atol=1e-5)


def test_the_self_check_passes_on_the_model_and_fails_when_attention_is_left_out(tiny_model: LanguageModel) -> None:
    blocks = views.blocks(tiny_model.trace(IDS), POSITION)
    table = views.stream(blocks)
    assert all(check.ok for check in views.self_checks(blocks, table))
    without = [replace(block, attn_out=0 * block.attn_out) for block in blocks]
    assert not any(check.ok for check in views.self_checks(without, views.stream(without)))


def test_a_stream_of_zeros_has_no_direction_and_no_error(tiny_model: LanguageModel) -> None:
    block = views.blocks(tiny_model.trace(IDS), POSITION)[0]
    nothing = replace(block, **{name: 0 * getattr(block, name) for name in ("resid_pre", "attn_out", "mlp_out", "resid_post")})
    line = views.stream([nothing]).iloc[0]
    assert line["norm_out"] == 0 and np.isnan(line["cosine"]) and np.isnan(line["share_shortcut"])


def test_the_published_check_fails_for_another_seed() -> None:
    assert shortcut_lessons.published_check(shortcut_lessons.gradient_table(5, 3, "gelu_tanh", 123)).ok
    assert not shortcut_lessons.published_check(shortcut_lessons.gradient_table(5, 3, "gelu_tanh", 124)).ok
    assert not shortcut_lessons.published_check(shortcut_lessons.gradient_table(5, 3, "gelu_exact", 123)).ok


@pytest.mark.parametrize("bend", choices.GRADIENT_BEND.options)
@pytest.mark.parametrize(("depth", "width"), [(2, 1), (7, 1), (5, 3), (64, 64)])
def test_the_gradients_are_those_of_the_chain_rule_and_a_wrong_one_is_noticed(
    monkeypatch: pytest.MonkeyPatch, bend: str, depth: int, width: int
) -> None:
    for seed in (1, 123):
        assert shortcut_lessons.chain_rule_check.__wrapped__(depth, width, bend, seed).ok
    table = shortcut_lessons.gradient_table(depth, width, bend, 1).copy()
    table.loc[1, "with"] = table.loc[1, "with"] * 1.0001 + 1e-12
    monkeypatch.setattr(shortcut_lessons, "gradient_table", lambda *_: table)
    assert not shortcut_lessons.chain_rule_check.__wrapped__(depth, width, bend, 1).ok


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    junk = {"gradient_depth": "65", "gradient_width": "0", "gradient_bend": "softmax", "gradient_seed": "-1"}
    at = open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks", **junk, **JUNK)
    assert "As published" in printed(at)  # all of it fell back to the default


def test_the_page_begins_with_the_published_figures(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks")
    drawn = figure(at, "Gradient that reaches each layer")
    assert drawn["layout"]["yaxis"]["type"] == "log"
    assert [trace["line"]["color"] for trace in drawn["data"]] == [
        palette.colour(stage, "light") for stage in ("ablation", "residual")
    ]
    printed_figures = (
        "0.000202 0.000120 0.000715 0.001399 0.005050".split(),
        "0.221698 0.206941 0.328970 0.266573 1.325854".split(),
    )
    for trace, expected in zip(drawn["data"], printed_figures, strict=True):
        published = np.array([float(figure_) for figure_ in expected])
        assert np.allclose(numbers(trace["y"]), published / published[-1], rtol=6e-3)  # printed with six decimals
        assert all(figure_ in printed(at) for figure_ in expected)
    assert "As published" in printed(at)
    first, last = 0.000202, 0.005050
    (base,) = re.findall(r"= 0\.04 = ([.\d]+)\^\{4\}", printed(at))  # what one layer does, four times
    assert abs(float(base) - (first / last) ** 0.25) < 5e-4


def test_depth_and_activation_change_the_experiment_by_widget_and_by_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks")
    at.slider(key="widget_choice_gradient_depth").set_value(64).run()
    at.slider(key="widget_choice_gradient_width").set_value(4).run()
    at.selectbox(key="widget_choice_gradient_bend").set_value("tanh").run()
    at.number_input(key="widget_choice_gradient_seed").set_value(7).run()
    link = {"gradient_depth": "64", "gradient_width": "4", "gradient_bend": "tanh", "gradient_seed": "7"}
    assert {name: at.query_params[name] for name in link} == link
    for page in (at, open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks", **link)):
        drawn = figure(page, "Gradient that reaches each layer")
        for trace, shortcuts in zip(drawn["data"], (False, True), strict=True):
            gradients = np.array(lessons.mean_gradients(shortcuts, 64, 4, "tanh", 7))
            assert np.allclose(numbers(trace["y"]), gradients / gradients[-1], rtol=1e-6, atol=0)
        assert "As published" not in printed(page) and "Chain rule" in printed(page)
    next(button for button in at.button if button.label.startswith("Back to")).click().run()
    assert "As published" in printed(at) and "gradient_depth" not in at.query_params


def test_a_network_that_gives_no_gradient_is_explained(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    silent = next(seed for seed in range(100) if not lessons.mean_gradients(False, 5, 3, "relu", seed).any())
    at = open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks", gradient_bend="relu", gradient_seed=str(silent))
    assert np.isnan(numbers(figure(at, "Gradient that reaches each layer")["data"][0]["y"])).all()
    assert "Without shortcuts, no gradient reaches any layer" in printed(at)
    (formula,) = (element.proto.body for element in at.get("latex"))
    assert r"\text{without: } g_{0} &= 0, \quad g_{4} = 0" in formula and r"\text{with: } \frac{g_" in formula


def test_the_deepest_and_widest_network_shows_that_shortcuts_keep_the_gradient(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks", gradient_depth="64", gradient_width="64")
    without, with_shortcuts = (numbers(trace["y"]) for trace in figure(at, "Gradient that reaches each layer")["data"])
    assert without[0] / without[-1] < 1e-30 and with_shortcuts[0] / with_shortcuts[-1] > 1e-3
    (formula,) = (element.proto.body for element in at.get("latex"))
    assert all(rf"\text{{{name}: }} \frac{{g_{{0}}}}{{g_{{63}}}} &= \frac" in formula for name in ("without", "with"))
    assert "no gradient" not in printed(at)
    assert "The last layer is draw 3 of this seed: with the 2 before it" in printed(at)
    assert "The last layer is draw" not in printed(open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks"))


def test_a_layer_that_takes_no_gradient_is_told_from_one_that_none_reaches(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    link = {"gradient_depth": "64", "gradient_bend": "relu", "gradient_seed": "2"}
    without, with_shortcuts = (lessons.mean_gradients(s, 64, 3, "relu", 2) for s in (False, True))
    assert not with_shortcuts[0] and with_shortcuts[1]
    said = printed(open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks", **link))
    assert f"Without shortcuts, {(without == 0).sum()} layers get no gradient" in said and "lets nothing through" in said
    assert f"With shortcuts, {(with_shortcuts == 0).sum()} layers get no gradient" in said
    assert "passes by on the shortcut" in said and "layer 1 gets" in said and r"\frac{g_{1}}{g_{63}}" in said


def test_the_experiment_is_not_computed_again_for_another_token(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "shortcuts", open="maths.checks", gradient_seed="4321")

    def fail(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(lessons, "mean_gradients", fail)
    monkeypatch.setattr(lessons, "last_layer_draws", fail)
    monkeypatch.setattr(shortcut_lessons, "line_over_layers", fail)
    at.text_area[0].set_value("Another prompt").run()
    assert not at.exception and figures(at)


def test_the_stream_is_that_of_the_token_and_the_sum_that_of_the_layer_in_the_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    trace = tiny_model.trace(tiny_model.tokenizer.encode(prompt))
    at = open_page(
        monkeypatch, tiny_folder, "shortcuts", open="maths.checks", prompt=prompt, position="1", layer="1", shortcuts="model"
    )
    drawn = figure(at, "Length of the stream")
    stream, attention, feed_forward = (numbers(series["y"]) for series in drawn["data"])
    assert np.allclose(stream, [np.linalg.norm(trace.resid(layer)[1]) for layer in (0, 1, 2)], rtol=1e-5)
    assert list(drawn["layout"]["xaxis"]["ticktext"]) == ["in", "0", "1"]
    for series, name in ((attention, "attn_out"), (feed_forward, "mlp_out")):
        added = [np.linalg.norm(getattr(trace.block(layer, (1,)), name)[0]) for layer in (0, 1)]
        assert np.isnan(series[0]) and np.allclose(series[1:], added, rtol=1e-5)
    x, out = (torch.tensor(trace.resid(layer)[1]) for layer in (1, 2))
    assert f"= {F.cosine_similarity(x, out, dim=0).item():.3g}" in printed(at)
    assert "Layer 1" in printed(at)
