"""With a model that is not on this machine, pages that need none of its weights are open; the others say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import choices
from app.shell import navigation
from tests.pages.visit_page import open_page, printed

PLACES = [
    (file, part)
    for file, parts in navigation.WITHOUT_WEIGHTS.items()
    for part in parts or (choices.ALL[file].options if file in choices.ALL else ("",))
]


@pytest.mark.parametrize(("page", "part"), PLACES)
def test_a_page_without_weights_opens_with_a_model_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, part: str
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, page, model="gpt2-xl", prompt="Once upon a time " * 200, **({page: part} if part else {})
    )
    said = printed(at)
    assert "This model is not on this machine yet" not in said
    assert ("needs none of its weights" in said) == (page not in ("map", "glossary"))  # the first says so itself
    assert at.query_params["model"] == ["gpt2-xl"] or at.query_params["model"] == "gpt2-xl"


@pytest.mark.parametrize(
    ("page", "part"), [("lens", "grid"), ("shortcuts", "model"), ("parameters", "weights"), ("kv_cache", "kept")]
)
def test_a_page_that_shows_weights_stays_closed(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, page: str, part: str) -> None:
    at = open_page(monkeypatch, tiny_folder, page, model="gpt2-xl", **{page: part})
    assert "This model is not on this machine yet" in printed(at)


def test_after_such_a_page_a_model_that_is_here_is_shown_itself(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "parameters", model="gpt2-xl")
    assert "Storyteller has" in printed(at)
    at.selectbox(key="widget_model").set_value(str(tiny_folder)).run()
    assert "Storyteller has" not in printed(at) and "needs none of its weights" not in printed(at)
