"""What the sentence bar says on every page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.shell.navigation import PAGES
from app.view import View
from tests.pages.visit_page import ENTRY, ROOT, open_page


def test_a_link_to_a_model_that_is_not_offered_shows_the_default_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", model="nope", chosen="1.2")
    assert at.selectbox(key="widget_model").value == "storyteller"
    assert "model" not in at.query_params and "chosen" not in at.query_params


def test_the_message_that_a_model_is_not_offered_names_it(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    monkeypatch.setenv("GLASS_MODELS", str(tiny_folder))
    at = AppTest.from_file(str(ROOT / "app" / "entry.py"), default_timeout=60)
    at.query_params["model"] = "a*b*"
    at.run()
    assert any("'a\\*b\\*' is not offered here" in toast.value for toast in at.toast) and not at.error


def test_a_focus_that_the_model_does_not_have_becomes_the_default_and_leaves_the_address(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="a b c", layer="99", head="77", position="500")
    assert not {"layer", "head", "position"} & set(at.query_params)
    at = open_page(monkeypatch, tiny_folder, "attention", prompt="a b c", layer="1", head="1", position="1")
    assert [at.query_params[name] for name in ("layer", "head", "position")] == ["1", "1", "1"]


def test_a_link_with_far_too_many_chosen_tokens_says_the_limit_and_can_be_left(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    monkeypatch.setenv("GLASS_MODELS", str(tiny_folder))
    at = AppTest.from_file(str(ENTRY), default_timeout=60)
    at.query_params["model"], at.query_params["chosen"] = str(tiny_folder), ".".join("1" * 30_000)
    at.run()
    assert any("context length of 64" in error.value for error in at.error) and len(at.error) == 1
    assert len(at.query_params.get("chosen", "")) < 8_000
    next(button for button in at.button if button.label == "Start over from the prompt").click().run()
    assert not at.error


@pytest.mark.parametrize("page", [entry.file for entry in PAGES])
def test_a_start_token_that_was_put_in_is_explained_on_every_page(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str
) -> None:
    said = "The prompt is empty, so the start token <|endoftext|> was put in."
    for prompt in ("", "a"):
        at = open_page(monkeypatch, tiny_folder, page, prompt=prompt)
        captions = [caption.value.replace("\\", "") for caption in at.caption]
        assert sum(said in caption for caption in captions) == (prompt == "")


def test_what_is_in_a_menu_is_drawn_while_the_menu_is_open(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "write")
    drawn = {each.key for each in (*at.text_area, *at.selectbox, *at.slider)}
    assert {"widget_prompt", "widget_model", "widget_remembered_run_length"} <= drawn
    at.session_state["edit_text"] = at.session_state["run_settings"] = False
    at.run()
    assert not {each.key for each in (*at.text_area, *at.selectbox, *at.slider)} & drawn


def test_settings_that_are_not_the_usual_ones_are_named_wherever_their_sliders_are_not_and_a_click_takes_them_back(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    asked = {"prompt": "a b", "temperature": "2", "top_k": "all", "seed": "7"}
    chip = "settings_chip"
    for page, more, is_there in (
        ("tokens", {}, True),
        ("write", {"write": "steps"}, True),
        ("write", {"write": "choice"}, False),
        ("sampling", {}, False),
    ):
        at = open_page(monkeypatch, tiny_folder, page, **asked, **more)
        assert [each.label for each in at.button if each.key == chip] == ["temperature 2, no top-k · as usual again"] * is_there
    at = open_page(monkeypatch, tiny_folder, "tokens", **asked)
    at = at.button(key=chip).click().run()
    view = at.session_state["view"]
    assert (view.temperature, view.top_k, view.seed, view.prompt) == (View().temperature, View().top_k, 7, "a b")
    assert not [each for each in at.button if each.key == chip]
