"""A page's title."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import palette, ui
from app.shell.navigation import PAGES, PageEntry
from tests.pages.visit_page import open_page, printed


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.file)
def test_a_title_has_the_colour_of_its_stage_and_one_about_the_whole_model_that_of_the_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, entry: PageEntry
) -> None:
    header = next(
        part for part in printed(open_page(monkeypatch, tiny_folder, entry.file)).splitlines() if "glass-header" in part
    )
    whole = entry.file in ("map", "parameters", "scale", "glossary")
    assert ("border-color: currentColor" in header) == whole == (entry.stage == ui.WHOLE)
    assert whole or f"border-color: {palette.colour(entry.stage, 'light')}" in header


def test_every_address_opens_a_page_of_its_own(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    questions = [re.findall(r"<h1.*?</h1>", printed(open_page(monkeypatch, tiny_folder, entry.file)), re.S) for entry in PAGES]
    assert all(len(found) == 1 for found in questions) and len({found[0] for found in questions}) == len(PAGES)
