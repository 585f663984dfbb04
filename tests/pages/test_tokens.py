"""The tokens page: cuts and merges against tiktoken, surprise against transformers, and the page itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from transformers import GPT2LMHeadModel

from app import choices, surprise_views, token_views
from gptcore.checkpoints import LanguageModel
from gptcore.errors import SequenceLengthError
from gptcore.surprise import surprise
from gptcore.tokenizer import Tokenizer
from tests.pages.component_data import component_data
from tests.pages.visit_page import JUNK, PROMPTS, open_page, printed

TEXTS = [
    "Once upon a time",
    "a  b\n\nthe cat's 3.14 🙂!",
    "the",
    "the the",
    "  ",
    "naïve\tcafé \ud83d",
    "x" * 100,
    choices.CUT_TEXT.default,
]


def header(at: AppTest, key: str) -> dict[str, Any]:
    """What the token_text component mounted under `key` was given, with its chips."""
    shown, _ = component_data(at, f"{key}:chips", "values")
    kept, _ = component_data(at, f"{key}:chips", "name")
    assert kept["value"]["stamp"] == shown["stamp"]
    return shown | kept["value"]


# ---- the cut -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_the_table_of_a_cut_holds_the_encoders_tokens_in_their_pieces(tiny_model: LanguageModel, text: str) -> None:
    tokenizer = tiny_model.tokenizer
    table = token_views.cut(tokenizer, text)
    assert tuple(table["token_id"]) == tokenizer.encode(text)
    assert [bytes.fromhex(b) for b in table["bytes"]] == [tokenizer.bytes_of(i) for i in table["token_id"]]
    of_pieces = table.groupby("piece")["bytes"].agg(lambda parts: bytes.fromhex("".join(parts)).decode())
    assert list(of_pieces) == list(tokenizer.pre_split(text)) == list(table.groupby("piece")["piece_text"].first())


def test_each_cut_says_whether_a_piece_begins_or_no_merge_joins(tiny_model: LanguageModel) -> None:
    tokenizer = tiny_model.tokenizer
    table = token_views.cut(tokenizer, "the cat's hat, 42\nno🙂")
    for before, line in pairwise(table.itertuples()):
        if line.piece == before.piece:
            assert line.why[1::2] == (before.token, line.token)
            assert tokenizer.merge_rank(bytes.fromhex(before.bytes), bytes.fromhex(line.bytes)) is None
        else:
            assert "begins a piece" in line.why[0]
    first = table.groupby("piece").first()
    said = dict(zip(first["piece_text"], (why[0].split(": ")[1] for why in first["why"]), strict=True))
    assert said == {
        "the": "letters.", " cat": "letters, with the space before it.", "'s": "an ending after an apostrophe.", ",": "other signs.",
        " hat": "letters, with the space before it.", " 42": "a number, with the space before it.", "\n": "white space.", "no": "letters.",
        "🙂": "other signs.",
    }  # fmt: skip


def test_what_is_said_of_a_token_names_its_bytes_and_characters(tiny_model: LanguageModel) -> None:
    table = token_views.cut(tiny_model.tokenizer, "cat🙂")
    said = token_views.facts(table)
    assert said[0][0] == ("", "cat", " token id 261 · 3 bytes: 63 61 74 · characters 0 to 2")
    assert said[1][0][2].endswith("1 byte: F0 · part of character 3")


def test_one_byte_and_one_piece_are_counted_as_one(tiny_model: LanguageModel) -> None:
    kept, replayed = token_views.self_checks(tiny_model.tokenizer, "a", tiny_model.tokenizer.encode("a"))
    assert "are the text's own 1 byte." in kept.description and "for 1 different piece." in replayed.description
    kept, replayed = token_views.self_checks(tiny_model.tokenizer, "a b", tiny_model.tokenizer.encode("a b"))
    assert "are the text's own 3 bytes." in kept.description and "for 2 different pieces." in replayed.description


def test_statistics_count_characters_bytes_pieces_and_tokens(gpt2_tokenizer: Tokenizer) -> None:
    table = token_views.cut(gpt2_tokenizer, "Hello, I am 🙂 20261")
    found = token_views.statistics(gpt2_tokenizer, table)
    assert (found.characters, found.bytes, found.pieces, found.tokens) == (19, 22, 6, 7)
    assert found.characters_per_token == pytest.approx(19 / 7)


def test_steps_through_the_merges_end_at_the_tokens_and_always_take_the_lowest_rank(gpt2_tokenizer: Tokenizer) -> None:
    for piece in (" unbelievable", "Hello", "🙂", "1234567", "a"):
        steps = token_views.merge_steps(gpt2_tokenizer, piece)
        assert steps["parts"].iloc[0] == tuple(bytes([b]) for b in piece.encode())
        assert steps["parts"].iloc[-1] == tuple(gpt2_tokenizer.bytes_of(i) for i in gpt2_tokenizer.encode(piece))
        for now, after in pairwise(steps.itertuples()):
            pairs = token_views.neighbours(gpt2_tokenizer, now.parts)
            chosen = pairs[pairs["next"]]
            assert len(chosen) == 1 and chosen["rank"].item() == pairs["rank"].min() == after.rank
            assert after.parts[after.index] == chosen["first"].item() + chosen["second"].item()
        last = token_views.neighbours(gpt2_tokenizer, steps["parts"].iloc[-1])
        assert not last["next"].any() and last["rank"].isna().all()


def test_the_piece_shown_first_is_the_one_cut_into_most_tokens(tiny_model: LanguageModel) -> None:
    table = token_views.cut(tiny_model.tokenizer, "the xylophones the")
    position = token_views.richest_position(table)
    assert table["piece_text"][position] == " xylophones" and table["piece_text"][position - 1] == "the"


def test_the_self_checks_see_a_lost_byte_and_a_wrong_merge(tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, text = tiny_model.tokenizer, "the cat 🙂"
    ids = tokenizer.encode(text)
    assert [check.ok for check in token_views.self_checks(tokenizer, text, ids)] == [True, True]
    assert token_views.self_checks(tokenizer, text, ids[:-1])[0].deviation == 1
    monkeypatch.setattr(Tokenizer, "merges", lambda self, piece: ())
    assert not token_views.self_checks(tokenizer, text, ids)[1].ok


# ---- surprise ----------------------------------------------------------------------------------------------------------


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
def test_every_judged_text_has_a_check_a_single_token_too(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, text: str
) -> None:
    monkeypatch.setenv("GLASS_MODELS", str(tiny_folder))
    ids = surprise_views.text_ids(tiny_model.tokenizer, text)
    found = surprise(tiny_model.model, ids)
    checks = surprise_views.self_checks(str(tiny_folder), ids, found)
    assert len(checks) == (text != "") and all(check.ok for check in checks)
    wrong = surprise_views.self_checks(str(tiny_folder), ids, replace(found, bits=found.bits * 1.01))
    assert not any(check.ok for check in wrong)


def test_what_is_said_of_a_token_is_its_rank_and_what_was_expected(tiny_model: LanguageModel) -> None:
    tokenizer = tiny_model.tokenizer
    found = surprise(tiny_model.model, surprise_views.text_ids(tokenizer, "The xyz"))
    table = surprise_views.tokens(tokenizer, found)
    said = surprise_views.facts(table, surprise_views.words(table), 290)
    for i, lines in enumerate(said):
        assert f"rank {found.rank[i]:,} of 290" in lines[0][2] and f"{found.bits[i]:.1f} bits" in lines[0][2]
        assert lines[1][1::2] == tuple(tokenizer.text_of(int(k)) for k in found.expected[i])
        assert lines[1][0].startswith("As expected" if found.rank[i] == 1 else "Expected instead")
    assert len(said[0]) == 2  # a word of one token has no sum of its own
    assert said[-1][2] == ("The whole word ", "␣xyz", f" {found.bits[-4:].sum():.1f} bits in 4 tokens")


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


# ---- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_page_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, prompt: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt=prompt)
    ids = tiny_model.tokenizer.encode(prompt) or (tiny_model.tokenizer.end_of_text_id,)
    assert [chip[0] for chip in header(at, "cut_chips")["chips"]] == [tiny_model.tokenizer.text_of(i) for i in ids]
    assert [chip[3] for chip in header(at, "cut_chips")["chips"]] == [str(i) for i in ids]


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert header(open_page(monkeypatch, tiny_folder, "tokens", **JUNK), "cut_chips")["chips"]


def test_the_position_of_a_link_is_the_token_explained(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the xylophone", position="3")
    assert header(at, "cut_chips")["focus"] == 3
    assert "Parts of ␣xylophone" in printed(at)


def test_tokens_that_the_model_chose_are_no_cuts(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    (a,), (t,) = tiny_model.tokenizer.encode("a"), tiny_model.tokenizer.encode("t")  # cut anew, "at" would be one token
    chosen = f"{np.base_repr(a, 36)}.{np.base_repr(t, 36)}".lower()
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt=" the", chosen=chosen, position="2")
    assert [chip[5] for chip in header(at, "cut_chips")["chips"]] == ["", "chosen", "chosen"]
    assert "The model chose this token; nothing was cut here." in printed(at)
    assert "cut anew, the whole text is 2 tokens instead of 3" in printed(at)


def test_a_text_of_ones_own_is_cut_and_its_merges_stepped_through(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens")
    at.segmented_control(key="widget_choice_cut_source").set_value("own").run()
    at.text_area(key="widget_choice_cut_text").set_value("<b> $x$ and the tortoise").run()
    shown = header(at, "cut_chips")["chips"]
    assert tuple(int(chip[3]) for chip in shown) == tiny_model.tokenizer.encode("<b> $x$ and the tortoise")
    steps = token_views.merge_steps(tiny_model.tokenizer, " tortoise")
    assert "Parts of ␣tortoise" in printed(at)
    (slider,) = [s for s in at.slider if s.key == "widget_choice_merge_step"]
    assert (slider.min, slider.max, slider.value) == (0, len(steps) - 1, 0)
    slider.set_value(1).run()
    assert not at.exception and "Neighbours at step 1" in printed(at)
    at.text_area(key="widget_choice_cut_text").set_value("").run()
    assert not at.exception and "No text, no tokens" in printed(at)


def test_surprise_begins_with_an_example_and_follows_a_link_that_has_a_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise")
    assert at.text_area(key="widget_choice_surprise_text").value == choices.SURPRISE_TEXT.default
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the cat and the hat", tokens="surprise")
    chips = header(at, "surprise_chips")["chips"]
    assert chips[0][4] is None and all(0 <= chip[4] <= 1 for chip in chips[1:])


def test_long_and_too_long_texts_say_what_is_done_with_them(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise")
    at.text_area(key="widget_choice_surprise_text").set_value("x" * 150).run()
    assert "Longer than the context of 64 tokens: read in 4 windows" in printed(at)
    at.text_area(key="widget_choice_surprise_text").set_value("🙂" * 300).run()
    assert not at.exception and "1,200 tokens" in at.warning[0].value.replace("\\", "")
    at.text_area(key="widget_choice_surprise_text").set_value("").run()
    assert not at.exception and not at.warning and "Type or paste a text" in printed(at)


def test_the_text_of_a_prompt_is_no_markup_anywhere(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="<script> <img src=x>")
    assert "<script>" not in printed(at) and "<img" not in printed(at)


def test_a_link_restores_ones_own_text_and_a_long_one_stays_out_of_it(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", cut_source="own", cut_text=" tortoise", merge_step="1")
    assert at.text_area(key="widget_choice_cut_text").value == " tortoise" and "Neighbours at step 1" in printed(at)
    at.text_area(key="widget_choice_cut_text").set_value("cat " * 600).run()
    assert "it stays out of the link" in printed(at) and "cut_text" not in at.query_params
    assert len(header(at, "cut_chips")["chips"]) > 600


def test_a_link_restores_the_token_in_focus_and_another_text_drops_it(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    for part, source, key in (("cut", "cut_source", "cut"), ("surprise", "surprise_source", "surprise")):
        link = {"tokens": part, source: "own", f"{key}_text": "the cat and the hat", f"{key}_token": "2"}
        at = open_page(monkeypatch, tiny_folder, "tokens", **link)
        assert header(at, f"{key}_chips")["focus"] == 2
        at.text_area(key=f"widget_choice_{key}_text").set_value("a tortoise").run()
        assert not at.exception and f"{key}_token" not in at.query_params
        far = open_page(monkeypatch, tiny_folder, "tokens", **link | {f"{key}_token": "999"})
        assert header(far, f"{key}_chips")["focus"] == len(header(far, f"{key}_chips")["chips"]) - 1


def test_the_token_in_focus_is_the_one_whose_surprise_is_worked_out(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    prompt = "the cat and the hat"
    found = surprise(tiny_model.model, tiny_model.tokenizer.encode(prompt))
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise", prompt=prompt, position="3")
    assert header(at, "surprise_chips")["focus"] == 3
    assert rf"= {found.bits[2]:.2f}\text{{ bits}}" in printed(at)
    first = open_page(monkeypatch, tiny_folder, "tokens", tokens="surprise", prompt=prompt, position="0")
    assert header(first, "surprise_chips")["focus"] == 0 and r"\text{ bits}" not in printed(first)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
@pytest.mark.parametrize("part", choices.TOKENS_PART.options)
def test_every_part_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, prompt: str, part: str
) -> None:
    for source in ("view", "own"):
        open_page(monkeypatch, tiny_folder, "tokens", prompt=prompt, tokens=part, cut_source=source, surprise_source=source)


def test_junk_in_the_choices_is_the_default(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    junk = {"cut_source": "x", "merge_step": "-1", "cut_token": "z", "surprise_token": "-2", "surprise_source": "", "tokens": "?"}
    at = open_page(monkeypatch, tiny_folder, "tokens", **junk, **JUNK)
    assert at.segmented_control(key="widget_choice_tokens").value == "cut"
    assert header(at, "cut_chips")["chips"]


def test_other_cuts_are_the_tokenizers(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="other")
    text = token_views.SPECIAL_CASES["A rare word"]
    count = len(tiny_model.tokenizer.encode(text))
    assert rf"= \frac{{{len(text)}}}{{{count}}} = {len(text) / count:.2f}" in printed(at)
