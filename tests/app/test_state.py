"""The view and its URL."""

import pytest

from app import choices
from app.state import MAX_PROMPT_CHARACTERS, View, from_query, to_query

VIEW = View(
    model="gpt2", prompt='Say "hé" & 100 % <b>\n', chosen=(0, 35, 36, 50256), temperature=1.25, top_k=None, top_p=0.9,
    min_p=0.05, seed=7, layer=3, head=11, position=4, choices={"site": "ln_2"},
)  # fmt: skip


def test_a_link_restores_the_whole_view():
    assert from_query(to_query(VIEW)) == VIEW


def test_a_number_in_a_link_stays_what_it_is():
    for written in ("0.9999999", "0.30000000000000004"):
        assert to_query(from_query({"top_p": written}))["top_p"] == written


def test_the_default_view_needs_only_the_prompt_in_its_link():
    assert to_query(View()) == {"prompt": View().prompt}


def test_an_empty_prompt_survives_the_link():
    assert from_query(to_query(View(prompt=""))).prompt == ""


@pytest.mark.parametrize(
    "junk",
    [
        {"layer": "99999"}, {"layer": "-1"}, {"temperature": "hot"}, {"temperature": "nan"}, {"temperature": "6"}, {"top_k": "0"},
        {"top_p": "0"}, {"min_p": "2"}, {"seed": "-3"}, {"chosen": "!!"}, {"chosen": "-5"}, {"position": "1e3"}, {"step": "x"},
        {"unknown": "1"}, {"site": "ln_3"}, {"site": "ln_1"}, {"prompt": "x" * (MAX_PROMPT_CHARACTERS + 1)},
    ],
)  # fmt: skip
def test_junk_in_a_link_falls_back_to_the_default(junk):
    assert from_query(junk) == View()


@pytest.mark.parametrize("choice", [c for c in choices.ALL.values() if c.default is not None], ids=lambda choice: choice.name)
def test_the_default_of_every_choice_is_one_that_a_link_may_name(choice):
    assert choice.read(choice.write(choice.default)) == choice.default


@pytest.mark.parametrize(
    ("read", "good", "junk"),
    [
        (choices.whole(1, 9), {"1": 1, "9": 9}, ("0", "10", "1.5", "x", "")),
        (choices.real(0, 2), {"0": 0.0, "1.5": 1.5}, ("-0.1", "nan", "inf", "x")),
        (choices.short_text(3), {"": "", "abc": "abc"}, ("abcd",)),
    ],
)
def test_a_reader_takes_what_is_in_its_range_and_calls_the_rest_junk(read, good, junk):
    assert {text: read(text) for text in good} == good
    for text in junk:
        with pytest.raises(ValueError):
            read(text)


def test_two_choices_cannot_share_a_name():
    with pytest.raises(ValueError, match="'site'"):
        choices.switch("site")
