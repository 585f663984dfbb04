"""The tokens page: cuts and merges against tiktoken, and the page itself; surprise has tests of its own."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app import choices
from app.chapters.tokens import views
from app.recent import size_of
from gptcore.checkpoints import LanguageModel, load
from gptcore.tokenizer import Tokenizer
from gptcore.training.bpe import train_vocabulary
from tests.conftest import TINY_TEXT
from tests.pages.component_data import chips_of
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


@pytest.fixture
def demanding_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """The tiny model with a tokenizer of many settings: a start token, a space in front, two added words, other ends."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "demanding"))
    train_vocabulary([TINY_TEXT], 288, folder)
    said = json.loads((folder / "config.json").read_text("utf-8")) | {"bos_token_id": 287, "eos_token_id": [3, 287]}
    (folder / "config.json").write_text(json.dumps(said), "utf-8")
    (folder / "added_tokens.json").write_text('{"xyz": 288, "a hat": 289}', "utf-8")
    (folder / "tokenizer_config.json").write_text('{"add_bos_token": true, "add_prefix_space": true}', "utf-8")
    return folder


@pytest.mark.parametrize("prompt", ["the xyz and a hat", "", "xyz", " \n", "🙂"])
@pytest.mark.parametrize("part", ["cut", "surprise"])
def test_a_tokenizer_of_many_settings_has_its_cut_shown_as_it_is(
    demanding_folder: Path, monkeypatch: pytest.MonkeyPatch, prompt: str, part: str
) -> None:
    tokenizer = load(demanding_folder).tokenizer
    text = views.cut(tokenizer, prompt)
    assert tokenizer.start_ids + tuple(text["token_id"]) == tokenizer.encode(prompt)
    assert list(text.groupby("piece")["piece_text"].first()) == list(tokenizer.pre_split(prompt))
    assert all(check.ok for check in views.self_checks(tokenizer, prompt, tokenizer.encode_text(prompt)))
    page = open_page(monkeypatch, demanding_folder, "tokens", prompt=prompt, tokens=part)
    assert not page.exception and not page.error
    own = {f"{part}_source": "own", f"{part}_text": prompt}
    page = open_page(monkeypatch, demanding_folder, "tokens", prompt="the cat", tokens=part, **own)
    assert not page.exception and not page.error


# ---- the cut -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS)
def test_the_table_of_a_cut_holds_the_encoders_tokens_in_their_pieces(tiny_model: LanguageModel, text: str) -> None:
    tokenizer = tiny_model.tokenizer
    table = views.cut(tokenizer, text)
    assert tuple(table["token_id"]) == tokenizer.encode(text)
    assert [bytes.fromhex(b) for b in table["bytes"]] == [tokenizer.bytes_of(i) for i in table["token_id"]]
    of_pieces = table.groupby("piece")["bytes"].agg(lambda parts: bytes.fromhex("".join(parts)).decode())
    assert list(of_pieces) == list(tokenizer.pre_split(text)) == list(table.groupby("piece")["piece_text"].first())


def test_a_cut_and_its_export_grow_with_the_text_and_not_with_its_square(tiny_model: LanguageModel) -> None:
    table = views.cut(tiny_model.tokenizer, "🙂" * 5000)  # one piece
    assert len(table) == 20_000 and views.piece_of(table, 19_999) == "🙂" * 5000
    assert size_of(table) < 20_000 * 500
    assert len(table.to_csv()) < 20_000 * 200


@pytest.mark.parametrize("part", ["cut", "surprise"])
@pytest.mark.parametrize("sign", ["🙂", "x ", "x", "\u0301", " \n"])
def test_what_the_page_sends_grows_with_the_text_and_not_with_its_square(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str, sign: str
) -> None:
    def sent(n: int) -> int:
        link = {"tokens": part, f"{part}_source": "own", f"{part}_text": sign * n}
        return sum(
            len(element.proto.bytes) for element in open_page(monkeypatch, tiny_folder, "tokens", **link).get("bidi_component")
        )

    a, b, c = (sent(n) for n in (60, 120, 240))
    assert c - b < 2.5 * (b - a)  # twice as much of a line, four times as much of a square


def test_each_cut_says_whether_a_piece_begins_or_no_merge_joins(tiny_model: LanguageModel) -> None:
    tokenizer = tiny_model.tokenizer
    table = views.cut(tokenizer, "the cat's hat, 42\nno🙂")
    for before, line in pairwise(table.itertuples()):
        if line.piece == before.piece:
            assert line.why[1::2] == (before.token, line.token)
            assert tokenizer.merge_rank(bytes.fromhex(before.bytes), bytes.fromhex(line.bytes)) is None
        else:
            assert "starts a piece" in line.why[0]
    first = table.groupby("piece").first()
    said = dict(zip(first["piece_text"], (why[0].split(": ")[1] for why in first["why"]), strict=True))
    assert said == {
        "the": "letters.", " cat": "letters, with the space before it.", "'s": "an ending after an apostrophe.", ",": "other signs.",
        " hat": "letters, with the space before it.", " 42": "a number, with the space before it.", "\n": "white space.", "no": "letters.",
        "🙂": "other signs.",
    }  # fmt: skip


def test_what_is_said_of_a_token_names_its_bytes_and_characters(tiny_model: LanguageModel) -> None:
    table = views.cut(tiny_model.tokenizer, "cat🙂")
    said = views.facts(table)
    assert said[0][0] == ("", "cat", " token id 261 · 3 bytes in hexadecimal: 63 61 74 · characters 0 to 2")
    assert said[1][0][2].endswith("1 byte in hexadecimal: F0 · part of character 3")


def test_one_byte_and_one_piece_are_counted_as_one(tiny_model: LanguageModel) -> None:
    kept, replayed = views.self_checks(tiny_model.tokenizer, "a", tiny_model.tokenizer.encode("a"))
    assert "are the text's own 1 byte." in kept.description and "for 1 different piece." in replayed.description
    kept, replayed = views.self_checks(tiny_model.tokenizer, "a b", tiny_model.tokenizer.encode("a b"))
    assert "are the text's own 3 bytes." in kept.description and "for 2 different pieces." in replayed.description


def test_statistics_count_characters_bytes_pieces_and_tokens(gpt2_tokenizer: Tokenizer) -> None:
    table = views.cut(gpt2_tokenizer, "Hello, I am 🙂 20261")
    found = views.statistics(gpt2_tokenizer, table)
    assert (found.characters, found.bytes, found.pieces, found.tokens) == (19, 22, 6, 7)
    assert found.characters_per_token == pytest.approx(19 / 7)


def test_steps_through_the_merges_end_at_the_tokens_and_always_take_the_lowest_rank(gpt2_tokenizer: Tokenizer) -> None:
    for piece in (" unbelievable", "Hello", "🙂", "1234567", "a"):
        steps = views.merge_steps(gpt2_tokenizer, piece)
        assert steps["parts"].iloc[0] == tuple(bytes([b]) for b in piece.encode())
        assert steps["parts"].iloc[-1] == tuple(gpt2_tokenizer.bytes_of(i) for i in gpt2_tokenizer.encode(piece))
        for now, after in pairwise(steps.itertuples()):
            pairs = views.neighbours(gpt2_tokenizer, now.parts)
            chosen = pairs[pairs["next"]]
            assert len(chosen) == 1 and chosen["rank"].item() == pairs["rank"].min() == after.rank
            assert after.parts[after.index] == chosen["first"].item() + chosen["second"].item()
        last = views.neighbours(gpt2_tokenizer, steps["parts"].iloc[-1])
        assert not last["next"].any() and last["rank"].isna().all()


def test_the_piece_shown_first_is_the_one_cut_into_most_tokens(tiny_model: LanguageModel) -> None:
    table = views.cut(tiny_model.tokenizer, "the xylophones the")
    position = views.richest_position(table)
    assert views.piece_of(table, position) == " xylophones" and views.piece_of(table, position - 1) == "the"


def test_the_self_checks_see_a_lost_byte_and_a_wrong_merge(tiny_model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, text = tiny_model.tokenizer, "the cat 🙂"
    ids = tokenizer.encode(text)
    assert [check.ok for check in views.self_checks(tokenizer, text, ids)] == [True, True]
    assert views.self_checks(tokenizer, text, ids[:-1])[0].deviation == 1
    monkeypatch.setattr(Tokenizer, "merges", lambda self, piece: ())
    assert not views.self_checks(tokenizer, text, ids)[1].ok


# ---- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_page_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, prompt: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt=prompt)
    ids = tiny_model.tokenizer.encode(prompt) or (tiny_model.tokenizer.end_of_text_id,)
    assert [chip[0] for chip in chips_of(at, "cut_chips")["chips"]] == [tiny_model.tokenizer.text_of(i) for i in ids]
    assert [chip[3] for chip in chips_of(at, "cut_chips")["chips"]] == [str(i) for i in ids]


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert chips_of(open_page(monkeypatch, tiny_folder, "tokens", **JUNK), "cut_chips")["chips"]


def test_the_position_of_a_link_is_the_token_explained(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="the xylophone", position="3")
    assert chips_of(at, "cut_chips")["focus"] == 3
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="merges", prompt="the xylophone", position="3")
    assert "Parts of ␣xylophone" in printed(at)


def test_the_start_token_and_the_end_token_are_special_and_have_no_bytes_of_a_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    end = tiny_model.tokenizer.end_of_text_id
    (a,) = tiny_model.tokenizer.encode("a")
    chosen = ".".join(np.base_repr(i, 36).lower() for i in (a, end))
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="", chosen=chosen)
    start, letter, last = chips_of(at, "cut_chips")["chips"]
    said = f" token id {end} · special token, not cut from text"
    assert start[2][0] == ["", "<|endoftext|>", said] and "the app put in the token" in start[2][1][0]
    assert last[2][0] == ["", "<|endoftext|>", said] and last[2][1] == ["The model chose this token; nothing was cut here."]
    assert letter[2][0][2].endswith("1 byte in hexadecimal: 61")
    assert [chip[1] for chip in (start, letter, last)] == [0, 1, 2], "each a piece of its own"
    text = printed(at)
    assert "1 character · 1 byte · 1 piece · 1 token<" in text and "the whole text is 1 token." in text


def test_tokens_that_the_model_chose_are_no_cuts(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    (a,), (t,) = tiny_model.tokenizer.encode("a"), tiny_model.tokenizer.encode("t")  # cut anew, "at" would be one token
    chosen = f"{np.base_repr(a, 36)}.{np.base_repr(t, 36)}".lower()
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt=" the", chosen=chosen, position="2")
    assert [chip[5] for chip in chips_of(at, "cut_chips")["chips"]] == ["", "chosen", "chosen"]
    merges = open_page(monkeypatch, tiny_folder, "tokens", tokens="merges", prompt=" the", chosen=chosen, position="2")
    assert "The model chose this token; nothing was cut here." in printed(merges)
    assert "cut anew, the whole text is 2 tokens instead of 3" in printed(at)


def test_a_text_of_ones_own_is_cut_and_its_merges_stepped_through(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens")
    at.segmented_control(key="widget_choice_cut_source").set_value("own").run()
    at.text_area(key="widget_choice_cut_text").set_value("<b> $x$ and the tortoise").run()
    assert "Parts of" not in printed(at)
    shown = chips_of(at, "cut_chips")["chips"]
    assert tuple(int(chip[3]) for chip in shown) == tiny_model.tokenizer.encode("<b> $x$ and the tortoise")
    at.radio(key="widget_choice_tokens").set_value("merges").run()
    steps = views.merge_steps(tiny_model.tokenizer, " tortoise")
    assert "Parts of ␣tortoise" in printed(at)
    (slider,) = [s for s in at.slider if s.key == "widget_choice_merge_step"]
    assert (slider.min, slider.max, slider.value) == (0, len(steps) - 1, 0)
    slider.set_value(1).run()
    assert not at.exception and "Neighbours at step 1" in printed(at)
    at.text_area(key="widget_choice_cut_text").set_value("").run()
    assert not at.exception and "No text, no tokens" in printed(at)


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("cut", ["Menu: the tokens"]),
        ("merges", ["Menu: the merges", "Menu: the neighbours at step 0"]),
        ("surprise", ["Menu: the words", "Menu: the tokens"]),
    ],
)
def test_two_figure_menus_say_of_what_each_is(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str, names: list[str]
) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens=part, prompt="the cat xyz")
    labels = [menu.proto.popover.label for menu in at.get("popover")]
    assert sorted(label for label in labels if label.startswith("Menu: ")) == sorted(names)


def test_the_text_of_a_prompt_is_no_markup_anywhere(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", prompt="<script> <img src=x>")
    assert "<script>" not in printed(at) and "<img" not in printed(at)


def test_a_link_restores_ones_own_text_and_a_long_one_stays_out_of_it(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", cut_source="own", cut_text=" tortoise", merge_step="1", tokens="merges")
    assert at.text_area(key="widget_choice_cut_text").value == " tortoise" and "Neighbours at step 1" in printed(at)
    at.text_area(key="widget_choice_cut_text").set_value("cat " * 600).run()
    at.radio(key="widget_choice_tokens").set_value("cut").run()
    assert "it stays out of the link" in printed(at) and "cut_text" not in at.query_params
    assert len(chips_of(at, "cut_chips")["chips"]) > 600


def test_a_link_restores_the_token_in_focus_and_another_text_drops_it(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    for part, source, key in (("cut", "cut_source", "cut"), ("surprise", "surprise_source", "surprise")):
        link = {"tokens": part, source: "own", f"{key}_text": "the cat and the hat", f"{key}_token": "2"}
        at = open_page(monkeypatch, tiny_folder, "tokens", **link)
        assert chips_of(at, f"{key}_chips")["focus"] == 2
        at.text_area(key=f"widget_choice_{key}_text").set_value("a tortoise").run()
        assert not at.exception and f"{key}_token" not in at.query_params
        far = open_page(monkeypatch, tiny_folder, "tokens", **link | {f"{key}_token": "999"})
        assert chips_of(far, f"{key}_chips")["focus"] == len(chips_of(far, f"{key}_chips")["chips"]) - 1


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
    assert at.radio(key="widget_choice_tokens").value == "cut"
    assert chips_of(at, "cut_chips")["chips"]


def test_other_cuts_are_the_tokenizers(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel) -> None:
    at = open_page(monkeypatch, tiny_folder, "tokens", tokens="other")
    text = views.SPECIAL_CASES["A rare word"]
    count = len(tiny_model.tokenizer.encode(text))
    assert rf"= \frac{{{len(text)}}}{{{count}}} = {len(text) / count:.2f}" in printed(at)
