"""The glossary page: every word, found by a part of it, by the field and by a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.glossary import GLOSSARY
from tests.pages.visit_page import open_page, printed


def test_every_word_is_there_and_a_part_of_one_finds_it(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "glossary")
    assert all(f"**{word[0].upper()}{word[1:]}.** {text}" in printed(at) for word, text in GLOSSARY.items())
    at.text_input(key="widget_choice_find").set_value("  LOGIT L").run()
    by_link = open_page(monkeypatch, tiny_folder, "glossary", find=at.query_params["find"])
    for page in (at, by_link):
        assert "**Logit lens.**" in printed(page) and "**Token.**" not in printed(page)


def test_abbreviations_are_spelled_out() -> None:
    for word, spelled in {"SiLU": "Sigmoid linear unit", "SwiGLU": "Swish-gated", "FLOP": "Floating-point operation",
                          "GELU": "Gaussian error", "V100": "NVIDIA", "float32, float16, int8": "16 bits"}.items():  # fmt: skip
        assert spelled in GLOSSARY[word]


@pytest.mark.parametrize("wanted", ["zzz", "<b>$x$</b>", "x" * 200])
def test_what_is_not_there_is_said_in_plain_text(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, wanted: str) -> None:
    text = printed(open_page(monkeypatch, tiny_folder, "glossary", find=wanted))
    assert "<b>$x$</b>" not in text
    assert ("No word here has" in text) is (len(wanted) <= 60)  # a longer one is junk, and junk means all words
