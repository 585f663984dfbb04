"""A page's title."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import palette, ui
from app.shell.navigation import PAGES
from tests.pages.visit_page import open_page, printed


def test_every_page_asks_a_question_of_its_own_in_the_colour_of_its_stage(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    questions: set[str] = set()
    for entry in PAGES:
        page = printed(open_page(monkeypatch, tiny_folder, entry.file))
        header = next(part for part in page.splitlines() if "glass-header" in part)
        whole = entry.file in ("map", "parameters", "scale", "glossary")  # about the whole model: in the colour of the text
        assert ("border-color: currentColor" in header) == whole == (entry.stage == ui.WHOLE), entry.file
        assert whole or f"border-color: {palette.colour(entry.stage, 'light')}" in header, entry.file
        questions |= set(re.findall(r"<h1.*?</h1>", page, re.S))
    assert len(questions) == len(PAGES)
