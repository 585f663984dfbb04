"""The page of texts that part: probabilities by transformers, the filter, other dice, and the search against an exhaustive one."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from streamlit.testing.v1 import AppTest
from transformers import GPT2LMHeadModel

from app.chapters.branches import views
from gptcore.branching import beam_search
from gptcore.checkpoints import LanguageModel
from gptcore.generation import generate
from tests.pages.as_code import run_snippet
from tests.pages.component_data import component_data
from tests.pages.place import place
from tests.pages.visit_page import open_page, printed

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
    header, arrays = component_data(at, "What was written")
    assert len(header["blocks"]) == len(table) - 1
    assert np.allclose(sorted(arrays["probabilities"]), sorted(table["probability"].iloc[1:]), atol=1e-6)


def chosen_ids(query: str) -> tuple[int, ...]:
    return tuple(int(each, 36) for each in query.split("."))


def test_where_nothing_is_written_three_seeds_show_what_could_be_and_one_click_takes_it(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "branches", prompt=PROMPT, temperature="2", seed="5")
    header, _ = component_data(at, "What could come")
    assert {kind for *_, kind in header["blocks"]} == {"offered"} and "chosen" not in at.query_params
    before = len(tiny_model.tokenizer.encode(PROMPT))  # a block's depth is the number of tokens before it
    assert {depth for _, depth, *_ in header["blocks"]} == set(range(before, before + views.WRITTEN))
    written = [
        tuple(
            step.token_id
            for step in generate(tiny_model, PROMPT, temperature=2, top_k=40, seed=5 + n, max_new_tokens=views.WRITTEN)
        )
        for n in range(3)
    ]
    table, n_prompt = exports["branches"], len(tiny_model.tokenizer.encode(PROMPT))
    assert len(table) == 1 + len({text[:n] for text in written for n in range(1, views.WRITTEN + 1)}) > n_prompt
    texts = [button for button in at.button if str(button.key).startswith("branch_text")]
    assert len(texts) == 3 and not any(button.disabled for button in texts)
    texts[1].click().run()
    taken = chosen_ids(at.query_params["chosen"])
    assert taken in written and len([b for b in at.button if str(b.key).startswith("branch_text")]) == 3
    assert {kind for *_, kind in component_data(at, "What was written")[0]["blocks"]} == {"present", "left"}


def test_a_link_restores_the_tree_and_junk_of_one_falls_back(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports
) -> None:
    at = open_page(monkeypatch, tiny_folder, "branches", prompt=PROMPT, temperature="2")
    write_more(at)
    query, table = dict(at.query_params), exports["branches"].copy()
    query = {name: value[0] if isinstance(value, list) else value for name, value in query.items() if name != "model"}
    open_page(monkeypatch, tiny_folder, "branches", **query)
    assert exports["branches"].equals(table)
    at = open_page(monkeypatch, tiny_folder, "branches", **{**query, "left": "0!zzzz"})
    assert "dropped" in "".join(toast.value for toast in at.toast) and "left" not in at.query_params
    at = open_page(monkeypatch, tiny_folder, "branches", **{**query, "left": "7!1~junk"})
    assert not at.exception and "left" not in at.query_params


def test_another_prompt_ends_the_branches_of_the_last(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "branches", prompt=PROMPT, temperature="2")
    write_more(at)
    assert "left" in at.query_params
    at.text_area(key="widget_prompt").set_value("a hat").run()
    assert "left" not in at.query_params and {kind for *_, kind in component_data(at, "What could")[0]["blocks"]} == {"offered"}


def test_a_step_of_the_search_expands_scores_and_keeps(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    ids = tiny_model.tokenizer.encode(PROMPT)
    steps = list(beam_search(tiny_model, ids, 4, 3))
    scored = (*steps[2].kept, *steps[2].dropped)
    asked = {"branches": "beam", "prompt": PROMPT, "beam_step": "3", "temperature": "2"}
    at = open_page(monkeypatch, tiny_folder, "branches", beam_phase="expand", **asked)
    table = printed(at).split("<tbody>")[1].split("</tbody>")[0]
    assert table.count("<tr") == 4 and table.count(" %") == len(scored)
    next(button for button in at.button if button.label == "Score them").click().run()
    rows = printed(at).split("<tbody>")[1].split("</tbody>")[0].split("<tr")[1:]
    assert len(rows) == len(scored)
    for row, each in zip(rows, scored, strict=True):
        before, last, whole = (float(cell.replace("−", "-")) for cell in re.findall(r">([−\d.]+)</td>", row)[1:4])
        parent = steps[1].kept[each.parent]
        assert whole == pytest.approx(views.bits(each.log_prob), abs=0.006)
        assert before == pytest.approx(views.bits(parent.log_prob), abs=0.006)
        assert last == pytest.approx(whole - before, abs=0.011)
    next(button for button in at.button if button.label == "Keep the best 4").click().run()
    assert printed(at).count("kept</td>") == 4
    next(button for button in at.button if button.label.startswith("On to step 4")).click().run()
    assert "Step 4 goes on with each of the 4 texts" in printed(at)


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
