"""The page of two runs: what differs, both sides by transformers, and what is never subtracted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import GPT2LMHeadModel

from app.writing.numbers import quantity
from gptcore.checkpoints import LanguageModel
from gptcore.reference import REFERENCE_TEXT
from gptcore.run import Ablation
from tests.gptcore.peer import Peer
from tests.pages.as_code import run_snippet
from tests.pages.component_data import component_data
from tests.pages.visit_page import figure, open_page, printed

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
    assert "Nothing is pinned, so A" in "".join(each.value for each in at.caption)
    next(button for button in at.button if button.label.startswith("Pin what")).click().run()
    assert at.query_params["pinned"] == pinned(tiny_folder, tiny_model, A, "off_f0")["pinned"] + "~0.8_40_1_0_1"
    assert "A and B are the same" in printed(at)
    next(button for button in at.button if button.label == "Let A go").click().run()
    assert "pinned" not in at.query_params


def test_any_page_can_be_pinned_and_says_where_it_is_compared(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "lens", prompt=A)
    at.button(key="pin_here").click().run()
    assert at.query_params["pinned"] and "Compare" in "".join(toast.value for toast in at.toast)


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
    one, other = expected
    apart = float((one * (np.log2(one) - np.log2(other))).sum())
    assert f"{quantity(apart, 'bits')} apart" in printed(at)
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
    asked = {"compare": "head", "layer": "1", "head": "2", "prompt": B, "compare_side": "difference"}
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
    both = {**asked, "compare_side": "both"}
    at = open_page(monkeypatch, tiny_folder, "compare", **both, **pinned(tiny_folder, tiny_model, A))
    for side, pattern in zip("ab", patterns, strict=True):
        shown = component_data(at, f"compared_map_{side}:values", "name")[1]["values"]
        assert np.allclose(shown.reshape(pattern.shape)[seen], pattern[seen], atol=1e-6)
    at = open_page(monkeypatch, tiny_folder, "compare", **both, pinned=f"storyteller~{'.'.join(map(str, range(5)))}~")
    assert component_data(at, "Layer 1, head 2: A") and component_data(at, "Layer 1, head 2: B")


def test_without_a_pin_a_is_what_b_was_before_it_was_changed(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    for change, before in (({"intervention": "off_f0"}, A), ({"exchanged": "3.264"}, A)):
        ids = list(tiny_model.tokenizer.encode(before))
        if "exchanged" in change:
            ids[3] = 264
        at = open_page(monkeypatch, tiny_folder, "compare", prompt=A, open="checks", **change)
        probs = peer.logits(tuple(ids))[-1].softmax(-1).numpy()
        texts = [tiny_model.tokenizer.text_of(token) for token in range(tiny_model.config.vocab_size)]
        table = exports["compared-next"]
        assert np.allclose(table["a"], probs[[texts.index(text) for text in table["token"]]], rtol=1e-3)
        assert "Nothing is pinned, so A" in "".join(each.value for each in at.caption)
        assert int(run_snippet(at, tiny_folder)["traces"][0].logits.argmax()) == int(probs.argmax())
    at = open_page(monkeypatch, tiny_folder, "compare", prompt=A)
    assert "Nothing is pinned yet" in printed(at)


def test_settings_are_pinned_too_and_what_they_draw_is_compared(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, peer: Peer, exports: Exports
) -> None:
    asked = pinned(tiny_folder, tiny_model, A)
    asked = {"pinned": asked["pinned"] + "~0.5_3_1_0_7"}
    at = open_page(monkeypatch, tiny_folder, "compare", prompt=A, compare_drawn="1", temperature="2", top_k="all", **asked)
    logits = peer.logits(tiny_model.tokenizer.encode(A))[-1].double()
    best = logits.topk(3).indices
    expected = [torch.zeros_like(logits), (logits / 2).softmax(-1)]
    expected[0][best] = (logits[best] / 0.5).softmax(-1)
    texts = [tiny_model.tokenizer.text_of(token) for token in range(tiny_model.config.vocab_size)]
    table = exports["compared-next"]
    places = [texts.index(text) for text in table["token"]]
    for side, probs in zip(("a", "b"), expected, strict=True):
        assert np.allclose(table[side], probs[places], rtol=1e-3)
    assert "temperature, top-k and the seed differ" in printed(at)


@pytest.mark.parametrize("side", ["both", "a", "b", "difference"])
def test_the_lens_of_both_is_that_of_transformers_hidden_states(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, exports: Exports, side: str
) -> None:
    at = open_page(
        monkeypatch, tiny_folder, "compare", compare="lens", compare_side=side, prompt=B, **pinned(tiny_folder, tiny_model, A)
    )
    model = GPT2LMHeadModel.from_pretrained(tiny_folder).eval()
    streams = {}
    for name, text in (("A", A), ("B", B)):
        with torch.inference_mode():
            hidden = model(torch.tensor([tiny_model.tokenizer.encode(text)]), output_hidden_states=True).hidden_states
            rows = [model.transformer.ln_f(each[0, -1]) for each in hidden[:-1]] + [hidden[-1][0, -1]]
            streams[name] = torch.stack([model.lm_head(row) for row in rows]).softmax(-1).numpy()
    target, table = int(streams["B"][-1].argmax()), exports["compared-lens"]
    for name, probs in streams.items():
        mine = table[table["side"] == name]
        assert np.allclose(mine["probability_of_followed"], probs[:, target], atol=1e-5)
        assert [tiny_model.tokenizer.text_of(int(token)) for token in probs.argmax(-1)] == mine["likeliest"].tolist()
    lines = figure(at, "Layer by layer")["data"]
    drawn = {"A": streams["A"], "B": streams["B"], "B minus A": streams["B"] - streams["A"]}
    assert len(lines) == (2 if side == "both" else 1)
    for line in lines:
        assert np.allclose(line["y"], drawn[line["name"]][:, target], atol=1e-5)


def test_the_lens_is_read_at_the_cursor_in_both(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, exports: Exports
) -> None:
    other = "the hat had a cat on the mat"
    a, b = (tiny_model.tokenizer.encode(text) for text in (A, other))
    place = min(len(a), len(b)) - 2
    assert a[: place + 1] != b[: place + 1]
    asked = {"compare": "lens", "prompt": other, "position": str(place), **pinned(tiny_folder, tiny_model, A)}
    at = open_page(monkeypatch, tiny_folder, "compare", **asked)
    target = int(tiny_model.trace(b[: place + 1]).logits.argmax())
    for name, ids in (("A", a), ("B", b)):
        table = exports["compared-lens"]
        mine = table[table["side"] == name]["probability_of_followed"]
        assert np.allclose(mine, tiny_model.trace(ids).lens((place,), 1, (target,)).target_prob[0], atol=1e-6)
    assert f"after position {place}" in figure(at, "Layer by layer")["layout"]["title"]["text"].replace("<br>", " ")


def test_two_models_each_keep_their_own_layers(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, exports: Exports) -> None:
    asked = {"compare": "lens", "prompt": A, "pinned": "storyteller~308.745.258~"}
    at = open_page(monkeypatch, tiny_folder, "compare", **asked)
    assert exports["compared-lens"]["side"].value_counts()["A"] == 13
    assert len(figure(at, "Layer by layer, A and B: A's")["data"]) == 2
    at = open_page(monkeypatch, tiny_folder, "compare", compare_side="difference", **asked)
    assert "nothing is subtracted" in printed(at)


@pytest.mark.parametrize(
    "junk",
    [
        "tiny~1~~0.8",
        "tiny~1~~x_40_1_0_1",
        "tiny~1~~0.8_40_1_0_1~x",
        "x",
        "tiny~~",
        "tiny~1.2~nonsense",
        "tiny~99999~",
        "nope~1~",
        "tiny~1~off_h99.0",
        "~~~~",
    ],
)
@pytest.mark.parametrize("part", ["next", "lens", "texts", "head"])
def test_junk_that_is_pinned_is_said(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, junk: str, part: str) -> None:
    at = open_page(monkeypatch, tiny_folder, "compare", compare=part, prompt=A, pinned=junk)
    assert "cannot be shown" in printed(at) or "not on this machine" in printed(at)
