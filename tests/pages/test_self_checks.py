"""Every badge of every page says on hover what its deviation is measured in."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import choices
from app.shell.navigation import PAGES
from tests.pages.visit_page import open_page

PARTS = [(e.file, part) for e in PAGES for part in (choices.ALL[e.file].options if e.file in choices.ALL else ("",))]
# What a part shows only when it is asked for it.
ASKED = [
    ("lens", "grid", {"lens_colour": "entropy"}), ("lens", "grid", {"lens_colour": "rank"}),
    ("lens", "grid", {"lens_colour": "divergence"}), ("shortcuts", "experiment", {"gradient_seed": "7"}),
    ("sampling", "settings", {"logits": "nine_words"}), ("tokens", "surprise", {"surprise_source": "own", "surprise_text": "a"}),
    ("parameters", "where", {"preset": "gpt2"}), ("attention", "head", {"stage": "read"}), ("attention", "head", {"heads": "mean"}),
]  # fmt: skip


@pytest.mark.parametrize(("page", "part", "asked"), [*((page, part, {}) for page, part in PARTS), *ASKED])
def test_a_badge_says_what_its_deviation_is_measured_in(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, part: str, asked: dict[str, str]
) -> None:
    at = open_page(monkeypatch, tiny_folder, page, **({page: part} if part else {}), **asked)
    badges = [element.proto for element in at.get("markdown") if ": off by " in element.proto.body]
    assert badges or not asked
    for badge in badges:
        assert "Deviation in " in badge.help or "Deviation as a share of " in badge.help, (badge.body, badge.help)
