"""The line above a page's title."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import ui
from app.shell.navigation import PAGES, PageEntry
from tests.pages.visit_page import open_page, printed


@pytest.mark.parametrize("entry", PAGES, ids=lambda entry: entry.file)
def test_a_page_is_headed_by_its_stage_and_one_about_the_whole_model_by_none(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, entry: PageEntry
) -> None:
    header = next(
        part for part in printed(open_page(monkeypatch, tiny_folder, entry.file)).splitlines() if "glass-header" in part
    )
    assert f">{ui.STAGE_NAMES[entry.stage]}</p>" in header
    assert ("color: inherit" in header) == (entry.file in ("map", "parameters", "scale", "glossary"))


def test_every_address_opens_a_page_of_its_own(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    questions = [re.findall(r"<h1.*?</h1>", printed(open_page(monkeypatch, tiny_folder, entry.file)), re.S) for entry in PAGES]
    assert all(len(found) == 1 for found in questions) and len({found[0] for found in questions}) == len(PAGES)
