"""The line above a page's title."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import ui
from app.shell.navigation import PAGES
from tests.pages.visit_page import open_page, printed


def test_every_page_asks_a_question_of_its_own_under_its_stage(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    questions = set()
    for entry in PAGES:
        page = printed(open_page(monkeypatch, tiny_folder, entry.file))
        header = next(part for part in page.splitlines() if "glass-header" in part)
        assert f">{ui.STAGE_NAMES[entry.stage]}</p>" in header
        # A page about the whole model has no stage's colour.
        assert ("color: inherit" in header) == (entry.file in ("map", "parameters", "scale", "glossary")), entry.file
        questions |= set(re.findall(r"<h1.*?</h1>", page, re.S))
    assert len(questions) == len(PAGES)
