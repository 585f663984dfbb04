"""A model with one of everything: what counts says "1 layer", not "1 layers"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import choices
from app.chapters.kv_cache import race
from gptcore.checkpoints import save_model
from gptcore.config import GPTConfig
from gptcore.model import GPTModel
from gptcore.training.bpe import train_vocabulary
from tests.pages.visit_page import figures, open_page, printed

# A bare 1 before a plural, also over the brace of a formula.
PLURAL = re.compile(
    r"(?<![\d.,])1(?:\}_\{\\text\{| )(?:[a-zA-Z]+ )?(?:token|number|layer|head|key|step|row|column|value|map|matrice)s\b"
)


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "one"
    train_vocabulary(["a b a b"], 258, folder)
    save_model(GPTModel(GPTConfig(258, 1, 1, 1, 1, 0.0, True)), folder)
    return folder


@pytest.mark.parametrize(
    ("page", "part"), [(page, part) for page in ("kv_cache", "scale", "parameters") for part in choices.ALL[page].options]
)
def test_one_is_no_plural(monkeypatch: pytest.MonkeyPatch, one_folder: Path, page: str, part: str) -> None:
    monkeypatch.setattr(race, "SECONDS", 0.1)
    at = open_page(monkeypatch, one_folder, page, prompt="a", apart="loaded", **{page: part})
    if part == "measured":
        next(button for button in at.main.button if button.label == "Measure on this machine").click().run()
        assert not at.exception
    said = [printed(at), *(figure["layout"]["meta"]["alt"] for figure in figures(at))]
    said += [element.proto.help for element in at.get("markdown")]
    assert [found.group() for text in said for found in PLURAL.finditer(text)] == []
