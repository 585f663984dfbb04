"""What the beats of the page of GPT-2 and GPT-3 say, from the published configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import choices
from app.chapters.scale import story
from tests.pages.visit_page import open_page, printed


def test_the_size_is_told_by_the_published_counts() -> None:
    assert f"**{174_604_259_328 / 124_439_808:,.0f} times**" in story.says_sizes(None)


def test_the_time_is_that_of_the_operations(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    years = 6 * 174_604_259_328 * 300e9 / 28e12 / (365.25 * 86_400)
    assert f"**{years:.1f} years**" in printed(open_page(monkeypatch, tiny_folder, "scale", scale="time"))
    assert f"**{years / 1000 * 365.25:.1f} days**" in printed(
        open_page(monkeypatch, tiny_folder, "scale", scale="time", cards="1000")
    )


@pytest.mark.parametrize("part", choices.SCALE_PART.options)
def test_each_thing_to_try_changes_what_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    at = open_page(monkeypatch, tiny_folder, "scale", scale=part)
    before = dict(at.query_params)
    tries = [str(button.key) for button in at.button if str(button.key).startswith("try_")]
    assert len(tries) in (2, 3)
    for key in tries:
        at = open_page(monkeypatch, tiny_folder, "scale", scale=part)
        at.button(key=key).click().run()
        assert not at.exception and dict(at.query_params) != before
