"""The glossary page: every word, found by a part of it, by the field and by a link."""

from __future__ import annotations

import importlib
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import pytest
from markdown_it import MarkdownIt

from app import ui
from app.glossary import GLOSSARY, named_in, with_meanings
from tests.pages.visit_page import finding, open_page, printed


def test_every_word_is_there_and_a_part_of_one_finds_it(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "glossary")
    assert all(f"**{word[0].upper()}{word[1:]}.** {text}" in printed(at) for word, text in GLOSSARY.items())
    at.text_input(key="widget_choice_find").set_value("  LOGIT L").run()
    by_link = open_page(monkeypatch, tiny_folder, "glossary", find=at.query_params["find"])
    for page in (at, by_link):
        assert "**Logit lens.**" in printed(page) and "**Token.**" not in printed(page)


def test_a_word_on_a_page_links_to_its_entry_and_brings_the_view_along(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "attention", attention="head", open="words", prompt="a (b) & c", layer="1", temperature="0.5"
    )
    links = re.findall(r"\[\*\*(.+?)\.\*\*\]\(glossary\?(\S+?)\) ", printed(at))
    assert "key" in dict(links) and len(links) >= 3
    for word, query in links:
        said = dict(parse_qsl(query))
        assert said.pop("find") == word and said == dict(at.query_params) | {"prompt": "a (b) & c", "layer": "1"}
        entries = re.findall(r"\*\*(.+?)\.\*\* ", printed(open_page(monkeypatch, tiny_folder, "glossary", find=word)))
        assert entries[0].casefold() == word.casefold()


def test_a_view_too_long_for_links_leaves_the_words_plain(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    monkeypatch.setattr(ui, "LONGEST_LINK", 60)
    text = printed(open_page(monkeypatch, tiny_folder, "attention", attention="head", open="words", prompt="a" * 60))
    assert "**query.**" in text and "glossary?" not in text


def test_abbreviations_are_spelled_out() -> None:
    for word, spelled in {"SiLU": "Sigmoid linear unit", "SwiGLU": "Swish-gated", "FLOP": "Floating-point operation",
                          "GELU": "Gaussian error", "V100": "NVIDIA", "float32, float16, int8": "16 bits"}.items():  # fmt: skip
        assert spelled in GLOSSARY[word]


@pytest.mark.parametrize("wanted", ["zzz", "<b>$x$</b>", "x" * 200])
def test_what_is_not_there_is_said_in_plain_text(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, wanted: str) -> None:
    text = printed(open_page(monkeypatch, tiny_folder, "glossary", find=wanted))
    assert "<b>$x$</b>" not in text
    assert ("No word here has" in text) is (len(wanted) <= 60)  # a longer one is junk, and junk means all words


def test_every_word_of_a_beat_is_explained_and_those_that_newcomers_look_for() -> None:
    for chapter in ("attention", "layer_norm", "feed_forward", "shortcuts", "lens", "sampling"):
        parts = importlib.import_module(f"app.chapters.{chapter}.parts").PARTS
        assert {word for beat in parts.values() for word in beat.words} <= GLOSSARY.keys()
    wanted = (
        "vector, dimension, bias, standard deviation, norm, loss, divergence, end of text, batch, dot product, training, rank"
    )
    assert set(wanted.split(", ")) <= GLOSSARY.keys()


def test_an_entry_begins_with_a_sentence_that_needs_no_other_entry() -> None:
    assert GLOSSARY["nat"].startswith("A unit of surprise, like the bit")  # the one that is a measure of another
    for word, said in GLOSSARY.items():
        first = re.split(r"(?<=[.])\s", said)[0]
        assert [other for other in named_in(first) if other != word and (word, other) != ("nat", "surprise")] == [], word


@pytest.mark.parametrize(("wanted", "entry"), [("head", "Attention head"), ("language model", "Language model")])
def test_a_word_that_newcomers_look_for_comes_first(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, wanted: str, entry: str
) -> None:
    text = printed(open_page(monkeypatch, tiny_folder, "glossary", find=wanted))
    assert re.findall(r"\*\*(.+?)\.\*\* ", text)[0] == entry


def test_entries_are_found_where_a_text_names_them_and_words_of_every_day_are_not() -> None:
    said = "Two attention heads write what K/V caches keep, in float16. The feed-forward network and its LayerNorm follow; the values mean little."
    assert named_in(said) == ["attention head", "K/V cache", "float32, float16, int8", "feed-forward network", "LayerNorm"]
    assert named_in("Normally it is seedless and layernormed.") == []


@pytest.mark.parametrize(
    ("page", "part"), [("attention", "sink"), ("lens", "grid"), ("parameters", "where"), ("compare", "next")]
)
def test_every_word_of_the_field_in_a_finding_is_offered(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, part: str
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, page, open="words", intervention="off_f0", prompt="the cat had a hat", **{page: part}
    )
    offered = [each.value for each in at.markdown if ".**](glossary?" in each.value]
    named = named_in(finding(at))
    assert len(offered) == 1 and named
    assert all(f"[**{word}.**]" in offered[0] for word in named)
    linked = re.findall(r'\[(.+?)\]\(glossary\?find=(\S+) "(.+?)"\)', at.main.markdown[0].value)
    assert [unquote(word) for _, word, _ in linked] == named
    assert all(named_in(said) == [unquote(word)] and meaning == GLOSSARY[unquote(word)] for said, word, meaning in linked)


def test_a_word_is_linked_to_its_meaning_where_a_text_first_uses_it_and_nowhere_else() -> None:
    for untouched in ("`softmax`", "`` a ` logit ``", "$x + \\text{norm}$", "[the softmax](x)", "layernormed", ""):
        assert with_meanings(untouched) == untouched
    said = "\\$5 for a **softmax** and its `softmax` of logits; Softmax again, and a logit. The end of text costs \\$6."
    html = MarkdownIt("commonmark").renderInline(with_meanings(said))
    found = re.findall(r'<a href="glossary\?find=(.+?)" title="(.+?)">(.+?)</a>', html)
    assert [(unquote(word), text) for word, _, text in found] == [
        ("softmax", "softmax"), ("logit", "logits"), ("end of text", "end of text"),
    ]  # fmt: skip
    assert [unescape(meaning) for _, meaning, _ in found] == [GLOSSARY[word] for word in ("softmax", "logit", "end of text")]
    assert "<code>softmax</code>" in html and "<strong><a" in html
