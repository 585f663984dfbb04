"""The LayerNorm page: its numbers against transformers and numpy, the classroom, the stack, and the page itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.chapters.layer_norm import views
from app.distribution import distribution
from app.writing.numbers import significant
from app.writing.worked import latex_number
from gptcore.activations import LayerNormActivations
from gptcore.checkpoints import LanguageModel
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, figure, figures, numbers, open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
POSITIONS = (1, 4, 5)


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> TransformersRun:
    return TransformersRun(tiny_folder, IDS)


def around(reference: TransformersRun, layer: int, site: str) -> tuple[np.ndarray, np.ndarray]:
    """What goes into a LayerNorm of transformers and what comes out, all tokens."""
    if site == "final":
        return reference.final["before"], reference.final["after"]
    names = {"ln_1": ("resid_pre", "attn_in"), "ln_2": ("resid_mid", "mlp_in")}[site]
    return reference.layers[layer][names[0]], reference.layers[layer][names[1]]


@pytest.mark.parametrize("site", ["ln_1", "ln_2", "final"])
def test_the_statistics_are_those_of_what_transformers_normalises(
    tiny_model: LanguageModel, reference: TransformersRun, site: str
) -> None:
    found = tiny_model.trace(IDS).layer_norm(None if site == "final" else 1, site, POSITIONS)
    before, after = (values[list(POSITIONS)] for values in around(reference, 1, site))
    table = views.statistics(found).set_index("station")
    for station, values in (("Before", before), ("× scale + shift", after)):
        expected = [values.mean(1).mean(), values.var(1).mean(), values.min(), values.max()]
        assert np.allclose(table.loc[station], expected, rtol=1e-4, atol=1e-5)
    var = before.var(1)
    assert table.loc["Normalised", "variance"] == pytest.approx((var / (var + 1e-5)).mean(), rel=1e-5)
    assert table.loc["Normalised", "mean"] == pytest.approx(0, abs=1e-6)
    assert table.loc["× scale", "variance"] != pytest.approx(table.loc["Normalised", "variance"], rel=1e-2)


def test_outliers_are_the_dimensions_farthest_from_the_mean_with_their_own_scale_and_shift(
    tiny_model: LanguageModel, reference: TransformersRun
) -> None:
    found = tiny_model.trace(IDS).layer_norm(0, "ln_2", (2,))
    before, after = (values[2] for values in around(reference, 0, "ln_2"))
    distance = np.abs(before - before.mean()) / before.std()
    table = views.outliers(found, top=4)
    assert list(table["dimension"]) == list(np.argsort(-distance)[:4])
    assert np.allclose(table["normalized"].abs(), np.sort(distance)[::-1][:4], rtol=1e-3)
    norm = reference.model.transformer.h[0].ln_2
    for line in table.itertuples():
        assert line.before == pytest.approx(before[line.dimension], rel=1e-4)
        assert line.after == pytest.approx(after[line.dimension], rel=1e-4, abs=1e-5)
        assert (line.scale, line.shift) == pytest.approx((norm.weight[line.dimension].item(), norm.bias[line.dimension].item()))


def test_dimensions_beyond_five_spreads_are_counted(tiny_model: LanguageModel) -> None:
    found = tiny_model.trace(IDS).layer_norm(0, "ln_1", (2,))
    assert views.far_dimensions(found) == 0
    spiky = found.normalized.copy()
    spiky[0, [3, 8, 9]] = 5.1, -9.0, 4.9
    assert views.far_dimensions(replace(found, normalized=spiky)) == 2


@pytest.mark.parametrize("site", ["ln_1", "ln_2"])
def test_mean_and_spread_over_depth_are_those_of_every_layer_norm_on_the_way(
    tiny_model: LanguageModel, reference: TransformersRun, site: str
) -> None:
    table = views.over_depth(views.along_depth(tiny_model.trace(IDS), site, POSITIONS))
    assert list(table["layer"]) == ["0", "1", "final"]
    for row, (layer, where) in zip(table.itertuples(), ((0, site), (1, site), (0, "final")), strict=True):
        before, after = (values[list(POSITIONS)] for values in around(reference, layer, where))
        assert row.spread_before == pytest.approx(before.std(1).mean(), rel=1e-4)
        assert row.spread_after == pytest.approx(after.std(1).mean(), rel=1e-4)
        assert row.mean_before == pytest.approx(before.mean(), abs=1e-5)
        assert row.mean_after == pytest.approx(after.mean(), abs=1e-5)


def test_the_self_check_passes_on_the_model_and_fails_on_a_number_that_was_changed(tiny_model: LanguageModel) -> None:
    found = tiny_model.trace(IDS).layer_norm(1, "ln_1", POSITIONS)
    assert all(check.ok for check in views.self_checks(found))
    changed = found.after.copy()
    changed[1, 5] += 0.01
    assert not views.self_checks(replace(found, after=changed))[0].ok
    assert not views.self_checks(replace(found, normalized=found.normalized * 1.001))[1].ok
    assert not views.self_checks(found, replace(found, after=changed), found)[0].ok  # the worst of several places


def test_a_histogram_counts_every_value_and_leaves_far_ones_out_of_the_picture() -> None:
    values = np.concatenate([np.linspace(-1, 1, 1000), [3000.0, -2000.0]])
    drawn = distribution({"a": values})
    assert drawn.outside == 2 and drawn.counts["a"].sum() == 1000
    assert -2 < drawn.edges[0] <= -1 and 1 <= drawn.edges[-1] < 2
    frame = drawn.frame()
    assert frame["count"].sum() == 1000
    assert np.array_equal(frame["count"], np.histogram(values, drawn.edges)[0])


def test_equal_values_have_a_histogram_too() -> None:
    drawn = distribution({"a": np.full(7, 2.5), "b": np.full(3, 2.5)})
    assert drawn.outside == 0 and drawn.counts["a"].sum() == 7 and drawn.counts["b"].sum() == 3


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert figures(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", site="ln_9", norm_tokens="few", **JUNK))


def test_site_and_tokens_change_the_picture_by_widget_and_by_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    trace = tiny_model.trace(tiny_model.tokenizer.encode(prompt))
    at = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", prompt=prompt, layer="1", position="2")
    seen = distribution({"before": trace.layer_norm(1, "ln_1", (2,)).before})
    assert np.array_equal(numbers(figure(at, "Before")["data"][0]["y"]), seen.counts["before"])
    at.segmented_control(key="widget_choice_site").set_value("final").run()
    at.segmented_control(key="widget_choice_norm_tokens").set_value("all").run()
    assert not at.exception
    assert (at.query_params["site"], at.query_params["norm_tokens"]) == ("final", "all")
    by_link = open_page(
        monkeypatch, tiny_folder, "layer_norm", open="maths.checks", prompt=prompt, site="final", norm_tokens="all"
    )
    seen = distribution({"before": trace.layer_norm(None, "final").before})
    for page in (at, by_link):
        assert np.array_equal(numbers(figure(page, "Before")["data"][0]["y"]), seen.counts["before"])
        assert f"all {trace.n_tokens} tokens" in printed(page)


@pytest.mark.parametrize(
    ("site", "named"), [("ln_1", "before attention"), ("ln_2", "before feed-forward"), ("final", "before attention")]
)
@pytest.mark.parametrize("tokens", ["focus", "all"])
def test_from_layer_to_layer_names_the_layer_norms_that_it_follows(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, site: str, named: str, tokens: str
) -> None:
    link = {"layer_norm": "depth", "site": site, "norm_tokens": tokens}
    text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", **link))
    assert f"the LayerNorm {named} of every layer, and at the end the one after the last block" in text
    assert ("There is only one of that kind" in text) == (site == "final")


def test_the_dimensions_that_stand_out_are_those_of_the_token_in_focus(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    link = {"prompt": prompt, "layer": "1", "position": "2", "site": "ln_2", "layer_norm": "outliers"}
    text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", **link))
    found = tiny_model.trace(tiny_model.tokenizer.encode(prompt)).layer_norm(1, "ln_2", (2,))
    for line in views.outliers(found).itertuples():
        cells = (line.before, line.normalized, line.scale, line.shift, line.after)
        row = "".join(f'<td class="number">{significant(float(value))}</td>' for value in cells)
        assert f'<td class="number">{line.dimension}</td>{row}' in text


@pytest.mark.parametrize(("far", "said"), [(1, "1 of 32 dimensions lies more than"), (2, "2 of 32 dimensions lie more than")])
def test_one_dimension_that_is_far_lies_and_several_lie(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, far: int, said: str
) -> None:
    monkeypatch.setattr(views, "far_dimensions", lambda found: far)
    assert said in printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="outliers"))


def test_the_formulas_hold_the_numbers_of_the_token_in_focus(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    link = {"prompt": "Once upon a time", "layer": "1", "position": "2", "site": "ln_2"}
    run = TransformersRun(tiny_folder, Tokenizer.from_folder(tiny_folder).encode(link["prompt"]))
    before, after = (values[2] for values in around(run, 1, "ln_2"))
    far = int(np.abs(before - before.mean()).argmax())
    for part in ("token", "outliers"):
        text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm=part, **link))
        assert f"y_{{{far}}}" in text and f"= {latex_number(float(after[far]))}" in text
        x, mean = re.search(rf"y_\{{{far}\}} &= \\frac\{{(\S+) - \(?([-.\d]+)\)?\}}\{{\\sqrt", text).groups()
        assert np.allclose([float(x), float(mean)], [before[far], before.mean()], rtol=5e-3)
    text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="depth", **link))
    last = around(run, 1, "final")[0][2]
    (var,) = re.findall(rf"\\sqrt\{{([.\d]+)\}} = {latex_number(float(last.std()))} ", text)
    assert np.isclose(float(var), last.var(), rtol=5e-3)


@pytest.mark.parametrize("tokens", ["focus", "all"])
def test_the_formula_names_the_token_whose_numbers_it_holds(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tokens: str
) -> None:
    link = {"prompt": "the *cat", "position": "3", "norm_tokens": tokens}
    for part in ("token", "outliers"):
        at = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm=part, **link)
        assert "The formula, with the numbers of token “\\*” at position 3" in [heading.value for heading in at.header]


def test_all_tokens_say_where_the_token_of_the_formula_is_not_among_them(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    monkeypatch.setattr(views, "WINDOW", 3)
    prompt = "Once upon a time"
    n_tokens = len(tiny_model.tokenizer.encode(prompt))
    said = "The token of the formula, at position 1, is not among them."
    link = {"prompt": prompt, "norm_tokens": "all"}
    away = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", position="1", **link))
    assert f"the newest 3 of {n_tokens} tokens. {said}" in away
    among = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", position=str(n_tokens - 3), **link))
    assert f"the newest 3 of {n_tokens} tokens." in among and "is not among them" not in among


def test_the_table_of_several_tokens_says_what_is_a_mean_and_what_an_extreme(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "Once upon a time"
    n_tokens = len(tiny_model.tokenizer.encode(prompt))
    columns = {
        "focus": ["This token", "Mean", "Variance", "Smallest", "Largest"],
        "all": [f"{n_tokens} tokens", "Mean of means", "Mean of variances", "Smallest of all", "Largest of all"],
    }
    for tokens, expected in columns.items():
        text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", prompt=prompt, norm_tokens=tokens))
        assert re.findall(r"<th[^>]*>([^<]*)</th>", text) == expected
        text = printed(
            open_page(
                monkeypatch,
                tiny_folder,
                "layer_norm",
                open="maths.checks",
                prompt=prompt,
                norm_tokens=tokens,
                layer_norm="outliers",
            )
        )
        assert (f"means over these {n_tokens} tokens" in text) == (tokens == "all")


@pytest.mark.parametrize("tokens", ["focus", "all"])
def test_over_the_layers_the_formula_divides_by_what_layer_norm_divides_by(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tokens: str
) -> None:
    def small(self: Trace, *place: object) -> LayerNormActivations:  # as small as ε itself, so that ε is seen
        found = norm(self, *place)
        return replace(found, var=found.var * 0 + 1e-5)

    norm = Trace.layer_norm
    monkeypatch.setattr(Trace, "layer_norm", small)
    link = {"prompt": "Once upon a time", "layer_norm": "depth", "norm_tokens": tokens}
    text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", **link))
    assert r"\sqrt{\text{var} + \varepsilon}" in text and r"\sqrt{1 \cdot 10^{-5} + 1 \cdot 10^{-5}} = 0.00447" in text
    assert "divides by this spread" not in text
