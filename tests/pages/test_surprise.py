"""Surprise on the tokens page: its numbers against transformers, what is said of them, and the part of the page."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPT2LMHeadModel

from app import choices
from app.chapters.tokens import surprise_views
from gptcore.checkpoints import LanguageModel
from gptcore.errors import SequenceLengthError
from gptcore.surprise import surprise
from tests.pages.component_data import chips_of
from tests.pages.place import place
from tests.pages.visit_page import open_page, printed


def test_the_surprise_of_a_text_is_that_of_transformers_behind_the_start_token(
    tiny_model: LanguageModel, tiny_folder: Path
) -> None:
    text = "the cat was  on the mat.\nOnce"
    tokenizer = tiny_model.tokenizer
    ids = surprise_views.text_ids(tokenizer, text)
    assert ids == (tokenizer.end_of_text_id, *tokenizer.encode(text))
    found = surprise(tiny_model.model, ids)
    table = surprise_views.tokens(tokenizer, found)
    words = surprise_views.words(table)
    with torch.inference_mode():
        reference = GPT2LMHeadModel.from_pretrained(tiny_folder).eval()
        log_probs = reference(torch.tensor([ids])).logits[0].double().log_softmax(-1).numpy()
    bits = -log_probs[np.arange(len(ids) - 1), ids[1:]] / np.log(2)
    assert np.allclose(table["bits"], bits, rtol=1e-4)
    assert list(words["text"]) == ["the", "␣cat", "␣was", "␣␣on", "␣the", "␣mat.", "↵Once"]
    assert words["bits"].sum() == pytest.approx(bits.sum(), rel=1e-4)
    assert words["tokens"].sum() == len(bits)
    whole = surprise_views.whole(tokenizer, found, table)
    assert whole.bits_per_character == pytest.approx(bits.sum() / len(text), rel=1e-4)
    assert (whole.characters, whole.words, whole.tokens) == (len(text), 7, len(bits))


@pytest.mark.parametrize("text", ["", "a", "the cat"])
def test_every_judged_text_has_a_check_a_single_token_too(tiny_model: LanguageModel, text: str) -> None:
    run = place(tiny_model, surprise_views.text_ids(tiny_model.tokenizer, text)).run
    found = surprise(tiny_model.model, run.ids)
    checks = surprise_views.self_checks(run, found)
    assert len(checks) == (text != "") and all(check.ok for check in checks)
    wrong = surprise_views.self_checks(run, replace(found, bits=found.bits * 1.01))
    assert not any(check.ok for check in wrong)


def test_what_is_said_of_a_token_is_its_rank_and_what_was_expected(tiny_model: LanguageModel) -> None:
    tokenizer = tiny_model.tokenizer
    found = surprise(tiny_model.model, surprise_views.text_ids(tokenizer, "The xyz"))
    table = surprise_views.tokens(tokenizer, found)
    said = surprise_views.facts(found, table, surprise_views.words(table), 290)
    for i, lines in enumerate(said):
        assert f"rank {found.rank[i]:,} of 290" in lines[0][2] and f"{found.bits[i]:.1f} bits" in lines[0][2]
        assert lines[1][1::2] == tuple(tokenizer.text_of(int(k)) for k in found.expected[i])
        assert lines[1][0].startswith("As expected" if found.rank[i] == 1 else "Expected instead")
    assert len(said[0]) == 2  # a word of one token has no sum of its own
    assert said[-1][2] == ("The whole word ", "␣xyz", f" {found.bits[-4:].sum():.1f} bits in 4 tokens")


@pytest.mark.parametrize("rank", [1, 2, 4, 5])
def test_what_was_expected_instead_leaves_out_the_token_that_came(
    tiny_folder: Path, tiny_model: LanguageModel, rank: int
) -> None:
    tokenizer, start = tiny_model.tokenizer, surprise_views.text_ids(tiny_model.tokenizer, "the")
    with torch.inference_mode():
        logits = GPT2LMHeadModel.from_pretrained(tiny_folder).eval()(torch.tensor([start])).logits[0, -1]
    best = logits.argsort(descending=True).tolist()
    ids = (*start, best[rank - 1])
    found = surprise_views.judged(place(tiny_model, ids).run)
    assert found.rank[-1] == rank
    table = surprise_views.tokens(tokenizer, found)
    _, expected, *_ = surprise_views.facts(found, table, surprise_views.words(table), 290)[-1]
    others = best[:3] if rank == 1 else [i for i in best if i != ids[-1]][:3]
    assert expected[1::2] == tuple(tokenizer.text_of(i) for i in others)
    assert expected[0] == ("As expected: " if rank == 1 else "Expected instead: ")


def test_each_word_has_the_position_of_its_first_token(tiny_model: LanguageModel) -> None:
    tokenizer = tiny_model.tokenizer
    found = surprise(tiny_model.model, surprise_views.text_ids(tokenizer, " the xyz the"))
    for first in (0, 1):
        table = surprise_views.tokens(tokenizer, found, first)
        assert list(table["position"]) == list(range(first, first + len(found.ids)))
        words = surprise_views.words(table)
        assert list(words["text"]) == ["␣the", "␣xyz", "␣the"]
        assert [table["token"][at - first] for at in words["position"]] == ["␣the", "␣", "␣the"]


@pytest.mark.parametrize(
    ("probability", "written"),
    [(0.25, "25.0 %"), (0.001, "0.1 %"), (0.00099, "1 in 1,000"), (1 / 15_432, "1 in 15,000"), (1.23e-8, "1 in 81,000,000")],
)
def test_a_chance_tells_the_rare_from_the_very_rare(probability: float, written: str) -> None:
    assert surprise_views.chance(probability) == written


def test_a_text_of_too_many_tokens_is_refused_with_its_length_and_the_limit(tiny_model: LanguageModel) -> None:
    text = "🙂" * 300
    with pytest.raises(SequenceLengthError, match=r"1,200 tokens; at most 1,024 are read at once\. Shorten it by 176"):
        surprise_views.text_ids(tiny_model.tokenizer, text)


def test_surprise_begins_with_an_example_and_follows_a_link_that_has_a_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise")
    assert at.text_area(key="widget_choice_surprise_text").value == choices.SURPRISE_TEXT.default
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat and the hat", tokens="surprise")
    chips = chips_of(at, "surprise_chips")["chips"]
    assert chips[0][4] is None and all(0 <= chip[4] <= 1 for chip in chips[1:])


@pytest.mark.parametrize(
    ("link", "said", "heading"),
    [
        (
            {"prompt": " the cat and"},
            "Nothing comes before the first token, ␣the, so nothing predicted it: it is not counted.",
            True,
        ),
        ({"prompt": "xyz and"}, "predicted it: it is not counted. Of its word only the rest is.", True),
        (
            {"prompt": "", "chosen": "5.6"},
            "The app put <|endoftext|> before this text, so that its first token is predicted too",
            False,
        ),
        ({"surprise_source": "own", "surprise_text": "the cat"}, "The app put <|endoftext|> before this text", False),
    ],
    ids=["a whole word", "a piece of a word", "the start token of an empty prompt", "a text of one's own"],
)
def test_the_counts_say_whether_the_first_token_is_among_them(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, link: dict[str, str], said: str, heading: bool
) -> None:
    text = html.unescape(printed(open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise", **link)))
    assert said in text
    assert ("<th>After the first token</th>" in text, "<th>The whole text</th>" in text) == (heading, not heading)
    assert ("Of its word only the rest is" in text) == ("xyz" in str(link))


def test_the_surprising_words_say_where_they_stand_and_what_a_word_is(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = " the cat and the cat."
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise", prompt=prompt, position="1")
    rows = re.findall(r'<code class="chip ">([^<]*)</code></td><td>(\d+)</td>', printed(at))
    ids, chips = tiny_model.tokenizer.encode(prompt), chips_of(at, "surprise_chips")["chips"]
    assert len(rows) == 4 and len(set(rows)) == 4 and len(chips) == len(ids)
    for text, position in rows:
        assert text.startswith(chips[int(position)][0])
    assert "A word runs from one white space to the next, with the punctuation that touches it." in printed(at)


def test_long_and_too_long_texts_say_what_is_done_with_them(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise")
    at.text_area(key="widget_choice_surprise_text").set_value("x" * 150).run()
    assert "Longer than the context of 64 tokens: read in 4 windows" in printed(at)
    at.text_area(key="widget_choice_surprise_text").set_value("🙂" * 300).run()
    assert not at.exception and "1,200 tokens" in at.warning[0].value.replace("\\", "")
    at.text_area(key="widget_choice_surprise_text").set_value("").run()
    assert not at.exception and not at.warning and "Type or paste a text" in printed(at)


def test_the_token_in_focus_is_the_one_whose_surprise_is_worked_out(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "the cat and the hat"
    found = surprise(tiny_model.model, tiny_model.tokenizer.encode(prompt))
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise", prompt=prompt, position="3")
    assert chips_of(at, "surprise_chips")["focus"] == 3
    assert rf"= {found.bits[2]:.2f}\text{{ bits}}" in printed(at)
    first = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise", prompt=prompt, position="0")
    assert chips_of(first, "surprise_chips")["focus"] == 0 and r"\text{ bits}" not in printed(first)
