"""The sampling page: against plain torch, against the published example, against many draws, and the page itself."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import state
from app.chapters.sampling import controls, views
from app.chapters.sampling import greedy as sampling_greedy
from app.chapters.sampling.views import Given, Loop
from app.writing.numbers import significant
from gptcore.checkpoints import LanguageModel
from gptcore.random_numbers import random_number
from gptcore.sampling import SamplingSettings, candidates, select
from tests.pages.component_data import component_data
from tests.pages.place import place
from tests.pages.visit_page import JUNK, PROMPTS, badges, figure, figures, numbers, open_page, printed

PROMPT = "Once upon a time"
PARTS = {"settings": 1, "draws": 1, "choices": 2, "greedy": 0, "stops": 0}  # and how many figures each has


@pytest.fixture
def given() -> Given:
    return views.nine_words()


def chosen(given: Given, **settings: Any) -> views.Selection:
    return select(given.candidates, SamplingSettings(**settings), given.position)


def test_the_nine_words_give_the_published_figures(given: Given) -> None:
    assert all(check.ok for check in views.published_checks())
    three = dict(zip(given.texts, chosen(given, top_k=3).final_probs, strict=True))
    assert {word: f"{p:.4f}" for word, p in three.items() if p} == {"closer": "0.0615", "forward": "0.5775", "toward": "0.3610"}
    warm = torch.tensor(list(views.NINE_WORDS.values())).div(5).softmax(0)
    assert f"{warm[list(views.NINE_WORDS).index('pizza')]:.3f}" == "0.043"


def test_another_logit_fails_the_published_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(views.NINE_WORDS, "forward", 6.8)
    assert not all(check.ok for check in views.published_checks())


def test_the_shortlist_says_what_both_settings_leave(given: Given) -> None:
    table = views.shortlist(chosen(given), chosen(given, temperature=2, top_k=3), given.texts)
    logits = torch.tensor(list(views.NINE_WORDS.values()), dtype=torch.float64)
    best = logits.sort(descending=True).values
    assert np.allclose(table["first"], best.softmax(0))
    assert np.allclose(table["second"][:3], (best[:3] / 2).softmax(0))
    assert list(table["second_cut_by"]) == [""] * 3 + ["top_k"] * 6
    assert list(table["token"][:3]) == ["forward", "toward", "closer"]


def test_entropy_and_choices_over_temperature_are_those_of_torch(given: Given) -> None:
    logits = np.append(given.candidates.logits, -np.inf)  # a token that can never come changes nothing
    table = views.uncertainty(logits)
    for line in table.iloc[[0, 18, -1]].itertuples():
        categorical = torch.distributions.Categorical(logits=torch.tensor(given.candidates.logits / line.temperature))
        bits = categorical.entropy().item() / np.log(2)
        assert line.entropy == pytest.approx(bits, abs=1e-9)
        assert line.choices == pytest.approx(2**bits)
    assert table["entropy"].is_monotonic_increasing
    assert views.uncertainty(given.candidates.logits, np.array([1e6]))["choices"].iloc[0] == pytest.approx(9, rel=1e-6)


def test_draw_number_i_is_the_choice_at_position_i(given: Given) -> None:
    settings = SamplingSettings(temperature=1.5, top_p=0.95, seed=7)
    choice = select(given.candidates, settings, given.position)
    ranks = views.draws(choice, 200)
    assert ranks.tolist() == [select(given.candidates, settings, i).chosen_rank for i in range(200)]
    assert views.random_numbers(7, 200)[13] == random_number(7, 13)


def test_many_draws_come_near_the_exact_shares_and_never_to_what_was_cut(given: Given) -> None:
    choice = chosen(given, temperature=2.0, top_k=5, seed=3)
    ranks = views.draws(choice, 10_000)
    table = views.draw_table(choice, ranks, given.texts)
    assert ranks.max() < 5 and table["count"].sum() == 10_000
    assert np.allclose(table["error"], np.sqrt(table["exact"] * (1 - table["exact"]) / 10_000))
    assert table["errors_off"].abs().max() < 4
    assert np.allclose(table["drawn"], table["exact"] + table["errors_off"] * table["error"])


def test_what_is_not_shown_is_summed_up_in_one_line() -> None:
    found = candidates(np.linspace(3, 0, 40))
    choice = select(found, SamplingSettings(), 0)
    table = views.draw_table(choice, views.draws(choice, 500), [f"t{i}" for i in range(12)])
    assert len(table) == 13 and table["token"].iloc[-1] == "28 others"
    assert table["exact"].sum() == pytest.approx(1) and table["count"].sum() == 500


def test_greedy_draws_are_all_the_best_and_nothing_is_off(given: Given) -> None:
    choice = chosen(given, temperature=0.0)
    table = views.draw_table(choice, views.draws(choice, 100), given.texts)
    assert table[["token", "count", "errors_off"]].to_numpy().tolist() == [["forward", 100, 0.0]]


def test_the_checks_pass_and_fail_where_something_was_changed(given: Given) -> None:
    choice = chosen(given, temperature=1.5, top_p=0.9, seed=1)
    assert all(check.ok for check in views.mass_checks(choice))
    assert not views.mass_checks(replace(choice, final_probs=choice.final_probs * 1.001))[1].ok
    assert views.draw_check(choice, views.draws(choice, 100), given).ok
    other = views.draws(chosen(given, temperature=1.5, top_p=0.9, seed=2), 100)
    assert not views.draw_check(choice, other, given).ok
    assert views.entropy_check(choice, given).ok and views.entropy_check(chosen(given, temperature=0.0), given).ok
    assert not views.entropy_check(replace(choice, entropy=choice.entropy + 1e-3), given).ok


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ((), None),
        ((1, 2, 3, 4, 5, 6, 7), None),
        ((1, 2, 1, 2), None),  # too short to be more than chance
        ((1, 1, 1, 1, 1, 1), Loop(0, 1, 6)),
        ((9, 8, 1, 2, 3, 1, 2, 3, 1), Loop(2, 3, 7)),
        ((1, 2, 3, 4, 1, 2, 3, 9), None),  # one token short of a second round
        ((1, 2, 3, 1, 2, 3, 7, 7, 7, 7, 7, 7, 7), Loop(6, 1, 7)),
    ],
)
def test_a_loop_is_a_round_that_comes_back_in_full(ids: tuple[int, ...], expected: Loop | None) -> None:
    assert views.loop(ids) == expected


def test_the_greedy_text_is_what_an_argmax_loop_writes(tiny_model: LanguageModel) -> None:
    views._CONTINUED.clear()
    ids = tiny_model.tokenizer.encode(PROMPT)
    written, room = list(ids), tiny_model.config.context_length
    with torch.inference_mode():
        while len(written) < room and written[-1] != tiny_model.tokenizer.end_of_text_id:
            written.append(int(tiny_model.model(torch.tensor([written]))[0, -1].argmax()))
    assert views.continuation(place(tiny_model, ids).run, SamplingSettings(temperature=0.0)) == tuple(written[len(ids) :])


@pytest.mark.parametrize(("part", "n_figures"), PARTS.items())
def test_every_part_has_its_figures(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str, n_figures: int) -> None:
    assert len(figures(open_page(monkeypatch, tiny_folder, "sampling", sampling=part))) == n_figures


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    junk = {
        "logits": "mine",
        "first_temperature": "hot",
        "first_top_k": "0",
        "first_top_p": "0",
        "first_min_p": "2",
        "draws": "7",
    }
    at = open_page(monkeypatch, tiny_folder, "sampling", sampling="everything", **junk, **JUNK)
    assert figure(at, "The probabilities that one token")
    assert not at.query_params.keys() & junk.keys()


@pytest.mark.parametrize("temperature", [1.37, 0.0])
def test_both_settings_are_those_of_the_link(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, temperature: float
) -> None:
    link = {"first_temperature": "0.77", "first_top_k": "9", "first_top_p": "0.81", "first_min_p": "0.03"}
    link |= {"temperature": str(temperature), "top_k": "17", "top_p": "0.913", "min_p": "0.013", "seed": "5"}
    at = open_page(monkeypatch, tiny_folder, "sampling", prompt=PROMPT, **link)
    ids = tiny_model.tokenizer.encode(PROMPT)
    logits = tiny_model.trace(ids).logits
    settings = [SamplingSettings(0.77, 9, 0.81, 0.03, 5), SamplingSettings(temperature, 17, 0.913, 0.013, 5)]
    said = component_data(at, "two_settings:said", "name")[0]["value"]
    assert said["settings"] == [asdict(one) for one in settings]
    assert said["u"] == random_number(5, len(ids))
    kept, arrays = component_data(at, "two_settings:logits", "name")
    assert kept["value"]["mark"] == said["mark"], "the browser draws only what belongs together"
    largest = float(np.abs(np.asarray(logits)).max())  # the app may have come to this text token by token, which rounds otherwise
    assert np.allclose(arrays["logits"], np.sort(np.asarray(logits))[::-1], rtol=0, atol=1e-5 * largest)
    for trace, one in zip(figure(at, "The probabilities that one token")["data"], settings, strict=True):
        wanted = select(logits, one, len(ids)).final_probs[: views.SHOWN]
        assert np.allclose(numbers(trace["x"]), wanted, atol=1e-6)


def test_what_a_slider_says_is_taken_into_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {}
    monkeypatch.setattr(state, "take", lambda choice, value: taken.update({choice.name: value}))
    monkeypatch.setattr(state, "update", lambda **changes: taken.update(changes))
    settings = SamplingSettings(0.5, 12, 0.9, 0.05, seed=99)
    controls.take_first(settings)
    assert taken == {"first_temperature": 0.5, "first_top_k": 12, "first_top_p": 0.9, "first_min_p": 0.05}
    taken.clear()
    controls.take_second(settings)
    assert taken == {"temperature": 0.5, "top_k": 12, "top_p": 0.9, "min_p": 0.05}


def test_the_example_shows_nine_words_and_its_published_badges(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", first_top_k="3", open="checks")
    assert "Published" not in printed(at)
    at.segmented_control(key="widget_choice_logits").set_value("nine_words").run()
    assert (at.query_params["logits"], at.query_params["first_top_k"]) == ("nine_words", "3")
    drawn = figure(at, "The probabilities that one token")
    assert drawn["layout"]["yaxis"]["ticktext"][:3] == ["forward", "toward", "closer"]
    assert [f"{p:.4f}" for p in numbers(drawn["data"][0]["x"])[:3]] == ["0.5775", "0.3610", "0.0615"]
    assert printed(at).count("Published") == 2


@pytest.mark.parametrize("by_link", [True, False])
def test_as_many_draws_are_made_as_are_asked_for_with_their_error(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, given: Given, by_link: bool
) -> None:
    link = {"draws": "100"} if by_link else {}
    at = open_page(
        monkeypatch,
        tiny_folder,
        "sampling",
        sampling="draws",
        logits="nine_words",
        temperature="2",
        seed="4",
        open="checks",
        **link,
    )
    if not by_link:
        at.segmented_control(key="widget_choice_draws").set_value("100").run()
    assert at.query_params["draws"] == "100"
    choice = chosen(given, temperature=2.0, top_k=40, seed=4)
    table = views.draw_table(choice, views.draws(choice, 100), given.texts)
    exact, drawn = figure(at, "100 draws against")["data"]
    assert np.allclose(numbers(exact["x"]), table["exact"]) and np.allclose(numbers(drawn["x"]), table["drawn"])
    assert np.allclose(numbers(exact["error_x"]["array"]), 1.96 * table["error"])
    assert "Draws\\: exactly equal" in printed(at)
    errors = [100 * float(error) for error in table["error"]]
    assert 0 < min(errors) < max(errors) and all(
        f'<td class="number">± {significant(error, 2)} %</td>' in printed(at) for error in errors
    )


def test_an_error_to_expect_that_is_small_is_not_written_as_none(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, given: Given
) -> None:
    link = {"sampling": "draws", "draws": "10000", "logits": "nine_words", "temperature": "0.5", "top_k": "0"}
    at = open_page(monkeypatch, tiny_folder, "sampling", **link)
    table = views.draw_table(choice := chosen(given, temperature=0.5), views.draws(choice, 10_000), given.texts)
    assert 0 < table["error"].min() < 0.0004, "else one decimal of a percent would do"
    assert "± 0.0 %" not in printed(at) and "± 0 %" not in printed(at)


def test_a_single_token_is_the_only_one(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert ", the only token." in printed(open_page(monkeypatch, tiny_folder, "sampling", prompt="a"))
    assert ", the newest of 2 tokens." in printed(open_page(monkeypatch, tiny_folder, "sampling", prompt="a a"))


def test_the_choices_left_mark_both_temperatures_on_a_logarithmic_axis(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", sampling="choices", temperature="1.5", first_temperature="0.5")
    for title in ("Entropy", "Effective number"):
        drawn = figure(at, title)
        assert [line["x0"] for line in drawn["layout"]["shapes"]] == [0.5, 1.5]
    assert figure(at, "Effective number")["layout"]["yaxis"]["type"] == "log"
    at.select_slider(key="widget_choice_first_temperature").set_value(5.0).run()
    assert [line["x0"] for line in figure(at, "Entropy")["layout"]["shapes"]] == [1.5]  # 5 lies beyond the picture


def test_a_greedy_text_is_written_when_asked_for_and_goes_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", prompt=PROMPT, sampling="greedy", open="checks")
    assert "Different tokens" not in printed(at)
    at.button(key="try_greedy_0").click().run()
    assert not at.exception and "Different tokens" in printed(at) and "exactly equal" in printed(at)
    by_link = open_page(
        monkeypatch, tiny_folder, "sampling", prompt=PROMPT, sampling="greedy", written=at.query_params["written"]
    )
    assert "Different tokens" in printed(by_link)
    at.select_slider(key="widget_temperature").set_value(2.0).run()
    assert "Different tokens" not in printed(at)


@pytest.mark.parametrize("prompt", [PROMPT, PROMPTS["longest"]])
def test_the_greedy_choice_is_checked_and_has_its_source_before_a_text_is_written(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", prompt=prompt, sampling="greedy", open="checks")
    assert "Different tokens" not in printed(at)
    (badge,) = badges(at)
    assert "Greedy" in badge and ":material/error:" not in badge
    code = "\n".join(block.value for block in at.code)
    assert "def select(" in code and "def generate(" in code


def test_a_greedy_choice_that_is_not_the_largest_logit_fails_its_check(given: Given) -> None:
    assert sampling_greedy.greedy_check(given.candidates.logits, given).ok
    assert not sampling_greedy.greedy_check(np.append(given.candidates.logits, 7.0), given).ok


def test_one_of_something_is_written_as_one(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", sampling="draws", temperature="0", open="maths")
    assert "1 of 1 share lies within" in printed(at)
    assert "1 bar (token)" in figure(at, "1,000 draws")["layout"]["meta"]["alt"]
    at = open_page(monkeypatch, tiny_folder, "sampling", sampling="draws", top_k=str(views.SHOWN + 1))
    assert figure(at, "1,000 draws")["layout"]["yaxis"]["ticktext"][-1] == "1 other"
    at = open_page(monkeypatch, tiny_folder, "sampling", sampling="choices", temperature="0", logits="nine_words", open="maths")
    assert r"= 1 \text{ choice} \end" in printed(at)


def test_a_text_that_begins_with_another_token_fails_its_check(tiny_model: LanguageModel) -> None:
    here = place(tiny_model, tiny_model.tokenizer.encode(PROMPT))
    greedy, drawn = SamplingSettings(temperature=0.0), SamplingSettings(temperature=2.0, seed=3)
    texts = [views.continuation(here.run, settings) for settings in (greedy, drawn)]
    assert sampling_greedy.first_tokens(here, drawn, texts).ok
    assert not sampling_greedy.first_tokens(here, drawn, [texts[0], (texts[1][0] + 1,)]).ok


def test_a_full_context_says_that_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "sampling", prompt=PROMPTS["longest"], sampling="greedy")
    assert "no place for another token" in printed(at)
