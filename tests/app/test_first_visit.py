"""What the first visitor after a start sees while torch is imported: something at once, and nothing of it later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from app.shell import first_visit
from tests.pages.visit_page import ROOT, open_page, printed

MESSAGE = "The server has just started"


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if torch had not been imported yet."""
    monkeypatch.setattr(first_visit, "sys", SimpleNamespace(modules={}))


def first_run(model: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app" / "entry.py"), default_timeout=60)
    at.query_params["model"] = model
    return at.run()


def test_what_is_drawn_before_the_model_is_there_needs_no_torch() -> None:
    program = (
        "import sys; from app import state, ui; from app.shell import first_visit, navigation; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_the_page_takes_the_place_of_the_message(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, fresh: None) -> None:
    said: list[str] = []
    header = first_visit.ui.page_header
    monkeypatch.setattr(first_visit.ui, "page_header", lambda *words: (said.append(words[2]), header(*words)))
    at = open_page(monkeypatch, tiny_folder, "write")
    assert any(MESSAGE in text for text in said)
    assert MESSAGE not in printed(at) and "Which token comes next?" in printed(at)


@pytest.mark.parametrize(("model", "said"), [("gpt2-xl", "not on this machine yet"), ("../nowhere", "Which token comes next?")])
def test_the_word_on_a_model_that_is_not_there_and_the_default_for_one_not_offered_take_it_too(
    model: str, said: str, fresh: None
) -> None:
    at = first_run(model)
    assert not at.exception and not at.error
    assert MESSAGE not in printed(at) and said in printed(at)
