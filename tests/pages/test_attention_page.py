"""The attention page itself: its parts, controls, links and stops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gptcore
from app import choices
from app.chapters.attention import heads as attention_heads
from app.chapters.attention import sections, views
from app.chapters.attention import stops as attention_stops
from app.chapters.attention.closer import LOOKS
from app.writing.numbers import percent
from app.writing.worked import latex_number
from gptcore.checkpoints import LanguageModel
from gptcore.head_survey import KINDS, survey
from tests.pages.component_data import component_data
from tests.pages.transformers_run import close
from tests.pages.visit_page import JUNK, PROMPTS, figure, figures, numbers, open_page, printed


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize(
    "part",
    [
        *({"attention": part} for part in choices.ATTENTION_PART.options if part != "closer"),
        *({"attention": "closer", "look": look} for look in LOOKS),
    ],
)
def test_every_part_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str, part: dict[str, str]
) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt=prompt, **part)
    for toggle in at.toggle:
        toggle.set_value(True)
    at.run()
    assert not at.exception and not at.error


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(
        monkeypatch,
        tiny_folder,
        "attention",
        attention="head",
        stage="z",
        heads="9",
        look="?",
        made="b",
        key="-7",
        join_words="2",
        **JUNK,
    )
    assert (
        at.selectbox(key="widget_choice_key").value == -1 and at.segmented_control(key="widget_choice_stage").value == "pattern"
    )


def test_an_overview_that_fills_up_says_so_and_ends_as_any_other(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    monkeypatch.setattr(attention_heads, "CELLS_AT_ONCE", 1)
    prompt = "the mat on the cat in the hat"  # of this test alone: what is computed is kept
    at = open_page(monkeypatch, tiny_folder, "attention", attention="head", prompt=prompt, open="")
    assert "1 of 2 layers are computed; the others follow." in printed(at)
    at.run()
    assert not at.exception and "of its weight on the first token" in printed(at)
    at = open_page(monkeypatch, tiny_folder, "attention", attention="head", prompt=prompt)
    assert [badge for badge in at.get("markdown") if "Small map" in str(badge.proto.body)]


def test_the_overview_says_that_its_means_leave_out_the_first_query(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    said = "Both, like the mean entropy, leave out the first query, which can attend only to itself."
    assert said in printed(open_page(monkeypatch, tiny_folder, "attention", attention="head", prompt="the cat"))
    assert said not in printed(
        open_page(monkeypatch, tiny_folder, "attention", attention="head", prompt="a")
    )  # no mean is said of one token


def test_a_link_restores_layer_head_and_query(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "attention", attention="head", prompt="Once upon a time", layer="1", head="3", position="2"
    )
    assert component_data(at, "Layer 1, head 3: attention weights")[0]["row"] == 2
    ids = tiny_model.tokenizer.encode("Once upon a time")
    weight = tiny_model.trace(ids).attention(1, (2,), (3,)).pattern.max()
    assert f"&= {latex_number(float(weight))} " in printed(at)


def test_stages_heads_and_toggles_change_formula_and_remarks(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", attention="head")
    for stage, words in (
        ("scores", "for all pairs"),
        ("scaled", "grow by themselves"),
        ("masked", "minus infinity"),
        ("read", "value vectors"),
    ):
        at.segmented_control(key="widget_choice_stage").set_value(stage).run()
        assert words in printed(at) and not at.exception
        assert at.toggle(key="widget_choice_join_words").disabled
    at.segmented_control(key="widget_choice_heads").set_value("mean").run()
    assert at.segmented_control(key="widget_choice_stage").disabled and not at.toggle(key="widget_choice_join_words").disabled
    assert "mean over the heads" in printed(at)
    at.toggle(key="widget_choice_join_words").set_value(True)
    at.toggle(key="widget_choice_hide_first").set_value(True).run()
    assert "weights on the pieces are added" in printed(at) and "nothing is shared out anew" in printed(at)


def test_the_closer_look_shows_a_row_a_projection_or_entropies(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "attention", prompt="Once upon a time", layer="1", head="3", position="2", attention="closer"
    )
    trace = tiny_model.trace(tiny_model.tokenizer.encode("Once upon a time"))
    assert "Weight × length" in printed(at) and not figures(at)
    at.segmented_control(key="widget_choice_look").set_value("made").run()
    at.segmented_control(key="widget_choice_made").set_value("value").run()
    assert close(numbers(figure(at, "Out: value")["data"][0]["z"]).ravel(), trace.v(1)[3, 2])
    assert close(numbers(figure(at, "In:")["data"][0]["z"]).ravel(), trace.layer_norm(1, "ln_1", (2,)).after[0])
    at.segmented_control(key="widget_choice_look").set_value("entropy").run()
    bars = figure(at, "How widely each head")["data"]
    assert close(numbers(bars[0]["x"]), views.entropies(trace.attention(1, (2,))))
    assert bars[1]["name"] == "mean of all queries but the first"
    later = [views.entropies(trace.attention(1, (query,))) for query in range(1, trace.n_tokens)]
    assert close(numbers(bars[1]["x"]), np.mean(later, axis=0))


def test_sliders_choose_the_head_where_no_overview_does(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    for part in ("closer", "newest"):
        at = open_page(monkeypatch, tiny_folder, "attention", attention=part, layer="1", head="3")
        assert (at.slider(key="widget_layer").value, at.slider(key="widget_head").value) == (1, 3)
        at.slider(key="widget_layer").set_value(0).run()
        assert not at.exception and "layer" not in at.query_params


def test_the_list_of_keys_is_short_and_has_the_one_chosen(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", attention="head", prompt="a" * 60, key="3", position="50")
    keys = at.selectbox(key="widget_choice_key")
    assert keys.value == 3 and len(keys.options) <= sections.KEYS + 2
    assert "s_{50,\\,3}" in printed(at)


def test_a_link_restores_stage_heads_key_and_toggles(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(
        monkeypatch,
        tiny_folder,
        "attention",
        attention="head",
        prompt="Once upon",
        stage="scaled",
        hide_first="1",
        key="0",
        look="x",
    )
    assert at.segmented_control(key="widget_choice_stage").value == "scaled"
    assert at.toggle(key="widget_choice_hide_first").value and at.selectbox(key="widget_choice_key").value == 0
    far = open_page(
        monkeypatch, tiny_folder, "attention", attention="head", prompt="a", key="60"
    )  # beyond this text: the one that is read most
    assert far.selectbox(key="widget_choice_key").value == -1


def test_stops_lead_to_the_heads_that_the_survey_found_and_say_so(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    found = survey(gptcore.load("storyteller"))
    at = open_page(monkeypatch, tiny_folder, "attention", attention="head", model="storyteller")
    assert [caption for caption in at.caption if "Heads to try" in caption.value]
    for kind in KINDS:
        layer, head, weight = found.best(kind)
        stops = [button for button in at.button if button.key == f"stop_{kind}"]
        assert len(stops) == (weight >= attention_stops.WORTH_A_STOP * found.chance)
        if stops:
            assert f"Layer {layer}, head {head}: on average {percent(weight)}" in stops[0].help
            stops[0].click().run()
            assert component_data(at, f"Layer {layer}, head {head}: ")


def test_where_no_head_does_it_the_page_says_so(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", attention="head")  # random weights
    assert not [button for button in at.button if str(button.key).startswith("stop_")]
    assert "Not found in this model" in printed(at)
    assert not [caption for caption in at.caption if "Heads to try" in caption.value]
