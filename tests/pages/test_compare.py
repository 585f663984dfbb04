"""The page of two runs: what differs, both sides by transformers, and what is never subtracted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gptcore.checkpoints import LanguageModel
from gptcore.reference import REFERENCE_TEXT
from gptcore.run import Ablation
from tests.gptcore.peer import Peer
from tests.pages.as_code import run_snippet
from tests.pages.component_data import component_data
from tests.pages.visit_page import open_page, printed

A, B = "the cat had a hat on the mat", "the cat had a hat on the cat"
Exports = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def peer(tiny_folder: Path, tiny_model: LanguageModel) -> Peer:
    return Peer(tiny_folder, tiny_model.tokenizer.encode(REFERENCE_TEXT))


def pinned(folder: Path, model: LanguageModel, text: str, off: str = "") -> dict[str, str]:
    return {"pinned": f"{folder.name}~{'.'.join(map(str, model.tokenizer.encode(text)))}~{off}"}


def test_pinning_keeps_the_run_in_the_link_and_letting_go_ends_it(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    at = open_page(monkeypatch, tiny_folder, "compare", prompt=A, intervention="off_f0")
    assert "Nothing is pinned" in printed(at)
    next(button for button in at.button if button.label.startswith("Pin what")).click().run()
    assert at.query_params["pinned"] == pinned(tiny_folder, tiny_model, A, "off_f0")["pinned"]
    assert "A and B are the same" in printed(at)
    next(button for button in at.button if button.label == "Let A go").click().run()
    assert "pinned" not in at.query_params


def test_both_distributions_are_those_of_transformers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    asked = pinned(tiny_folder, tiny_model, A)
    at = open_page(monkeypatch, tiny_folder, "compare", prompt=B, intervention="off_h0.1_zero", open="checks", **asked)
    off = Ablation(frozenset({(0, 1)}), replacement="zero")
    expected = [
        peer.logits(tiny_model.tokenizer.encode(text), each)[-1].softmax(-1).numpy() for text, each in ((A, None), (B, off))
    ]
    table = exports["compared-next"]
    texts = [tiny_model.tokenizer.text_of(token) for token in range(tiny_model.config.vocab_size)]
    places = [texts.index(text) for text in table["token"]]
    for side, probs in zip(("a", "b"), expected, strict=True):
        assert np.allclose(table[side], probs[places], rtol=1e-3)
        assert int(probs.argmax()) in places
    assert "the text from position" in printed(at) and "switched off" in printed(at)
    assert ":material/error:" not in printed(at)
    traces = run_snippet(at, tiny_folder)["traces"]
    for trace, probs in zip(traces, expected, strict=True):
        assert int(trace.logits.argmax()) == int(probs.argmax())


def test_texts_are_compared_by_surprise_and_nothing_is_subtracted_where_they_differ(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "compare", compare="texts", compare_side="difference", prompt=B,
        **pinned(tiny_folder, tiny_model, A),
    )  # fmt: skip
    per_byte = []
    for side, text in (("A", A), ("B", B)):
        ids, table = tiny_model.tokenizer.encode(text), exports["compared-texts"]
        rows = peer.logits(ids).log_softmax(-1)
        bits = [-float(rows[n, token]) / np.log(2) for n, token in enumerate(ids[1:])]
        assert np.allclose(table[table["side"] == side]["bits"].iloc[1:], bits, atol=1e-3)
        per_byte.append(sum(bits) / sum(len(tiny_model.tokenizer.bytes_of(token)) for token in ids[1:]))
    said = [float(part.split(" bit")[0]) for part in printed(at).split("costs **")[1].split("B **")]
    assert np.allclose(said, per_byte, rtol=0.01)
    same = next(n for n, (a, b) in enumerate(zip(*map(tiny_model.tokenizer.encode, (A, B)), strict=False)) if a != b)
    assert f"From position {same} on the texts differ" in printed(at)


def test_a_head_is_subtracted_from_itself_alone(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    asked = {"compare": "head", "layer": "1", "head": "2", "prompt": B}
    at = open_page(monkeypatch, tiny_folder, "compare", **asked, **pinned(tiny_folder, tiny_model, A))
    assert component_data(at, "Layer 1, head 2: B minus A")
    patterns = [tiny_model.trace(tiny_model.tokenizer.encode(text)).attention(1, heads=(2,)).pattern[0] for text in (A, B)]
    _, arrays = component_data(at, "compared_map:values", "name")
    given = arrays["values"].reshape(patterns[0].shape)
    seen = np.tri(len(given), dtype=bool)
    assert np.allclose(given[seen], (patterns[1] - patterns[0])[seen], atol=1e-6) and np.isnan(given[~seen]).all()
    at = open_page(monkeypatch, tiny_folder, "compare", **asked, **pinned(tiny_folder, tiny_model, "the cat"))
    assert "not subtracted" in printed(at)
    at = open_page(
        monkeypatch, tiny_folder, "compare", **asked,
        pinned=f"storyteller~{pinned(tiny_folder, tiny_model, A)['pinned'].split('~')[1]}~",
    )  # fmt: skip
    assert "Heads of two models" in printed(at)


@pytest.mark.parametrize("junk", ["x", "tiny~~", "tiny~1.2~nonsense", "tiny~99999~", "nope~1~", "tiny~1~off_h99.0", "~~~~"])
@pytest.mark.parametrize("part", ["next", "texts", "head"])
def test_junk_that_is_pinned_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, junk: str, part: str) -> None:
    at = open_page(monkeypatch, tiny_folder, "compare", compare=part, prompt=A, pinned=junk)
    assert "cannot be shown" in printed(at) or "not on this machine" in printed(at)
