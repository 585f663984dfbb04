"""Another token in place of one of the text: the new text, its ripple, and the way back, on every page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from transformers import GPT2LMHeadModel

from gptcore.checkpoints import LanguageModel
from tests.pages.component_data import chips_of
from tests.pages.visit_page import open_page, printed

PROMPT = "the cat had a hat on the mat"


def ids_in_view(at: AppTest, model: LanguageModel) -> tuple[int, ...]:
    chosen = at.query_params.get("chosen", "")
    return (*model.tokenizer.encode(at.query_params["prompt"]), *(int(each, 36) for each in chosen.split(".") if each))


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, page: str = "tokens", **asked: str) -> AppTest:
    at = open_page(monkeypatch, folder, page, **{"prompt": PROMPT, "exchanging": "1", **asked})
    assert any(each.label.startswith("In place of") for each in at.selectbox)
    return at


def surprises(folder: Path, ids: tuple[int, ...]) -> np.ndarray:
    peer = GPT2LMHeadModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        rows = peer(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return np.array([-float(rows[n, token]) / np.log(2) for n, token in enumerate(ids[1:])])


@pytest.mark.parametrize("page", ["write", "attention", "what_if"])
def test_another_token_in_place_leaves_what_follows_and_its_ripple_is_that_of_two_runs(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, page: str
) -> None:
    before, place = tiny_model.tokenizer.encode(PROMPT), 3
    at = opened(monkeypatch, tiny_folder, page, position=str(place))
    offered = at.selectbox(key="widget_once_exchange")
    logits = tiny_model.trace(before).logits_at([place - 1])[0]
    likeliest = next(int(token) for token in np.argsort(-logits, kind="stable") if token != before[place])
    offered.set_value(likeliest).run()
    assert not at.exception and not at.error
    after = ids_in_view(at, tiny_model)
    assert after == (*before[:place], likeliest, *before[place + 1 :])
    assert at.query_params["position"] == str(place)
    change = surprises(tiny_folder, after)[place:] - surprises(tiny_folder, before)[place:]
    notes = [float(chip[3].replace("−", "-")) for chip in chips_of(at, "ripple")["chips"]]
    assert np.allclose(notes, change, rtol=0.06, atol=1e-3)
    next(button for button in at.button if button.label.startswith("Back to")).click().run()
    assert ids_in_view(at, tiny_model) == before and "exchanged" not in at.query_params


def test_a_typed_word_takes_the_place_and_one_of_several_tokens_is_refused(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    before = tiny_model.tokenizer.encode(PROMPT)
    at = opened(monkeypatch, tiny_folder, position="0")
    at.text_input(key="widget_once_exchange_typed").set_value("q").run()
    assert ids_in_view(at, tiny_model)[0] == tiny_model.tokenizer.encode("q")[0]
    assert ids_in_view(at, tiny_model)[1:] == before[1:]
    at.text_input(key="widget_once_exchange_typed").set_value("xylophone").run()
    assert any("not one token" in toast.value for toast in at.toast)
    assert ids_in_view(at, tiny_model)[1:] == before[1:]


def test_a_link_restores_the_exchange_and_close_keeps_the_new_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = opened(monkeypatch, tiny_folder, position="2", exchanged="2.9", chosen="5.6")
    ids = ids_in_view(at, tiny_model)
    assert "likeliest next token was" in printed(at)
    at.button(key="exchange_close").click().run()
    assert ids_in_view(at, tiny_model) == ids and not {"exchanging", "exchanged"} & set(at.query_params)


@pytest.mark.parametrize("junk", ["x", "1", "99.3", "1.99999999", "-1.5"])
def test_junk_of_an_exchange_is_ignored(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, junk: str) -> None:
    at = opened(monkeypatch, tiny_folder, exchanged=junk)
    assert "likeliest next token was" not in printed(at)


@pytest.mark.parametrize("prompt", ["", "a", "a" * 64])
def test_it_is_there_for_every_text(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str) -> None:
    opened(monkeypatch, tiny_folder, prompt=prompt)
