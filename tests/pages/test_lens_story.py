"""What the beats of the lens page say: findings from this text's numbers, the opposite where they say so, texts that show it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import gptcore
from app import sequence, tellings
from app.chapters.lens import story, views
from app.runtime import Here
from app.writing.markup import code
from app.writing.numbers import percent
from gptcore.checkpoints import LanguageModel
from tests.pages.place import place
from tests.pages.visit_page import open_page

IDS = (40, 7, 7, 99, 150, 3)


@pytest.fixture
def here(tiny_model: LanguageModel) -> Here:
    views.KEPT.clear()
    return place(tiny_model, IDS)


def made_to_settle(here: Here, firsts: list[int]) -> Here:
    """The place, where the lens reads these as likeliest at the cursor, depth by depth; 5 and 6 are the final token and another."""
    column = views.columns(here, [here.position])[here.position]
    ids = column.token_ids.copy()
    ids[:, 0] = firsts
    made = replace(column, token_ids=ids, target=firsts[-1])
    views.KEPT.clear()
    views.KEPT.keep(here.run.beginning(here.position + 1), made)
    return here


def test_the_finding_says_since_when_and_the_opposite_where_the_last_block_decides(here: Here) -> None:
    here = replace(here, position=5)
    assert "since **block 0** (the last is block 1)" in story.says_grid(made_to_settle(here, [6, 5, 5]))
    assert "from the embeddings on" in story.says_grid(made_to_settle(here, [5, 5, 5]))
    late = made_to_settle(here, [5, 6, 5])
    assert "only after the **last block**" in story.says_grid(late)
    column = views.columns(here, [5])[5]
    said = story.says_position(late)
    assert percent(float(column.probs[1, 0])) in said and percent(float(column.target_prob[1])) in said


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


def at_telling(model: LanguageModel, part: str) -> Here:
    """The place that a visitor is brought to by this beat."""
    telling = tellings.TELLINGS["lens", part]
    here = place(model, model.tokenizer.encode(telling.prompt))
    focus = dict(telling.focus(here))
    at = focus.get("position")
    return replace(here, layer=focus.get("layer", 0), position=len(here.ids) - 1 if at is None else at)


def test_the_texts_settle_where_their_beats_say_counted_from_the_logits(storyteller: LanguageModel) -> None:
    n_layers = storyteller.config.n_layers
    for part, (first, last), least in (("grid", (n_layers / 3, 2 * n_layers / 3), 0.9), ("position", (n_layers, n_layers), 0.5)):
        here = at_telling(storyteller, part)
        trace = storyteller.trace(here.ids)
        tops = []
        with torch.inference_mode():
            for depth in range(n_layers + 1):
                logits = storyteller.model.unembed(torch.tensor(trace.resid(depth)[here.position]))
                tops.append(int(logits.argmax()))
            prob = float(logits.softmax(-1).max())
        settled = next(d for d in range(n_layers + 1) if set(tops[d:]) == {tops[-1]})
        assert first <= settled <= last and here.layer == settled - 1 and prob > least, (part, settled, prob)
        says = {"grid": story.says_grid, "position": story.says_position}[part](here)
        assert percent(prob) in says
        assert (f"since **block {settled - 1}**" if part == "grid" else "Only the last block") in says


@pytest.mark.parametrize("part", ["grid", "position", "stages"])
def test_each_thing_to_try_changes_what_is_shown(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    at = open_page(monkeypatch, tiny_folder, "lens", prompt="Once upon a time", lens=part)
    tries = [button.key for button in at.button if str(button.key).startswith("try_")]
    assert tries
    for key in tries:
        at = open_page(monkeypatch, tiny_folder, "lens", prompt="Once upon a time", lens=part)
        before = dict(at.query_params)
        at.button(key=key).click().run()
        assert not at.exception and dict(at.query_params) != before


def test_where_another_token_was_drawn_than_the_likeliest_a_finding_says_which_and_how_likely_it_was(
    storyteller: LanguageModel,
) -> None:
    ids = storyteller.tokenizer.encode("The cat ran after the dog, and the dog ran after the")
    found = place(storyteller, ids, position=len(ids) - 1)
    probs = storyteller.model(torch.tensor([ids]))[0, -1].double().softmax(-1)
    best, seen = int(probs.argmax()), set()
    for seed in range(12):
        here = replace(found, view=replace(found.view, seed=seed))
        drawn, chip = sequence.selection(here).chosen_id, sequence.timeline_chips(here)[-1]
        said = story.says_position(here)
        assert chip.text == storyteller.tokenizer.text_of(drawn) and chip.says == "drawn"
        told = f"{code(chip.text)} instead: it was drawn, with a probability of {percent(float(probs[drawn]))}."
        assert (told in said, "drawn" in said) == ((drawn != best,) * 2)
        seen.add(drawn == best)
    assert seen == {True, False}
    greedy = replace(found, view=replace(found.view, temperature=0.0))
    assert sequence.timeline_chips(greedy)[-1].says == "likeliest" and "drawn" not in story.says_position(greedy)
    assert sequence.timeline_chips(found, guessing=True)[-1].says == ""  # or the guess would be half given away


def test_of_a_text_longer_than_the_grid_it_is_said_which_tokens_are_counted(tiny_model: LanguageModel) -> None:
    ids = tuple(range(5, 5 + views.WINDOW + 8))
    for position, which in ((len(ids) - 1, f"of the last {views.WINDOW} tokens"), (0, f"of the first {views.WINDOW} tokens")):
        here = place(tiny_model, ids, position=position)
        assert which in story.says_stages(here)
    assert f"of {len(IDS)} tokens" in story.says_stages(place(tiny_model, IDS))


def test_more_layers_settle_more_predictions(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller, "stages")
    settled = [column.settled for column in views.columns(here, views.window(len(here.ids), here.position)).values()]
    (said,) = (each.answer(here) for each in story.QUESTIONS if "many layers" in each.asked)
    at = [sum(depth <= last for depth in settled) for last in (1, here.config.n_layers // 2, here.config.n_layers)]
    assert at == sorted(at) and at[-1] == len(settled)
    assert f"{at[0]} already" in said and f"{at[1]} halfway up" in said and f"{at[2]} at the end" in said
