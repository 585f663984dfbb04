"""What the beats of the sampling page say: the loop of a text, chances, and the three ends of a text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gptcore
from app import choices, state, tellings
from app.chapters.sampling import ending, greedy, stops, story, views
from app.chapters.sampling.controls import second_settings
from app.runtime import Here
from app.shell import navigation
from app.view import View
from app.writing.numbers import in_words, percent
from gptcore.checkpoints import LanguageModel
from gptcore.sampling import SamplingSettings, select
from tests.pages.place import place
from tests.pages.visit_page import PROMPTS, finding, open_page, printed


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


@pytest.fixture
def as_default(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The choices of a visitor, none at first; the view is the default one."""
    chosen: dict[str, object] = {}
    monkeypatch.setattr(state, "current", View)
    monkeypatch.setattr(state, "chosen", lambda choice: chosen.get(choice.name, choice.default))
    return chosen


def at_telling(model: LanguageModel, part: str) -> Here:
    ids = model.tokenizer.encode(tellings.TELLINGS["sampling", part].prompt)
    return place(model, ids, position=len(ids) - 1)


def argmax_text(model: LanguageModel, ids: tuple[int, ...], count: int) -> tuple[list[int], list[float]]:
    """What an argmax loop writes, and with which probabilities."""
    written, probs = list(ids), []
    with torch.inference_mode():
        for _ in range(count):
            shares = model.model(torch.tensor([written]))[0, -1].double().softmax(-1)
            written.append(int(shares.argmax()))
            probs.append(float(shares.max()))
    return written[len(ids) :], probs


def test_the_text_that_loops_does_so_and_its_rounds_become_likelier(storyteller: LanguageModel) -> None:
    here = at_telling(storyteller, "greedy")
    written, probs = argmax_text(storyteller, here.ids, views.GREEDY_TOKENS)
    start, period = next((s, n) for s in range(11) for n in range(1, 20) if written[s + n :] == written[s:-n])
    rounds = (len(written) - start) // period
    assert period < 10 and greedy.text(here) == tuple(written)
    first, last = (np.mean(probs[begin : begin + period]) for begin in (start, start + (rounds - 1) * period))
    said = story.says_greedy(here)
    assert f"**{rounds} times**" in said and percent(float(first)) in said and percent(float(last)) in said
    assert last > 1.5 * first


def test_both_texts_that_were_asked_for_are_told_at_the_same_length(
    storyteller: LanguageModel, as_default: dict[str, object]
) -> None:
    here = at_telling(storyteller, "greedy")
    assert f"within {views.GREEDY_TOKENS} tokens" in story.says_greedy(here)
    as_default["written"] = greedy.fingerprint(here, second_settings())
    written, drawn = greedy.texts(here)
    assert len(written) == views.WRITTEN and written[: views.GREEDY_TOKENS] == tuple(
        argmax_text(storyteller, here.ids, views.GREEDY_TOKENS)[0]
    )
    said = story.says_greedy(here)
    assert f"within {views.WRITTEN} tokens" in said and f"**{len(set(drawn))}** different tokens among its {len(drawn)}" in said


def test_where_nothing_repeats_it_says_so(storyteller: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    here = at_telling(storyteller, "greedy")
    monkeypatch.setattr(greedy, "text", lambda _: tuple(range(20)))
    assert "does not end in an exact circle within 20 tokens: 20 of them are different." in story.says_greedy(here)
    monkeypatch.setattr(greedy, "text", lambda _: (*range(19), storyteller.tokenizer.end_of_text_id))
    assert "ended its text" in story.says_greedy(here)


def test_a_repetition_that_grows_less_likely_is_not_called_surer(
    storyteller: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "rounds", lambda *_: (0.7, 0.4))
    assert "does not make it surer" in story.says_greedy(at_telling(storyteller, "greedy"))


def test_each_end_is_reached_and_told_in_numbers(storyteller: LanguageModel, as_default: dict[str, object]) -> None:
    here = at_telling(storyteller, "stops")
    found, said = {}, {}
    for why in stops.WHY:
        as_default["stop"] = why
        found[why], said[why] = stops.ended(here), story_of_stops(here)
    assert {why: ended.stopped for why, ended in found.items() if ended} == {why: why for why in stops.WHY}
    assert len(found["count"].ids) == len(here.ids) + stops.COUNT and f"**{stops.COUNT} tokens**" in said["count"]
    limit = storyteller.config.context_length
    assert len(found["context_length"].ids) == limit and f"**{limit} tokens**" in said["context_length"]
    end = storyteller.tokenizer.end_of_text_id
    assert found["end_of_text"].ids[len(here.ids) :] == (end,)
    shares = torch.tensor(storyteller.trace(here.ids).logits).double().softmax(-1)
    seed = found["end_of_text"].settings.seed
    assert percent(float(shares[end])) in said["end_of_text"] and f"**{seed:,}**" in said["end_of_text"]
    logits = storyteller.trace(here.ids).logits
    drawn = [select(logits, SamplingSettings(seed=each), position=len(here.ids)).chosen_id for each in range(seed + 1)]
    assert drawn.index(end) == seed


def story_of_stops(here: Here) -> str:
    return stops.says_stops(here)


def test_a_text_that_does_not_end_says_how_unlikely_its_end_is(
    storyteller: LanguageModel, as_default: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_default["stop"] = "end_of_text"
    monkeypatch.setattr(stops, "MOST_SEEDS", 10)
    stops._ENDED.clear()
    here = place(storyteller, storyteller.tokenizer.encode("Once upon a time"), position=3)
    assert stops.ended(here) is None and "does not end" in stops.says_stops(here)
    stops._ENDED.clear()


@pytest.mark.parametrize("why", choices.STOP.options)
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_every_end_opens_for_every_prompt(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str, why: str) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", prompt=prompt, sampling="stops", stop=why, open="maths.checks")
    assert "def generate(" in "\n".join(block.value for block in at.code)
    if prompt == PROMPTS["longest"]:
        assert "no place for another token" in printed(at)


@pytest.mark.parametrize("part", choices.SAMPLING_PART.options)
def test_each_thing_to_try_changes_the_finding(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    def opened() -> tuple[object, str]:
        at = open_page(monkeypatch, tiny_folder, "sampling", prompt="Once upon a time", sampling=part, draws="100")
        return at, printed(at)

    at, before = opened()
    tries = [str(button.key) for button in at.button if str(button.key).startswith("try_")]
    assert len(tries) in (2, 3)
    for key in tries:
        at, _ = opened()
        at.button(key=key).click().run()
        assert not at.exception and printed(at) != before


def test_the_last_beat_has_a_line_for_each_chapter_the_texts_own_numbers_and_the_way_on(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "sampling", sampling="end", model="storyteller", prompt="Once upon a time", temperature="0"
    )
    chapters = [entry for entry in navigation.PAGES if entry.group == navigation.CHAPTERS]
    assert list(ending.SEEN) == [entry.file for entry in chapters]
    lines = [line for line in printed(at).splitlines() if line.startswith("- **")]
    assert len(lines) == len(chapters) and all(navigation.name(e) in line for e, line in zip(chapters, lines, strict=True))
    ids = storyteller.tokenizer.encode("Once upon a time")
    numbers = sum(each.numel() for each in storyteller.model.parameters())
    assert f"{len(ids)} tokens went through **12 blocks** with {in_words(numbers)}" in finding(at)
    best = storyteller.tokenizer.text_of(int(storyteller.trace(ids).logits_at([len(ids) - 1])[0].argmax()))
    assert f"`{best}`" in finding(at) and "**100.0" in finding(at)
    assert at.button(key="end_lesson").click().run().session_state["remembered_choosing_lesson"]


def test_another_seed_draws_other_tokens_and_the_same_seed_the_same(
    storyteller: LanguageModel, as_default: dict[str, object]
) -> None:
    here = at_telling(storyteller, "stops")
    first = stops._by_count(here, SamplingSettings(seed=1))
    assert stops._by_count(here, SamplingSettings(seed=1)) == first
    assert stops._by_count(here, SamplingSettings(seed=2)) != replace(first, settings=SamplingSettings(seed=2))
