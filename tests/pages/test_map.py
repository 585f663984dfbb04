"""The map: its counts against the model's tensors, its shapes against transformers, its drawing as a file, and the page itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from numpy import exp
from streamlit.testing.v1 import AppTest

from app import choices
from app.chapters.map import drawing as map_drawing
from app.chapters.map import sections, views
from app.charts import Mode
from app.state import from_query
from gptcore.config import GPT2_SMALL, GPT_CONFIG_124M
from gptcore.language_model import LanguageModel
from tests.pages.transformers_run import TransformersRun
from tests.pages.visit_page import JUNK, PROMPTS, finding, open_page, printed

IDS = (40, 7, 7, 99, 150, 3)
SVG = "{http://www.w3.org/2000/svg}"


def small(text: str = "Once", n_tokens: int = 4) -> views.ModelMap:
    return views.model_map(GPT2_SMALL, True, n_tokens, text, "there", 0.5)


def written(svg: str) -> list[str]:
    """All texts of a drawing; it must be well-formed."""
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def drawings(found: views.ModelMap, links: dict[str, str] | None = None) -> list[str]:
    return [map_drawing.drawing(found, sheet, links or {}) for sheet in (map_drawing.WIDE, map_drawing.NARROW)]


def drawn_on(at: AppTest) -> dict[str, str]:
    """What the page gave its component: sheet -> SVG."""
    for element in at.get("bidi_component"):
        data = element.proto.bytes if element.proto.WhichOneof("data") == "bytes" else b""
        if b"drawings" in data:
            length = int.from_bytes(data[:4], "little")
            return json.loads(data[4 : 4 + length])["header"]["drawings"]
    raise AssertionError("There is no map on the page.")


def test_every_box_counts_the_numbers_in_the_models_own_tensors(tiny_model: LanguageModel) -> None:
    model = tiny_model.model
    parts = views.model_map(tiny_model.config, True, 6, "", "", 0.0).parts
    block = model.blocks[1]
    modules = {
        "token_embedding": model.token_embedding,
        "position_embedding": model.position_embedding,
        "final_norm": model.final_norm,
        "block": block,
        "ln_1": block.ln_1,
        "attention": block.attention,
        "ln_2": block.ln_2,
        "feed_forward": block.feed_forward,
    }
    counted = {key: sum(p.numel() for p in module.parameters()) for key, module in modules.items()}
    assert {key: part.count for key, part in parts.items() if part.count} == counted


def test_boxes_outside_one_another_add_up_to_the_whole_model() -> None:
    for config, tied, total in ((GPT2_SMALL, True, 124_439_808), (GPT_CONFIG_124M, False, 163_009_536)):
        found = views.model_map(config, tied, 4, "", "", 0.0)
        outer = ("token_embedding", "position_embedding", "block", "final_norm", "output_head")
        assert found.total == total
        assert sum(found.share(key) for key in outer) == pytest.approx(1)
        inner = sum(found.parts[key].count for key in ("ln_1", "attention", "ln_2", "feed_forward"))
        assert inner == found.parts["block"].count


def test_shapes_are_those_that_transformers_computes(tiny_model: LanguageModel, tiny_folder: Path) -> None:
    run = TransformersRun(tiny_folder, IDS)
    drawn = views.shapes(tiny_model.config, len(IDS))
    assert drawn["stream"][1:] == run.layers[0]["resid_pre"].shape == run.layers[1]["resid_post"].shape
    assert drawn["widened"][1:] == run.layers[0]["mlp_post"].shape
    assert drawn["logits"][1:] == run.logits.shape
    assert drawn["weights"] == (1, 4, 6, 6) and drawn["q, k, v"] == (1, 4, 6, 8)


def test_the_shape_check_passes_on_the_trace_and_fails_on_a_wrong_shape(tiny_model: LanguageModel) -> None:
    trace = tiny_model.trace(IDS)
    right = views.shapes(tiny_model.config, len(IDS))
    assert views.shape_check(trace, right).ok
    for name in ("stream", "q, k, v", "weights", "widened", "last"):
        assert not views.shape_check(trace, {**right, name: (1, 2, 3)}).ok


@pytest.mark.parametrize("index", [0, 1])
def test_a_drawing_says_every_count_and_shape_and_names_every_part(index: int) -> None:
    found = small(n_tokens=1024)
    texts = " | ".join(written(drawings(found)[index]))
    for part in found.parts.values():
        assert all(word in texts for word in part.title.split()) and all(line in texts for line in part.details)
        if part.count:
            assert f"{part.count:,}" in texts
    assert texts.count("shortcut [1, 1024, 768]") == 2
    assert texts.count("[1, 1024, 768]") == 12 and "[1, 1024, 50257]" in texts and "× 12" in texts


def test_boxes_are_links_to_the_pages_that_are_there() -> None:
    svg = drawings(small(), {"attention": "attention?prompt=a&layer=1", "layer_norm": "layer_norm"})[0]
    links = [(a.get("data-page"), a.get("href")) for a in ElementTree.fromstring(svg).iter(f"{SVG}a")]
    assert links == [
        ("layer_norm", "layer_norm"),
        ("attention", "attention?prompt=a&layer=1"),
        ("layer_norm", "layer_norm"),
        ("layer_norm", "layer_norm"),
    ]


def test_each_box_names_the_part_of_its_page_that_shows_it() -> None:
    for svg in drawings(small(), {page: page for page in ("embeddings", "layer_norm", "attention", "block")}):
        links = {
            a.get("data-box"): (a.get("data-page"), a.get("data-choices")) for a in ElementTree.fromstring(svg).iter(f"{SVG}a")
        }
        assert links == {
            "token_embedding": ("embeddings", "embeddings=similar"),
            "position_embedding": ("embeddings", "embeddings=positions"),
            "block": ("block", ""),
            "ln_1": ("layer_norm", "layer_norm=token&site=ln_1"),
            "attention": ("attention", ""),
            "ln_2": ("layer_norm", "layer_norm=token&site=ln_2"),
            "final_norm": ("layer_norm", "layer_norm=token&site=final"),
        }
        for _, said in links.values():
            view = from_query(dict(parse_qsl(said or "")))
            assert all(view.choices.get(name, choices.ALL[name].default) == value for name, value in parse_qsl(said or ""))


def test_text_of_a_user_is_text_in_the_drawing_whatever_it_holds() -> None:
    nasty = '</text><script>alert(1)</script>&"\x00\x0b\ud800'
    for svg in drawings(small(nasty)):
        assert '</text><script>alert(1)</script>&"' in written(svg)
        assert not list(ElementTree.fromstring(svg).iter(f"{SVG}script"))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_file_stands_alone_without_links_and_without_colours_of_the_page(mode: Mode) -> None:
    svg = sections.svg_file(small(), mode)
    assert "var(" not in svg and "<a " not in svg and written(svg)
    assert svg in sections.html_file(small(), mode)


def test_the_matrix_used_twice_is_tied_only_where_it_is() -> None:
    tied, untied = small(), replace(small(), tied=False)
    assert "the same matrix" in written(drawings(tied)[0])
    assert "the same matrix" not in written(drawings(untied)[0])
    assert "stroke-dasharray" in drawings(tied)[1] and "stroke-dasharray" not in drawings(untied)[1]


def test_a_model_of_one_block_has_no_sheets_behind_it() -> None:
    one = drawings(views.model_map(replace(GPT2_SMALL, n_layers=1), True, 4, "", "", 0.0))[0]
    assert "layer 0; 7,087,872 parameters each" in written(one) and "× 1" in written(one)
    assert one.count('rx="14"') == 2 and drawings(small())[0].count('rx="14"') == 4


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_page_opens_for_every_kind_of_prompt(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, prompt: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "map", prompt=prompt)
    n = max(1, len(tiny_model.tokenizer.encode(prompt)))
    for svg in drawn_on(at).values():
        assert f"shortcut [1, {n}, 32]" in written(svg)


def test_the_page_opens_on_a_junk_link_and_checks_itself(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "map", **JUNK)
    text = printed(at)
    assert text.count("exactly equal") == 2 and "GPT-2 XL" in text and "banded sparse" in text


def test_the_map_names_the_token_that_the_model_holds_for_most_likely(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    ids = tiny_model.tokenizer.encode("Once upon a time")
    logits = TransformersRun(tiny_folder, ids).logits[-1].astype(float)
    best = tiny_model.tokenizer.text_of(int(logits.argmax()))
    chance = f"{100 * exp(logits.max()) / exp(logits).sum():.1f} %"
    for svg in drawn_on(open_page(monkeypatch, tiny_folder, "map", prompt="Once upon a time", temperature="0.3")).values():
        assert written(svg)[-3:] == [best, f"most likely next, {chance}", "the probability at temperature 1"]


def test_the_finding_counts_where_the_numbers_are(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    said = finding(open_page(monkeypatch, tiny_folder, "map"))
    model = tiny_model.model
    total = sum(weight.numel() for weight in model.parameters())
    blocks = sum(weight.numel() for block in model.blocks for weight in block.parameters())
    forward = sum(weight.numel() for block in model.blocks for weight in block.feed_forward.parameters())
    assert (
        f"**{100 * blocks / total:.1f} %** of the {total:,}" in said
        and f"feed-forward has most: {100 * forward / total:.1f} %" in said
    )
    wide = views.model_map(replace(GPT2_SMALL, n_layers=1), True, 4, "", "", 0.0)
    assert "the token embedding has most" in sections.says(wide, GPT2_SMALL)


@pytest.mark.parametrize(("page", "there"), [("map", "124,439,808"), ("glossary", "Attention head")])
def test_pages_that_need_no_weights_open_for_a_model_that_is_not_here(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tmp_path: Path, page: str, there: str
) -> None:
    monkeypatch.setattr("gptcore.checkpoints.cached_folder", lambda name: None)
    at = open_page(monkeypatch, tiny_folder, page, model="gpt2")
    assert there.lower() in printed(at).lower() and "not on this machine yet" not in printed(at)
    other = open_page(monkeypatch, tiny_folder, "attention", model="gpt2")
    assert "not on this machine yet" in printed(other)


def test_the_block_says_which_layers_are_made_like_it() -> None:
    assert small().parts["block"].details == ("layers 0 to 11",)
    one = views.model_map(replace(GPT2_SMALL, n_layers=1), True, 4, "Once", "there", 0.5)
    assert one.parts["block"].details == ("layer 0",)
