"""The page of texts that part: probabilities by transformers, the filter, other dice, and the search against an exhaustive one."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest
from transformers import GPT2LMHeadModel

from app.chapters.branches import views
from gptcore.checkpoints import LanguageModel
from tests.pages.as_code import run_snippet
from tests.pages.place import place
from tests.pages.visit_page import figure, open_page, printed

PROMPT = "the cat had a"
Exports = dict[str, pd.DataFrame]


def write_more(at: AppTest) -> None:
    next(button for button in at.button if "other dice" in button.label).click().run()
    assert not at.exception and not at.error


def log_probs(folder: Path, ids: tuple[int, ...]) -> np.ndarray:
    """[position, token], natural logarithms."""
    with torch.inference_mode():
        found = GPT2LMHeadModel.from_pretrained(folder).eval()(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return np.asarray(found)


def test_texts_on_other_dice_grow_a_tree_whose_probabilities_are_those_of_transformers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "branches", prompt=PROMPT, temperature="2")
    assert "Nothing has been written" in printed(at)
    write_more(at)
    table, n_prompt = exports["branches"], len(tiny_model.tokenizer.encode(PROMPT))
    paths = {0: tiny_model.tokenizer.encode(PROMPT)}
    for place_, row in table.iloc[1:].iterrows():
        paths[place_] = (*paths[row["parent"]], int(row["token_id"]))
        expected = log_probs(tiny_folder, paths[place_])
        assert row["probability"] == pytest.approx(float(np.exp(expected[-2, row["token_id"]])), rel=1e-3)
        total = sum(expected[n - 1, token] for n, token in enumerate(paths[place_]) if n >= n_prompt)
        assert row["log_probability"] == pytest.approx(float(total), abs=1e-3)
    assert len({path for path in paths.values() if len(path) == n_prompt + views.WRITTEN}) == 3
    drawn = figure(at, "What was written")["data"]
    assert sum(len(trace["y"]) for trace in drawn) == len(table) - 1


def test_a_click_makes_another_text_the_one_in_view_and_the_filter_leaves_out_unlikely_ones(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "branches", prompt=PROMPT, temperature="2")
    write_more(at)
    before = at.query_params["chosen"]
    texts = [button for button in at.button if str(button.key).startswith("branch_text")]
    assert len(texts) == 3 and sum(button.disabled for button in texts) == 1
    next(button for button in texts if not button.disabled).click().run()
    assert at.query_params["chosen"] != before
    at.select_slider(key="widget_choice_least").set_value("10").run()
    assert not at.exception
    assert len([button for button in at.button if str(button.key).startswith("branch_text")]) == 1  # the one in view stays


def test_the_code_gives_the_tree_and_the_search(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports) -> None:
    at = open_page(monkeypatch, tiny_folder, "branches", prompt=PROMPT, temperature="2", open="checks", intervention="off_f0")
    write_more(at)
    tree = run_snippet(at, tiny_folder)["tree"]
    assert np.allclose([branch.prob for branch in tree], exports["branches"]["probability"], atol=1e-6)
    at = open_page(
        monkeypatch, tiny_folder, "branches", branches="beam", prompt=PROMPT, open="checks", intervention="off_f0", beam_step="5"
    )
    last = run_snippet(at, tiny_folder)["steps"][-1]
    scores = [views.bits(each.log_prob) for each in last.kept + last.dropped]
    assert np.allclose(scores, exports["beam-search"]["score_bits"], atol=1e-5)
    assert "Score" in printed(at) and ":material/error:" not in printed(at)


def test_two_steps_with_all_tokens_kept_find_the_best_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    ids = tiny_model.tokenizer.encode(PROMPT)
    here = place(tiny_model, ids)
    found = next(each for each in views.beam(here, tiny_model.config.vocab_size, 2)[-1].kept if not each.ended)
    first = log_probs(tiny_folder, ids)[-1]
    best = max(
        (float(first[a] + second), (a, b))
        for a in np.argsort(-first)[:40].tolist()
        for b, second in enumerate(log_probs(tiny_folder, (*ids, a))[-1].tolist())
        if not {a, b} & set(tiny_model.tokenizer.end_ids)
    )
    assert found.log_prob == pytest.approx(best[0], abs=1e-4) and found.ids == (*ids, *best[1])


def test_step_by_step_is_the_same_search(tiny_model: LanguageModel) -> None:
    here = place(tiny_model, tiny_model.tokenizer.encode(PROMPT))
    steps = views.beam(here, 3, 5)
    assert [step.kept for step in steps] == [step.kept for step in views._beam(here.model, here.run, 3, 5)]
    for before, after in itertools.pairwise(steps):
        assert all(each.ids[:-1] == before.kept[each.parent].ids for each in after.kept)


def test_a_full_context_is_said_on_both_beats(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    full = "a" * 64
    assert len(tiny_model.tokenizer.encode(full)) == tiny_model.config.context_length
    for part in ("tree", "beam"):
        at = open_page(monkeypatch, tiny_folder, "branches", branches=part, prompt=full)
        assert not at.exception and not at.error
