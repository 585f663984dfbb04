"""What the side panel says on every page."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.navigation import PAGES
from tests.pages.visit_page import open_page


@pytest.mark.parametrize("page", [entry.file for entry in PAGES])
def test_a_start_token_that_was_put_in_is_explained_on_every_page(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str
) -> None:
    said = "The prompt is empty, so the start token <|endoftext|> was put in."
    for prompt in ("", "a"):
        at = open_page(monkeypatch, tiny_folder, page, prompt=prompt)
        captions = [caption.value.replace("\\", "") for caption in at.sidebar.caption]
        assert sum(said in caption for caption in captions) == (prompt == "")
