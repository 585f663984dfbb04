"""Guessing first: nothing gives the answer away before, and what is said after is the model's own."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

import gptcore
from app import guesses, sequence
from app.chapters.write import guess
from gptcore.checkpoints import LanguageModel
from gptcore.generation import prompt_ids
from tests.pages.place import place
from tests.pages.visit_page import ENTRY, finding, open_page, plain, printed

BARS = '<table class="glass-bars"'


def press(at: AppTest, label: str) -> AppTest:
    at = next(each for each in at.button if each.label == label).click().run()
    assert not at.exception and not at.error
    return at


def menus(at: AppTest) -> list[str]:
    """The menus of figures: a file of the candidates gives the answer away."""
    return [menu.proto.popover.label for menu in at.get("popover") if menu.proto.popover.label.startswith("Menu: ")]


def small_print(at: AppTest) -> str:
    return plain("\n".join(str(each.value) for each in at.caption))


def probabilities(model: LanguageModel, ids: list[int]) -> torch.Tensor:
    """Of the next token, by a plain forward pass in double precision."""
    with torch.no_grad():
        return torch.softmax(model.model(torch.tensor([ids]))[0, -1].double(), -1)


def test_who_comes_without_a_link_is_asked_to_guess_and_who_has_one_sees_what_it_shows(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    assert not at.exception and "What comes next?" in printed(at) and "guess_word" in str([each.key for each in at.text_input])
    assert "Which token comes next?" in printed(open_page(monkeypatch, tiny_folder, "write", prompt="a b"))


@pytest.mark.parametrize("prompt", ["the cat", "", "a"])
def test_before_the_guess_nothing_gives_the_answer_away_and_after_it_the_numbers_are_the_models(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, prompt: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", write="guess", prompt=prompt)
    assert "%" not in finding(at) and BARS not in printed(at) and not menus(at)
    button = next(each for each in at.button if re.fullmatch(r"guess_\d+", each.key or ""))
    token = int(button.key.removeprefix("guess_"))
    at = press(at, button.label)
    p = float(probabilities(tiny_model, list(prompt_ids(tiny_model.tokenizer, prompt)[0]))[token])
    share = re.search(r"your guess .* \*\*(?:< )?([\d.]+).%\*\*", finding(at)).group(1)  # type: ignore[union-attr]
    bits = re.search(r"([\d.]+) bits", small_print(at)).group(1)  # type: ignore[union-attr]
    assert len(finding(at).split("  \n")) == 3  # what came, how sure the model was, what the draw did
    assert float(share) == pytest.approx(100 * p, abs=0.051) and float(bits) == pytest.approx(-math.log2(p), rel=0.05)
    assert "your guess" in printed(at) and "chosen" in printed(at) and menus(at)
    listed = printed(at)[printed(at).index(BARS) :].split("</table>")[0]
    assert ("␣ is a space" in small_print(at)) is ("␣" in listed)  # the mark is explained where it is first met


def test_a_word_that_is_typed_counts_as_its_first_token_and_a_first_guess_stands(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", write="guess", prompt="the cat")
    at.text_input(key="widget_once_guess_word").set_value("  ").run()
    assert BARS not in printed(at)  # no word
    at.text_input(key="widget_once_guess_word").set_value("dog").run()
    first = tiny_model.tokenizer.text_of(tiny_model.tokenizer.encode_text(" dog")[0])
    assert f"your guess `{first}`" in finding(at)


def test_the_next_word_is_the_one_that_was_chosen_and_is_guessed_after(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = press(open_page(monkeypatch, tiny_folder, "write", write="guess", prompt="the cat"), "Something else")
    chosen = re.findall(r"fell on (`+) ?(.+?) ?\1", finding(at))[0][1]
    at = press(at, "Next round")
    assert at.session_state["view"].chosen and BARS not in printed(at)
    after = press(at, "Something else")
    assert chosen.removeprefix("␣") in printed(after)
    assert "2 guesses, 0 of them" in printed(after)  # what names nothing is never right


def test_next_token_shows_the_answer_of_the_round_before_it_writes_anything(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", write="guess", prompt="the cat")
    at = press(at, "Next token")
    assert not at.session_state["view"].chosen and BARS in printed(at) and "your guess" not in printed(at)
    assert "Round 1 of 3" in printed(at) and "0 guesses" not in printed(at)
    at = press(at, "Next token")
    assert len(at.session_state["view"].chosen) == 1 and BARS not in printed(at) and "Round 2 of 3" in printed(at)


def test_the_rounds_come_to_an_end_with_their_score_and_the_way_on(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", write="guess", prompt="the cat")
    for _ in range(guess.ROUNDS):
        assert "last round" not in printed(at)
        at = press(at, "Something else")
        labels = [each.label for each in at.button]
        if "Next round" in labels:
            at = press(at, "Next round")
    assert "3 guesses, 0 of them" in printed(at) and "last round" in printed(at)
    assert "Another round" in labels
    assert at.session_state["view"].choices.get("write") == "guess"
    assert "Which token comes next?" in printed(press(at, "See how the token is chosen"))


def test_a_first_visit_is_told_what_this_is_until_the_first_guess(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    model = gptcore.load("storyteller")
    said = next(str(each.value) for each in at.markdown if "Storyteller" in str(each.value))
    numbers = sum(each.numel() for each in model.model.parameters())
    millions = float(re.search(r"([\d.]+) million numbers", said).group(1))  # type: ignore[union-attr]
    assert millions == pytest.approx(numbers / 1e6, abs=0.051)
    assert "ChatGPT" in said and "10 short chapters" in said
    assert "short chapters" not in printed(press(at, "Something else"))
    assert "short chapters" not in printed(open_page(monkeypatch, tiny_folder, "write", write="guess", prompt="the cat"))


def test_what_is_drawn_from_is_said_where_the_settings_differ_from_the_bars(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    asked = {"write": "guess", "prompt": "the cat", "temperature": "0.5", "top_k": "7"}
    at = press(open_page(monkeypatch, tiny_folder, "write", **asked), "Something else")
    p = probabilities(tiny_model, list(prompt_ids(tiny_model.tokenizer, "the cat")[0]))
    p = (p**2).topk(7).values  # at temperature 0.5: in proportion to the squares
    share = re.search(r"0.5 and only 7 tokens kept, .* ([\d.]+).%", small_print(at)).group(1)  # type: ignore[union-attr]
    assert any(float(share) == pytest.approx(100 * float(each / p.sum()), abs=0.051) for each in p)
    asked |= {"temperature": "1", "top_k": "290"}
    assert "kept" not in small_print(press(open_page(monkeypatch, tiny_folder, "write", **asked), "Something else"))


def test_what_is_offered_besides_the_likeliest_is_a_word_where_one_is_near() -> None:
    model = gptcore.load("storyteller")
    for prompt in ("Once upon a time", "The old woman went into the forest and", "He said:"):
        here = place(model, model.tokenizer.encode(prompt))
        choice = sequence.selection(here)
        likeliest = set(choice.token_ids[:3].tolist())
        ids = guesses.offered(here, choice, 3, (12, 40))
        others = [model.tokenizer.text_of(each) for each in ids if each not in likeliest]
        assert len(ids) == 5 and likeliest < set(ids) and all(re.fullmatch("␣[^\\W\\d_]{2,}", each) for each in others)


def test_where_no_word_is_near_the_tokens_themselves_are_offered(tiny_model: LanguageModel) -> None:
    here = place(tiny_model, tiny_model.tokenizer.encode("the cat"))
    size = tiny_model.config.vocab_size
    assert len(guesses.offered(here, sequence.selection(here), 3, (size + 5,))) == 4
