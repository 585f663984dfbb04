"""The feed-forward page: its numbers against transformers and plain torch, the functions, and the page itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from app import choices
from app.chapters.feed_forward import activations, sections, views
from app.writing import markup
from app.writing.numbers import significant
from gptcore.checkpoints import LanguageModel
from gptcore.neurons import strongest_neurons
from tests.pages.component_data import component_data
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, badges, descriptions, figure, figures, numbers, open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
LAYER, POSITION = 1, 4


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> TransformersRun:
    return TransformersRun(tiny_folder, IDS)


def test_the_page_says_which_spread_the_effects_on_the_vocabulary_are_divided_by(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    text = printed(open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", feed_forward="neurons"))
    assert "the spread of this token&#x27;s whole vector after the last block (1), not after this one (0)" in text


@pytest.mark.parametrize(("layer", "says"), [("0", " (1), not after this one (0)."), ("1", ", which is this one.")])
def test_the_spread_named_is_that_of_the_vector_after_the_last_block(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, layer: str, says: str
) -> None:
    last = tiny_model.trace(tiny_model.tokenizer.encode("Once upon a time")).resid(2)[2].astype(np.float64)
    link = {"prompt": "Once upon a time", "layer": layer, "position": "2", "feed_forward": "neurons"}
    said = printed(open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **link))
    spread = significant(float(np.sqrt(last.var() + 1e-5)))
    assert f"divides it by {spread}: the spread" in said and f"after the last block{says}" in said


@pytest.mark.parametrize(
    ("negative", "says"),
    [
        (0, "None of the 128 neurons is negative here: a ReLU would have silenced none."),
        (1, "1 of 128 neurons (0.8 %) is negative here: a ReLU would have silenced it."),
        (2, "2 of 128 neurons (1.6 %) are negative here: a ReLU would have silenced them all."),
    ],
)
def test_one_negative_neuron_is_spoken_of_as_one(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, negative: int, says: str
) -> None:
    silenced = views.silenced
    monkeypatch.setattr(views, "silenced", lambda found: replace(silenced(found), negative=negative))
    assert says in printed(open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", feed_forward="activations"))


def test_a_sum_and_the_product_of_a_neuron_stand_on_lines_of_their_own_since_a_phone_has_no_room_beside_them(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    for part, result in (("steps", r"a_\{\d+\} &= [^&=]+"), ("neurons", r"\|v_\{\d+\}\| &= [^&=]+")):
        at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", feed_forward=part)
        (formula,) = (element.proto.body for element in at.get("latex"))
        assert re.search(result + r" \\\\\[0.4em\]\s+&(=|\\approx) ", formula)


@pytest.mark.parametrize(("outside", "said"), [(0, "0 numbers lie"), (1, "1 number lies"), (2, "2 numbers lie")])
def test_numbers_outside_the_pictures_are_counted(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, outside: int, said: str
) -> None:
    counts = iter([outside, 0] * 2)
    drawn = sections.distribution
    monkeypatch.setattr(sections, "distribution", lambda values: replace(drawn(values), outside=next(counts)))
    at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", feed_forward="activations")
    assert f"{said} outside the plots" in printed(at)


def test_the_steps_count_the_parameters_that_the_model_has(tiny_model: LanguageModel) -> None:
    table = views.steps(tiny_model.config.emb_dim)
    network = tiny_model.model.blocks[0].feed_forward
    assert (table["weights"] + table["biases"]).sum() == sum(p.numel() for p in network.parameters())
    small = views.steps(768)
    assert (small["weights"] + small["biases"]).sum() == 4_722_432  # GPT-2 small, one block


def test_the_strips_hold_what_transformers_computes_and_gaps_behind_the_narrow_rows(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    names, values = views.strips(tiny_model.trace(IDS).feed_forward(LAYER, (POSITION,)))
    assert len(names) == 4 and values.shape == (4, 4 * 32)
    for row, key in zip(values, ("mlp_in", "mlp_pre", "mlp_post", "mlp_out"), strict=True):
        expected = reference.layers[LAYER][key][POSITION]
        assert np.allclose(row[: len(expected)], expected, atol=1e-5 * np.abs(expected).max())
        assert np.isnan(row[len(expected) :]).all()


def test_wide_strips_show_the_number_farthest_from_zero_of_each_group() -> None:
    wide = np.zeros((2, 3072))
    wide[0, [5, 3071]], wide[1, 768:] = (-4.0, 2.0), np.nan
    cells, size = views.pooled(wide)
    assert size == 3 and cells.shape == (2, 1024)
    assert cells[0, 1] == -4 and cells[0, 1023] == 2 and np.count_nonzero(cells[0]) == 2
    assert np.isnan(cells[1, 256:]).all() and not cells[1, :256].any()
    odd = np.arange(1025.0)[None]  # the last group is filled up with a gap, which does not hide the number beside it
    assert views.pooled(odd)[0][0, -1] == 1024
    assert views.pooled(wide[:, :1024])[1] == 1


def test_what_a_relu_would_have_silenced_is_what_transformers_has_below_zero(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    seen = views.silenced(tiny_model.trace(IDS).feed_forward(LAYER, (POSITION,)))
    pre, post = (reference.layers[LAYER][key][POSITION] for key in ("mlp_pre", "mlp_post"))
    assert seen.neurons == 128
    assert seen.negative == (pre < 0).sum() == (F.relu(torch.tensor(pre)) == 0).sum() > 0
    assert seen.passed == pytest.approx(np.abs(post[pre < 0]).sum() / np.abs(post).sum(), rel=1e-4)
    assert (seen.mean, seen.lowest) == pytest.approx((post[pre < 0].mean(), post.min()), rel=1e-4)
    assert -0.1701 < seen.lowest < 0


def test_without_a_negative_number_nothing_is_silenced(tiny_model: LanguageModel) -> None:
    found = tiny_model.trace(IDS).feed_forward(LAYER, (POSITION,))
    positive = replace(found, mlp_pre=np.abs(found.mlp_pre), mlp_post=np.abs(found.mlp_pre))
    seen = views.silenced(positive)
    assert (seen.negative, seen.passed, seen.mean, seen.lowest) == (0, 0.0, 0.0, 0.0)


def test_the_neuron_table_names_the_tokens_that_transformers_weights_raise_and_lower(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    trace = tiny_model.trace(IDS)
    found = trace.feed_forward(LAYER, (POSITION,))
    effects = strongest_neurons(tiny_model.model, LAYER, found.mlp_post[0], trace.resid(2)[POSITION], top=3)
    table = views.neuron_table(found, effects)
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
    assert all(check.ok for check in views.self_checks(found))
    exact = F.gelu(torch.tensor(found.mlp_pre)).numpy()
    assert not views.self_checks(replace(found, mlp_post=exact))[0].ok


def test_one_neuron_by_hand_is_what_transformers_computes(tiny_model: LanguageModel, reference: TransformersRun) -> None:
    trace = tiny_model.trace(IDS)
    worked = views.by_hand(trace, LAYER, trace.feed_forward(LAYER, (POSITION,)))
    pre, post = (reference.layers[LAYER][key][POSITION] for key in ("mlp_pre", "mlp_post"))
    assert worked.neuron == np.abs(post).argmax()
    assert worked.bias == pytest.approx(reference.model.transformer.h[LAYER].mlp.c_fc.bias[worked.neuron].item())
    assert worked.product + worked.bias == worked.before == pytest.approx(pre[worked.neuron], rel=1e-4)
    assert worked.after == pytest.approx(post[worked.neuron], rel=1e-4)
    column = reference.model.transformer.h[LAYER].mlp.c_proj.weight[worked.neuron]
    assert views.column_length(trace, LAYER, worked.neuron) == pytest.approx(column.norm().item(), rel=1e-5)


def test_all_neurons_together_are_the_output_and_one_left_out_is_noticed(tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    found = trace.feed_forward(LAYER, (POSITION,))
    assert views.sum_check(trace, LAYER, found).ok
    fewer = found.mlp_post.copy()
    fewer[0, 5] = 0
    assert not views.sum_check(trace, LAYER, replace(found, mlp_post=fewer)).ok


def test_promoted_and_suppressed_are_found_another_way_and_a_wrong_change_is_noticed(tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    table = views.strongest(trace, LAYER, POSITION, trace.feed_forward(LAYER, (POSITION,))).table
    assert views.effects_check(trace, LAYER, POSITION, table).ok
    for column, row in (("logit_change", 3), ("token_id", 12)):
        wrong = table.copy()
        wrong.loc[row, column] = wrong.loc[row + 1, column]
        assert not views.effects_check(trace, LAYER, POSITION, wrong).ok


def test_the_page_says_by_how_much_each_token_is_promoted_or_suppressed(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    link = {"prompt": "Once upon a time", "layer": "1", "position": "2", "feed_forward": "neurons"}
    text = printed(open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **link))
    trace = tiny_model.trace(tiny_model.tokenizer.encode(link["prompt"]))
    found = trace.feed_forward(1, (2,))
    effects = strongest_neurons(tiny_model.model, 1, found.mlp_post[0], trace.resid(2)[2])
    for line in views.neuron_table(found, effects).itertuples():
        sign = "+" if line.direction == "promotes" else ""
        token = markup.chip(tiny_model.tokenizer.text_of(line.token_id))
        assert f"{token} {sign}{significant(line.logit_change)}<" in text
    assert "Promotes, suppresses" in text


def test_swiglu_is_silu_times_the_second_input_in_value_and_slope() -> None:
    silu, swiglu = activations.curve("silu"), activations.curve("swiglu", -1.5)
    assert np.allclose(swiglu.values, -1.5 * silu.values) and np.allclose(swiglu.slopes, -1.5 * silu.slopes)
    assert np.allclose(silu.values, F.silu(torch.tensor(activations.X)))


def test_each_function_is_checked_against_torch_and_a_wrong_slope_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(
        activations.self_check(activation, second).ok for activation in choices.FUNCTIONS_OFFERED for second in (1.0, -1.5)
    )
    right = activations.curve("relu")
    monkeypatch.setattr(activations, "curve", lambda *_: right._replace(slopes=right.slopes + 1e-4))
    assert not activations.self_check("relu").ok


def test_swiglu_is_checked_as_it_is_drawn_with_the_second_input_of_the_visitor(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    link = {"feed_forward": "functions", "functions": "swiglu", "swiglu_input": "-1.5"}
    at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **link)
    ((badge,), (description,)) = badges(at), descriptions(at)
    assert "−1.5 times PyTorch's own SiLU" in description and badge.startswith(":green-badge")
    plain = activations.curve("swiglu")
    monkeypatch.setattr(activations, "curve", lambda *_: plain)  # forgets the second input
    assert activations.self_check("swiglu").ok and not activations.self_check("swiglu", -1.5).ok


def test_every_function_has_its_formula_with_the_x_and_the_second_input_put_in(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    link = {"feed_forward": "functions", "functions": "gelu_exact.swiglu", "functions_x": "1.5", "swiglu_input": "-1.25"}
    text, x = (
        printed(open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **link)),
        torch.tensor(1.5, dtype=torch.float64),
    )
    assert f"= {F.gelu(x).item():.3g}" in text and r"\operatorname{erf}" in text
    product = f"{-1.25 * F.silu(x).item():.3g}"
    assert re.search(r"-1\.25 \\cdot \\text\{SiLU\}\(x\) \\\\\[0\.3em\]\s+&= " + re.escape(product), text)


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    junk = {"feed_forward": "x", "functions": "relu.relu", "functions_x": "9", "swiglu_input": "nan"}
    assert figures(open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **junk, **JUNK))
    at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **{**junk, "feed_forward": "functions"})
    header = component_data(at, activations.TITLE)[0]
    assert [curve[0] for curve in header["curves"]] == ["GELU, tanh form", "ReLU"]
    assert (header["at"], header["factor"]) == (-0.75, 0.5)


def test_the_page_shows_the_layer_and_token_of_the_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    trace = tiny_model.trace(tiny_model.tokenizer.encode(prompt))
    link = {"prompt": prompt, "layer": "1", "position": "2"}
    at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **link)
    strip = numbers(figure(at, "From 32 to 128 numbers")["data"][0]["z"])
    assert np.allclose(strip, views.strips(trace.feed_forward(1, (2,)))[1], atol=1e-5, equal_nan=True)
    seen = views.silenced(trace.feed_forward(1, (2,)))
    at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", **link, feed_forward="activations")
    assert f"{seen.negative} of 128 neurons" in printed(at)


def test_functions_can_be_chosen_by_widget_and_by_link_and_none_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", feed_forward="functions")
    assert [curve[0] for curve in component_data(at, activations.TITLE)[0]["curves"]] == ["GELU, tanh form", "ReLU"]
    at.pills(key="widget_choice_functions").set_value(["swiglu", "silu"]).run()
    assert at.query_params["functions"] == "swiglu.silu"
    query = {"functions": "swiglu.silu", "functions_x": "1.5", "swiglu_input": "2"}
    by_link = open_page(monkeypatch, tiny_folder, "feed_forward", open="maths.checks", feed_forward="functions", **query)
    silu = F.silu(torch.tensor(activations.X)).numpy()
    for page, place in ((at, (-0.75, 0.5)), (by_link, (1.5, 2.0))):
        header, arrays = component_data(page, activations.TITLE)
        assert [(name, scaled) for name, _, scaled in header["curves"]] == [("SiLU", False), ("SwiGLU", True)]
        assert np.allclose(arrays["values"], [silu, silu], atol=1e-6)  # the browser multiplies the second
        assert (header["at"], header["factor"]) == place
        assert "of SiLU, SwiGLU for x from −4 to 4" in header["alt"]
    assert "x &= 1.5 " in printed(by_link)
    at.pills(key="widget_choice_functions").set_value([]).run()
    assert not at.exception and "Choose at least one function" in printed(at)
