"""The first page's rail: the seven steps with the figures of the text in view."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptcore.checkpoints import LanguageModel
from tests.pages.component_data import component_data
from tests.pages.visit_page import open_page


@pytest.mark.parametrize("prompt", ["a", "the cat", "a" * 64])
def test_the_rail_says_what_each_step_makes_of_the_text(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, prompt: str
) -> None:
    header, _ = component_data(
        open_page(monkeypatch, tiny_folder, "write", write="steps", prompt=prompt, top_k="7"), "[['Text to ids'", "stations"
    )
    n, vocab = len(tiny_model.tokenizer.encode(prompt)), tiny_model.config.vocab_size
    figures = {name: said for name, said, _ in header["stations"]}
    assert figures["Text to ids"].split()[0] == str(n)
    assert figures["Model"] == f"[1, {n}, {vocab}]"
    assert float(figures["Softmax"].split()[1]) == pytest.approx(1, abs=1e-6)
    assert figures["Selection"] == "7 kept"
    assert figures["Append"] == (f"{n}: full" if n == 64 else f"{n} + 1 = {n + 1}")


def test_the_seven_steps_open_at_the_first_and_a_link_at_its_own(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "write", write="steps")
    assert at.header[0].value.startswith("1. ")
    linked = open_page(monkeypatch, tiny_folder, "write", write="steps", write_step="4")
    assert linked.header[0].value.startswith("4. ") and "Menu: step 4" in [
        menu.proto.popover.label for menu in linked.get("popover")
    ]
