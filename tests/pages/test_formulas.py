"""Every formula that stands on a page holds as printed, also for the numbers of a model that makes this hard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from app.chapters.write import seven_steps
from gptcore.checkpoints import load
from gptcore.model import GPTModel
from tests.conftest import save_random_model
from tests.pages.printed_formula import Relation, relations, value_of
from tests.pages.visit_page import open_page

# part -> what a link to it says besides, and how many relations that hold must at least be found there.
PLACES: dict[str, tuple[str, dict[str, str], int]] = {
    "weights": ("parameters", {"parameters": "weights", "tensor": "ln_2.scale"}, 2),
    "weights outside": ("parameters", {"parameters": "weights", "place": "outside", "tensor": "token_embedding.weight"}, 2),
    "gradients": ("shortcuts", {"gradient_depth": "64", "gradient_width": "4", "gradient_bend": "tanh"}, 4),
    "two gradients": ("shortcuts", {"gradient_depth": "2", "gradient_seed": "7"}, 2),
    "cosine of a block": ("shortcuts", {"shortcuts": "model"}, 1),
    "softmax": ("attention", {"attention": "head", "stage": "pattern", "key": "2", "position": "4"}, 1),
    "softmax, later key": ("attention", {"attention": "head", "stage": "pattern", "key": "4", "position": "1"}, 0),
    "scaled": ("attention", {"attention": "head", "stage": "scaled", "position": "4"}, 1),
    "read": ("attention", {"attention": "head", "stage": "read", "key": "1", "position": "4"}, 1),
    "two heads' words": ("attention", {"attention": "head", "heads": "mean", "join_words": "1", "position": "1"}, 0),
    "row of two": ("attention", {"attention": "closer", "look": "row", "position": "1"}, 1),
    "a projection": ("attention", {"attention": "closer", "look": "made", "made": "key"}, 1),
    "entropy of two": ("attention", {"attention": "closer", "look": "entropy", "position": "1"}, 1),
    "logit below -100": ("lens", {"lens": "position", "layer": "1"}, 1),
    "likeliest": ("lens", {"lens_colour": "probability"}, 0),
    "choices": ("lens", {"lens_colour": "entropy"}, 1),
    "temperature": ("sampling", {"temperature": "0.3", "top_p": "0.7"}, 3),
    "warm": ("sampling", {"temperature": "1.9", "top_k": "3", "seed": "5"}, 3),
    "error of draws": ("sampling", {"sampling": "draws", "temperature": "0.7"}, 1),
    "choices left": ("sampling", {"sampling": "choices", "temperature": "2"}, 1),
    "greedy choices": ("sampling", {"sampling": "choices", "temperature": "0"}, 1),
    "one LayerNorm": ("layer_norm", {"layer": "1", "site": "ln_2"}, 1),
    "outliers": ("layer_norm", {"layer_norm": "outliers", "site": "final"}, 0),
    "along the layers": ("layer_norm", {"layer_norm": "depth"}, 1),
    "a class": ("layer_norm", {"layer_norm": "classroom"}, 1),
    "a stack": ("layer_norm", {"layer_norm": "stack", "stack_gain": "0.55", "stack_depth": "49"}, 1),
    "token and position": ("embeddings", {"embeddings": "sum"}, 1),
    "similar rows": ("embeddings", {"embeddings": "similar"}, 1),
    "positions": ("embeddings", {"embeddings": "positions"}, 1),
    "lengths": ("embeddings", {"embeddings": "lengths"}, 1),
    "plane": ("embeddings", {"embeddings": "plane"}, 1),
    "surprise": ("tokens", {"tokens": "surprise", "position": "3"}, 1),
    "one neuron": ("feed_forward", {"layer": "1"}, 1),
    "strongest": ("feed_forward", {"feed_forward": "neurons"}, 1),
    "two sums": ("block", {"layer": "1"}, 2),
    "dropout off": ("block", {"block": "dropout", "drop_rate": "0.35"}, 2),
    "dropout": ("block", {"block": "dropout", "dropout": "1", "drop_rate": "0.35", "dropout_seed": "4"}, 0),
    "years": ("scale", {"scale": "time", "teraflops": "33.7", "cards": "7"}, 2),
    "memory": ("scale", {"scale": "memory", "batch": "16"}, 5),
    "a kept key": ("kv_cache", {"position": "2"}, 3),
    "cached work": ("kv_cache", {"kv_cache": "work"}, 1),
}


@pytest.fixture(scope="session")
def hard_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of which the means are large beside the spreads, the logits lie around -100, and attention is sharp."""

    def change(model: GPTModel) -> None:
        for name, parameter in model.named_parameters():
            parameter.add_(torch.randn_like(parameter) * (0.001 if name.endswith("scale") else 0.2))
            if name.endswith("embedding.weight"):
                parameter.add_(3.0)
        model.final_norm.shift.sub_(1.0)

    folder = tmp_path_factory.mktemp("models") / "hard"
    save_random_model(folder, 3, 2, change)
    return folder


def on_page(monkeypatch: pytest.MonkeyPatch, folder: Path, page: str, **link: str) -> list[str]:
    """The LaTeX of a page."""
    link = {"prompt": "Once upon a time the cat", "open": "maths.checks", **link}
    return [element.proto.body for element in open_page(monkeypatch, folder, page, **link).get("latex")]


@pytest.mark.parametrize("place", PLACES)
def test_a_printed_formula_holds(monkeypatch: pytest.MonkeyPatch, hard_folder: Path, place: str) -> None:
    page, link, at_least = PLACES[place]
    found = [relation for latex in on_page(monkeypatch, hard_folder, page, **link) for relation in relations(latex)]
    assert [relation for relation in found if not relation.holds] == []
    assert len(found) >= at_least


def test_the_softmax_of_the_seven_steps_holds(monkeypatch: pytest.MonkeyPatch, hard_folder: Path) -> None:
    show = seven_steps.show
    monkeypatch.setattr(seven_steps, "show", lambda _, here, choice: show(3, here, choice))
    found = [relation for latex in on_page(monkeypatch, hard_folder, "write", write="steps") for relation in relations(latex)]
    assert [relation.holds for relation in found] == [True]


def test_the_model_is_as_hard_as_it_should_be(hard_folder: Path) -> None:
    logits = load(str(hard_folder)).trace([1, 2, 3, 4]).logits_at([3])
    assert logits.max() < -80


def rounded(value: float, like: str) -> bool:
    """Whether a value is the printed number."""
    return Relation("", value, like).holds


@pytest.mark.parametrize("layer", ["0", "1"])
def test_gelu_of_the_printed_number_is_the_printed_one(monkeypatch: pytest.MonkeyPatch, hard_folder: Path, layer: str) -> None:
    def gelu(x: float, t: float) -> float:
        return float(0.5 * x * (1 + torch.tanh(torch.tensor(t, dtype=torch.float64))))

    def tanh_of(x: float) -> float:
        return float((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))

    (steps, *_) = on_page(monkeypatch, hard_folder, "feed_forward", layer=layer)
    x, y = re.search(r"&= (\S+) \\\\\[0.4em\]\s+\\text\{GELU\}\(a_\{\d+\}\) &= (.*?)\s+\\end", steps).groups()
    assert rounded(gelu(float(x), tanh_of(float(x))), y)
    lowest = on_page(monkeypatch, hard_folder, "feed_forward", layer=layer, feed_forward="activations")[-1]
    x, t, y = re.search(r"x_\{\d+\} &= (\S+) .*?\n.*?\n\s*&= (\S+) .*\\tanh t\) .*?&= (.*?)\s+\\end", lowest, re.DOTALL).groups()
    assert rounded(tanh_of(float(x)), t) and rounded(gelu(float(x), float(t)), y)


@pytest.mark.parametrize("x", ["-3.95", "-0.75", "0.05", "2.2"])
def test_the_activation_functions_of_the_printed_x(monkeypatch: pytest.MonkeyPatch, hard_folder: Path, x: str) -> None:
    (latex,) = on_page(monkeypatch, hard_folder, "feed_forward", feed_forward="functions", functions_x=x, swiglu_input="0.7")
    t, y = re.search(r"x\^3\).*?&= ([^&]*?) \\\\.*?\\tanh t\) .*?&= (.*?) \\\\", latex, re.DOTALL).groups()
    silu, swiglu = re.search(r"e\^\{-x\}\) = (.*?) \\\\.*SiLU\}\(x\) \\.*?&= (.*?)\s+\\end", latex, re.DOTALL).groups()
    assert rounded(0.5 * float(x) * (1 + float(torch.tanh(torch.tensor(value_of(t), dtype=torch.float64)))), y)
    assert rounded(float(x) / (1 + 2.718281828459045 ** -float(x)), silu) and rounded(0.7 * (value_of(silu) or 0.0), swiglu)


@pytest.mark.parametrize("site", ["ln_1", "ln_2", "final"])
def test_the_variance_after_says_how_far_it_is_from_1(monkeypatch: pytest.MonkeyPatch, hard_folder: Path, site: str) -> None:
    latex = next(text for text in on_page(monkeypatch, hard_folder, "layer_norm", site=site) if "var after" in text)
    var, missing = re.search(r"1 - \\frac\{1 \\cdot 10\^\{-5\}\}\{(\S+) \+ .*&= 1 - (.*?) \\end", latex).groups()
    assert value_of(missing) and rounded(1e-5 / (float(var) + 1e-5), missing)


def test_years_follow_from_the_printed_seconds(monkeypatch: pytest.MonkeyPatch, hard_folder: Path) -> None:
    for speed in ("28", "33.7", "98765"):
        (latex,) = on_page(monkeypatch, hard_folder, "scale", scale="time", teraflops=speed, cards="3")
        seconds, time, unit = re.search(r"&= ([^&]*?) \\text\{ seconds\} = ([\d.]+) \\text\{ (\w+)\}", latex).groups()
        days = (value_of(seconds) or 0.0) / 86400
        assert f"{days / (365.25 if unit == 'years' else 1):.1f}" == time


def test_a_formula_that_does_not_hold_is_found() -> None:
    false = [
        r"x_{3} = E_{1} + P_{2} \\ 0.563 + 0.000366 = 0.564",
        r"&= \sqrt{\frac{27.7^2}{768} - (0.995)^2} \\[1.3em] &= 0.0116",
        r"\frac{g_0}{g_{63}} &= 0.167 = 0.97^{63}",
        r"&= \frac{e^{-103.4}}{e^{-101.2}} = 11.3\,\%",
        r"&= 1 - \frac{1 \cdot 10^{-5}}{23.1} \\ &= 1 - 4.43 \cdot 10^{-7}",
        r"2 \cdot 38{,}000 = 77{,}000",
        r"-\log_2 0.25 = 2.01\text{ bits}",
        r"\max(51.2\,\%, 12\,\%) = 12\,\%",
    ]
    for latex in false:
        assert [relation.holds for relation in relations(latex)] == [False], latex
    assert not relations(r"a + 1 = 3 \approx \frac{22}{7} \quad \frac{1}{2} + \cdots = 1")
