"""The feed-forward page: its numbers against transformers and plain torch, the functions, and the page itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from app import activations, feed_forward_views
from gptcore.checkpoints import LanguageModel
from gptcore.neurons import strongest_neurons
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, PROMPTS, figure, figures, numbers, open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
LAYER, POSITION = 1, 4


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> TransformersRun:
    return TransformersRun(tiny_folder, IDS)


def test_the_steps_count_the_parameters_that_the_model_has(tiny_model: LanguageModel) -> None:
    table = feed_forward_views.steps(tiny_model.config.emb_dim)
    network = tiny_model.model.blocks[0].feed_forward
    assert (table["weights"] + table["biases"]).sum() == sum(p.numel() for p in network.parameters())
    small = feed_forward_views.steps(768)
    assert (small["weights"] + small["biases"]).sum() == 4_722_432  # GPT-2 small, one block


def test_the_strips_hold_what_transformers_computes_and_gaps_behind_the_narrow_rows(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    names, values = feed_forward_views.strips(tiny_model.trace(IDS).feed_forward(LAYER, (POSITION,)))
    assert len(names) == 4 and values.shape == (4, 4 * 32)
    for row, key in zip(values, ("mlp_in", "mlp_pre", "mlp_post", "mlp_out"), strict=True):
        expected = reference.layers[LAYER][key][POSITION]
        assert np.allclose(row[: len(expected)], expected, atol=1e-5 * np.abs(expected).max())
        assert np.isnan(row[len(expected) :]).all()


def test_wide_strips_show_the_number_farthest_from_zero_of_each_group() -> None:
    wide = np.zeros((2, 3072))
    wide[0, [5, 3071]], wide[1, 768:] = (-4.0, 2.0), np.nan
    cells, size = feed_forward_views.pooled(wide)
    assert size == 3 and cells.shape == (2, 1024)
    assert cells[0, 1] == -4 and cells[0, 1023] == 2 and np.count_nonzero(cells[0]) == 2
    assert np.isnan(cells[1, 256:]).all() and not cells[1, :256].any()
    odd = np.arange(1025.0)[None]  # the last group is filled up with a gap, which does not hide the number beside it
    assert feed_forward_views.pooled(odd)[0][0, -1] == 1024
    assert feed_forward_views.pooled(wide[:, :1024])[1] == 1


def test_what_a_relu_would_have_silenced_is_what_transformers_has_below_zero(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    seen = feed_forward_views.silenced(tiny_model.trace(IDS).feed_forward(LAYER, (POSITION,)))
    pre, post = (reference.layers[LAYER][key][POSITION] for key in ("mlp_pre", "mlp_post"))
    assert seen.neurons == 128
    assert seen.negative == (pre < 0).sum() == (F.relu(torch.tensor(pre)) == 0).sum() > 0
    assert seen.passed == pytest.approx(np.abs(post[pre < 0]).sum() / np.abs(post).sum(), rel=1e-4)
    assert (seen.mean, seen.lowest) == pytest.approx((post[pre < 0].mean(), post.min()), rel=1e-4)
    assert -0.1701 < seen.lowest < 0


def test_without_a_negative_number_nothing_is_silenced(tiny_model: LanguageModel) -> None:
    found = tiny_model.trace(IDS).feed_forward(LAYER, (POSITION,))
    positive = replace(found, mlp_pre=np.abs(found.mlp_pre), mlp_post=np.abs(found.mlp_pre))
    seen = feed_forward_views.silenced(positive)
    assert (seen.negative, seen.passed, seen.mean, seen.lowest) == (0, 0.0, 0.0, 0.0)


def test_the_neuron_table_names_the_tokens_that_transformers_weights_raise_and_lower(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    trace = tiny_model.trace(IDS)
    found = trace.feed_forward(LAYER, (POSITION,))
    effects = strongest_neurons(tiny_model.model, LAYER, found.mlp_post[0], trace.resid(2)[POSITION], top=3)
    table = feed_forward_views.neuron_table(found, effects)
    body, post = reference.model.transformer, reference.layers[LAYER]["mlp_post"][POSITION]
    rows = body.h[LAYER].mlp.c_proj.weight.detach().numpy()  # [neurons, emb_dim]
    final = reference.final["before"][POSITION]
    assert list(table["neuron"].unique()) == list(np.argsort(-np.abs(post) * np.linalg.norm(rows, axis=1))[:3])
    for neuron, lines in table.groupby("neuron"):
        vector = rows[neuron] * post[neuron]
        vector = (vector - vector.mean()) / np.sqrt(final.var() + 1e-5) * body.ln_f.weight.detach().numpy()
        change = body.wte.weight.detach().numpy() @ vector
        order = np.argsort(-change)
        for direction, best in (("promotes", order[:5]), ("suppresses", order[::-1][:5])):
            part = lines[lines["direction"] == direction]
            assert list(part["token_id"]) == list(best)
            assert np.allclose(part["logit_change"], (change - change.mean())[best], rtol=1e-3, atol=1e-6)


def test_the_self_check_passes_on_the_model_and_fails_on_the_exact_gelu(tiny_model: LanguageModel) -> None:
    found = tiny_model.trace(IDS).feed_forward(LAYER)
    assert all(check.ok for check in feed_forward_views.self_checks(found))
    exact = F.gelu(torch.tensor(found.mlp_pre)).numpy()
    assert not feed_forward_views.self_checks(replace(found, mlp_post=exact))[0].ok


def test_swiglu_is_silu_times_the_second_input_in_value_and_slope() -> None:
    silu, swiglu = activations.curve("SiLU", 0.0), activations.curve("SwiGLU", -1.5)
    assert np.allclose(swiglu.values, -1.5 * silu.values) and np.allclose(swiglu.slopes, -1.5 * silu.slopes)
    assert np.allclose(silu.values, F.silu(torch.tensor(activations.X)))


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_page_opens_for_every_kind_of_prompt(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str) -> None:
    assert len(figures(open_page(monkeypatch, tiny_folder, "feed_forward", prompt=prompt))) == 4


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert figures(open_page(monkeypatch, tiny_folder, "feed_forward", **JUNK))


def test_the_page_shows_the_layer_and_token_of_the_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    trace = tiny_model.trace(tiny_model.tokenizer.encode(prompt))
    at = open_page(monkeypatch, tiny_folder, "feed_forward", prompt=prompt, layer="1", position="2")
    strip = numbers(figure(at, "From 32 to 128 numbers")["data"][0]["z"])
    assert np.allclose(strip, feed_forward_views.strips(trace.feed_forward(1, (2,)))[1], equal_nan=True)
    seen = feed_forward_views.silenced(trace.feed_forward(1, (2,)))
    assert f"{seen.negative} of 128 neurons" in printed(at)


def test_functions_can_be_chosen_and_none_is_no_error(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "feed_forward")
    drawn = figure(at, "Value and slope")
    assert [trace["name"] for trace in drawn["data"] if trace["mode"] == "lines"][::2] == [
        "value of GELU, tanh form",
        "value of ReLU",
    ]
    at.pills(key="functions").set_value(["SwiGLU"]).run()
    at.slider(key="second_input").set_value(2.0).run()
    drawn = figure(at, "Value and slope")
    assert np.allclose(numbers(drawn["data"][0]["y"]), 2 * F.silu(torch.tensor(activations.X)).numpy())
    at.pills(key="functions").set_value([]).run()
    assert not at.exception and "Choose at least one function" in printed(at)
