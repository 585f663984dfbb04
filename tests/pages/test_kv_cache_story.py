"""What the beats of the K/V cache page say, from this text's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.chapters.kv_cache import sections
from app.writing.numbers import in_bytes, significant
from gptcore.checkpoints import LanguageModel
from tests.pages.place import place
from tests.pages.visit_page import open_page, printed


def test_what_is_kept_is_counted_in_bytes(tiny_model: LanguageModel) -> None:
    here = place(tiny_model, (3, 5, 7, 9), position=3)
    trace = tiny_model.trace(here.ids)
    kept = sum(4 * (trace.k(layer).size + trace.v(layer).size) for layer in range(tiny_model.config.n_layers))
    said = sections.says_kept(here)
    assert f"**{in_bytes(kept)}**" in said and "4 keys and 4 values" in said


def test_the_work_saved_grows_with_the_text(tiny_model: LanguageModel) -> None:
    few, many = (sections.says_work(place(tiny_model, tuple(range(n)), position=0)) for n in (1, 40))
    assert "**1 times** the work" in few
    config = tiny_model.config
    blocks = 24 * config.emb_dim**2 * config.n_layers  # multiplications and additions for one token
    pairs = 4 * config.emb_dim * config.n_layers
    head = 2 * config.vocab_size * config.emb_dim
    without, kept = 40 * blocks + 40 * 40 * pairs + head, blocks + 40 * pairs + head
    assert f"**{significant(without / kept)} times** the work" in many


@pytest.mark.parametrize("part", ["kept", "work"])
def test_each_thing_to_try_changes_what_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    link = {"prompt": "Once upon a time", "kv_cache": part}
    at = open_page(monkeypatch, tiny_folder, "kv_cache", **link)
    before = printed(at)
    tries = [str(button.key) for button in at.button if str(button.key).startswith("try_")]
    assert len(tries) in (2, 3)
    for key in tries:
        at = open_page(monkeypatch, tiny_folder, "kv_cache", **link)
        at.button(key=key).click().run()
        assert not at.exception and printed(at) != before
