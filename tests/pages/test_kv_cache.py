"""The K/V cache page: keys, values, bytes and written text against transformers; the counted work against torch."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch.utils.flop_counter import FlopCounterMode

from app.chapters.kv_cache import race as cache_race_sections
from app.chapters.kv_cache import sections, views
from app.writing.numbers import significant
from gptcore.cache_race import KeptKeysValues, Race, RaceStep
from gptcore.checkpoints import LanguageModel
from gptcore.model import GPTModel
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, PROMPTS, figure, figures, numbers, open_page, printed

PROMPT, LAYER, HEAD = "Once upon a time", 1, 2
WIDTH = 8  # of one head of the tiny model


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, part: str = "kept", prompt: str = PROMPT, **query: str) -> AppTest:
    monkeypatch.setattr(cache_race_sections, "SECONDS", 0.2)
    return open_page(
        monkeypatch,
        folder,
        "kv_cache",
        open="maths.checks",
        kv_cache=part,
        prompt=prompt,
        layer=str(LAYER),
        head=str(HEAD),
        **query,
    )


def measure(at: AppTest) -> None:
    next(button for button in at.main.button if button.label == "Measure on this machine").click().run()
    assert not at.exception


@pytest.mark.parametrize(("part", "n_figures"), {"kept": 1, "work": 1, "measured": 0}.items())
def test_every_part_has_its_figures(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str, n_figures: int) -> None:
    assert len(figures(opened(monkeypatch, tiny_folder, part))) == n_figures


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert figures(open_page(monkeypatch, tiny_folder, "kv_cache", open="maths.checks", kv_cache="queries", **JUNK))


def test_it_draws_one_query_and_all_keys_and_values_as_transformers_has_them(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    ids = tiny_model.tokenizer.encode(PROMPT)
    run = TransformersRun(tiny_folder, ids)
    attention = run.model.transformer.h[LAYER].attn
    with torch.inference_mode():
        qkv = attention.c_attn(torch.tensor(run.layers[LAYER]["attn_in"])).numpy()
    q, k, v = (part[:, HEAD * WIDTH : (HEAD + 1) * WIDTH] for part in np.split(qkv, 3, axis=1))
    strip = figure(opened(monkeypatch, tiny_folder), "Query, keys and values of layer 1, head 2")
    trace, layout = strip["data"][0], strip["layout"]
    shades, drawn = numbers(trace["z"]), numbers(trace["customdata"])
    assert np.isnan(drawn[:-1, :WIDTH]).all() and np.isnan(shades[:-1, :WIDTH]).all()
    assert (trace["zmin"], trace["zmax"]) == (-1, 1) and "%{customdata:" in trace["hovertemplate"]
    places = slice(0, WIDTH), slice(WIDTH, 2 * WIDTH), slice(2 * WIDTH, None)
    for i, (name, place, expected) in enumerate(zip(("query", "key", "value"), places, (q[-1:], k, v), strict=True)):
        rows, largest = slice(-len(expected), None), np.abs(expected).max()
        assert np.allclose(drawn[rows, place], expected, atol=1e-5 * largest)
        assert np.allclose(shades[rows, place], expected / largest, atol=2e-5)  # each part in all its shades
        assert layout["xaxis"]["ticktext"][i] == f"{name} ±{significant(largest)}" and name in layout["meta"]["alt"]
        assert trace["text"][-1][place][1] == f"{name}, dimension 1"


def test_the_query_is_compared_with_the_key_of_the_token_in_focus(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    ids, at = tiny_model.tokenizer.encode(PROMPT), 1
    run = TransformersRun(tiny_folder, ids)
    with torch.inference_mode():
        qkv = run.model.transformer.h[LAYER].attn.c_attn(torch.tensor(run.layers[LAYER]["attn_in"])).numpy()
    q, k, _ = (part[:, HEAD * WIDTH : (HEAD + 1) * WIDTH] for part in np.split(qkv, 3, axis=1))
    text = printed(opened(monkeypatch, tiny_folder, position=str(at)))
    found = re.search(
        rf"q_\{{{len(ids) - 1}\}} \\cdot k_\{{{at}\}} &= (\S+) .*?&= (\S+) \\.*?weight.*?"
        r"\\frac\{e\^\{(\S+) - (\(?-?[\d.]+\)?)\}\}\{([\d.]+)\} \\.*?&= ([\d.]+)\\,\\%",
        text,
        re.S,
    )
    assert found
    score, scaled, fitting, largest, total, weight = (float(number.strip("()")) for number in found.groups())
    scores = q[-1] @ k.T / np.sqrt(WIDTH)
    expected = np.exp(scores[at]) / np.exp(scores).sum()
    assert [score, scaled, largest] == pytest.approx([float(q[-1] @ k[at]), float(scores[at]), float(scores.max())], rel=6e-3)
    assert fitting == scaled and total == pytest.approx(np.exp(scores - scores.max()).sum(), rel=6e-3)
    assert weight == pytest.approx(100 * expected, rel=6e-3)
    assert weight == pytest.approx(100 * np.exp(fitting - largest) / total, rel=6e-3)  # by the printed numbers alone


def test_the_bytes_are_those_of_the_cache_that_transformers_keeps(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    ids = tiny_model.tokenizer.encode(PROMPT)
    theirs = TransformersRun(tiny_folder, ids).model
    with torch.inference_mode():
        cache = theirs(torch.tensor([list(ids)]), use_cache=True).past_key_values
    kept = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert f"= {kept:,}".replace(",", "{,}") in printed(opened(monkeypatch, tiny_folder))


def test_the_work_drawn_is_what_torch_counts_both_ways(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    without, with_cache = figure(opened(monkeypatch, tiny_folder, "work"), "Work for the next token")["data"]
    n = tiny_model.config.context_length
    with torch.device("meta"):
        model = GPTModel(tiny_model.config).eval()
    ids = torch.zeros(1, n, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as again, torch.inference_mode():
        model(ids)
    caches = [KeptKeysValues(model, n) for _ in model.blocks]
    model(ids[:, :-1], caches)
    with FlopCounterMode(display=False) as kept, torch.inference_mode():
        model(ids[:, -1:], caches, start=n - 1)
    spared_heads = 2 * (n - 1) * tiny_model.config.vocab_size * tiny_model.config.emb_dim  # forward makes logits everywhere
    assert 1e6 * numbers(without["y"])[-1] == pytest.approx(again.get_total_flops() - spared_heads)
    assert 1e6 * numbers(with_cache["y"])[-1] == pytest.approx(kept.get_total_flops())


def test_a_long_sequence_is_drawn_as_a_window_that_says_so(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = opened(monkeypatch, tiny_folder, prompt=PROMPTS["longest"])
    assert numbers(figure(at, "Query, keys and values")["data"][0]["z"]).shape == (sections.ROWS, 3 * WIDTH)
    assert "Positions 40 to 63 of 64" in [each.value for each in at.caption]
    at.button(key="window_earlier").click().run()
    assert "Positions 16 to 39 of 64" in [each.value for each in at.caption] and at.query_params["position"] == "28"
    at.button(key="window_earlier").click().run()
    assert at.button(key="window_earlier").disabled and not at.exception
    while not at.button(key="window_later").disabled:
        at.button(key="window_later").click().run()
    assert "Positions 40 to 63 of 64" in [each.value for each in at.caption]


def test_nothing_is_measured_before_it_is_asked_for_but_what_will_be_is_said(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = opened(monkeypatch, tiny_folder, "measured")
    text = printed(at)
    assert "Both are timed" in text and "median" in text and not figures(at)
    counted = re.search(r"\\frac\{\\text\{without\}\}.*", printed(opened(monkeypatch, tiny_folder, "work")))
    assert counted and counted.group() in text and "Work of the blocks" in text
    assert any("gptcore/cache_race.py" in caption.value for caption in at.caption)


def test_a_measurement_draws_its_times_and_both_ways_write_what_transformers_writes(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = opened(monkeypatch, tiny_folder, "measured")
    measure(at)
    without, with_cache = figure(at, "Measured time for the next token")["data"]
    times = np.concatenate([numbers(without["y"]), numbers(with_cache["y"])])
    assert (times > 0).all() and numbers(without["x"])[0] == len(tiny_model.tokenizer.encode(PROMPT))
    text = printed(at).replace("\\", "")
    assert "Same text" in text and "Measured on this machine just now" in text

    ids = tiny_model.tokenizer.encode(PROMPT)
    theirs = TransformersRun(tiny_folder, ids).model
    written = theirs.generate(
        torch.tensor([list(ids)]), do_sample=False, max_new_tokens=len(numbers(without["x"])), eos_token_id=None, pad_token_id=0
    )[0, len(ids) :].tolist()
    found = at.session_state["remembered_cache_race"][1]
    medians = [float(np.median(numbers(line["y"]))) for line in (without, with_cache)]
    fraction = re.search(r"\\frac\{([\d.]+)\}\{([\d.]+)\} \S+ ([\d.]+)", printed(at))
    expected = [*medians, medians[0] / medians[1]]
    assert fraction and [float(part) for part in fraction.groups()] == pytest.approx(expected, rel=6e-3)
    said = re.search(r"median step took ([\d.]+) ms without the cache and ([\d.]+) ms with it", text)
    assert said and [float(part) for part in said.groups()] == pytest.approx(medians, rel=6e-3)
    assert "The work it saves" in text and "above" not in text
    assert list(found.cached_ids)[: len(written)] == list(found.uncached_ids)[: len(written)] == written


def test_a_measurement_of_another_sequence_is_not_shown(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = opened(monkeypatch, tiny_folder, "measured")
    measure(at)
    at.radio(key="widget_choice_kv_cache").set_value("kept").run()
    at.radio(key="widget_choice_kv_cache").set_value("measured").run()
    assert figure(at, "Measured time for the next token")  # it was kept, while another part was looked at
    at.session_state["view"] = replace(at.session_state["view"], prompt="The cat")
    at.run()
    assert not figures(at)


def test_a_different_token_or_different_logits_fail_the_check() -> None:
    same = Race(3, (RaceStep(3, 1.0, 2.0, 7, 7, 1e-7),))
    assert cache_race_sections.same_text(same).ok
    assert not cache_race_sections.same_text(Race(3, (RaceStep(3, 1.0, 2.0, 7, 8, 1e-7),))).ok
    assert not cache_race_sections.same_text(Race(3, (RaceStep(3, 1.0, 2.0, 7, 7, 1e-2),))).ok


def test_the_measured_frame_holds_one_row_a_step() -> None:
    race = Race(3, (RaceStep(3, 1.0, 2.0, 7, 7, 1e-7), RaceStep(4, 1.5, 2.5, 9, 9, 2e-7)))
    frame = views.race_frame(race)
    assert frame.n_tokens.tolist() == [3, 4] and frame.with_cache_ms.tolist() == [1.0, 1.5]
    assert frame.without_cache_id.tolist() == [7, 9] and frame.step.tolist() == [0, 1]
