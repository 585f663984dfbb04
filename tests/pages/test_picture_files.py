"""Every picture that is no figure, as a page of its own: well-formed, with what is drawn in it, made only when it is asked for."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image

from app import charts, figure_menu, picture_files, ui
from app.chapters.attention import views
from app.chapters.attention.views import AttentionMap
from app.charts import theme
from app.components.map_canvas import LEFT_OUT, HeadSummary, levels, prepare
from app.components.token_text import TextChip
from app.writing.numbers import percent
from gptcore.checkpoints import save_model
from gptcore.config import GPTConfig
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from tests.pages.component_data import component_data
from tests.pages.visit_page import open_page

PROMPT = "the <b>mat</b>"
MODES: tuple[theme.Mode, ...] = ("light", "dark")
EMPTY = {"meta", "img", "br", "link"}  # elements that nothing closes
# Page and link -> the name of the file's button, and what the title of its page begins with.
PLACES = [
    ("attention", {"attention": "head"}, "attention-heads", "All 8 heads"),
    ("attention", {"attention": "head", "layer": "1", "head": "2"}, "attention-map", "Layer 1, head 2: attention weights"),
    ("attention", {"attention": "closer", "look": "made"}, "attention-weights-query", "Times W_q"),
    ("attention", {"attention": "newest"}, "attention-newest", "“&gt;”"),
    ("embeddings", {"embeddings": "positions"}, "position-similarities", "Cosine similarity"),
    ("tokens", {}, "tokens", "The text as tokens"),
    ("tokens", {"tokens": "surprise"}, "surprise", "Surprise at each token"),
    ("map", {}, "map", ""),
]


class Outline(HTMLParser):
    """The elements of a page with their attributes; AssertionError where one is closed that is not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.title = ""
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["title"]:
            self.title += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def opened(page: str, mode: theme.Mode) -> Outline:
    """What every file must be: a whole page with a title, on the background of its mode, that fetches nothing."""
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    outline = Outline(page)
    assert outline.title and f"background: {theme.SURFACES[mode]['paper']}" in page
    for _, attributes in outline.elements:
        assert not str(attributes.get("src") or "data:").startswith(("http", "//")) and "href" not in attributes
    return outline


def pixels(source: str | None) -> np.ndarray:
    """The colours of a picture in a page [row, column, 3], as another program reads them."""
    data = base64.b64decode(str(source).removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def rgb(colour: str) -> list[int]:
    return list(bytes.fromhex(colour.removeprefix("#")))


@pytest.fixture
def menus(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page that is opened next hands to its export menus: name -> figures."""
    found: dict[str, Any] = {}
    given = ui.figure_menu

    def watched(name: str, data: Any, figures: Any = (), **named: Any) -> None:
        found[name] = figures
        given(name, data, figures, **named)

    monkeypatch.setattr(ui, "figure_menu", watched)
    return found


@pytest.mark.parametrize(("page", "link", "name", "title"), PLACES, ids=[place[2] for place in PLACES])
def test_each_page_offers_its_picture_as_a_file_that_opens(
    monkeypatch: pytest.MonkeyPatch,
    tiny_folder: Path,
    menus: dict[str, Any],
    page: str,
    link: dict[str, str],
    name: str,
    title: str,
) -> None:
    open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, **link)
    made = menus[name]()
    outline = opened(made, "light")
    assert outline.title.startswith(title.replace("&gt;", ">")) and outline.title
    assert any(len(str(a.get("alt") or a.get("aria-label") or "")) > 15 for _, a in outline.elements)
    assert "<b>mat" not in made  # text stays text


def test_a_model_of_one_head_has_a_picture_of_its_only_head(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_folder, tmp_path / "one")
    save_model(GPTModel(GPTConfig(290, 64, 8, 1, 1, 0.0, True)), tmp_path / "one")
    at = open_page(monkeypatch, tmp_path / "one", "attention", prompt=PROMPT, attention="newest")
    assert component_data(at, "“>” (", "title")[0]["title"].endswith(") in the only head")


def test_no_file_is_made_while_a_page_is_drawn(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    def never(*_: object, **__: object) -> str:
        raise AssertionError("nobody has asked for it")

    for name in ("of_map", "of_heads", "of_chips"):
        monkeypatch.setattr(picture_files, name, never)
    for page, link, _, _ in PLACES:
        open_page(monkeypatch, tiny_folder, page, prompt=PROMPT, **link)


def test_the_menu_gives_out_a_page_or_makes_one_of_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: dict[str, Callable[[], str]] = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, *_, **__: offered.update({label: data}))
    figure = charts.strip(np.arange(4.0), row_names=("x",), title="Four numbers")
    figure_menu._items("a", pd.DataFrame(), lambda: "<!doctype html>mine", "", None)
    assert offered["Figure as a page (HTML)"]() == "<!doctype html>mine"
    figure_menu._items("b", pd.DataFrame(), lambda: figure, "", None)
    outline = opened(offered["Figure as a page (HTML)"](), "light")
    assert outline.title == "Four numbers" and outline.all("div")[0]["aria-label"] == figure.layout["meta"]["alt"]


def test_the_file_of_a_map_has_the_values_of_the_map(tiny_model: LanguageModel) -> None:
    ids = tiny_model.tokenizer.encode("the cat sat")
    values = views.map_rows(tiny_model.trace(ids), AttentionMap(1, 2))
    tokens = [tiny_model.tokenizer.text_of(i) for i in ids]
    page = picture_files.of_map(prepare(values, row_tokens=tokens, col_tokens=tokens, title="A map"), "dark")
    opened(page, "dark")
    query, key = divmod(int(np.nanargmax(values)), len(ids))
    said = [f"{tokens[query]} ({query})", f"{tokens[key]} ({key})", percent(float(values[query, key]))]
    assert ",".join(f'"{part}"' for part in said) in re.sub(r'",\s+"', '","', page)
    assert page.count("Plotly.newPlot(") == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scale", ["probability", "attention", "signed"])
def test_the_file_of_a_long_map_has_a_pixel_of_the_right_colour_a_cell(mode: theme.Mode, scale: Any) -> None:
    n = 300
    values = np.where(np.tri(n) > 0, np.linspace(-1 if scale == "signed" else 0, 1, n * n).reshape(n, n), np.nan)
    tokens = [f"<{i}>" for i in range(n)]
    page = picture_files.of_map(prepare(values, row_tokens=tokens, col_tokens=tokens, title="Long", scale=scale), mode)
    (image,) = opened(page, mode).all("img")
    assert "Heat map: Long. 300 rows" in str(image["alt"]) and "&lt;0&gt; (0) to &lt;299&gt; (299)" in page
    drawn, stops = pixels(image["src"]), theme.colour_scale(scale, mode)
    assert drawn.shape == (n, n, 3)
    assert drawn[0, n - 1].tolist() == rgb(theme.SURFACES[mode]["card"])  # what comes later
    assert drawn[n - 1, n - 1].tolist() == rgb(stops[-1][1]) and drawn[0, 0].tolist() == rgb(stops[0][1])
    row = int(
        np.abs(np.diag(values) - 0.25).argmin()
    )  # a quarter: half way along both scales of probability, 5/8 of the signed one
    at = 6.25 if scale == "signed" else 5.0
    low, high = rgb(stops[int(at)][1]), rgb(stops[min(int(at) + 1, 10)][1])
    expected = [a + (at - int(at)) * (b - a) for a, b in zip(low, high, strict=True)]
    assert np.abs(drawn[row, row] - np.array(expected)).max() <= 6


def test_the_file_of_all_heads_has_each_heads_map_and_what_is_said_of_it() -> None:
    weights = np.where(np.tri(4) > 0, np.tri(4) / np.arange(1, 5)[:, None], np.nan)
    maps = np.full((2, 3, 4, 4), LEFT_OUT, np.uint8)
    maps[0] = levels(weights)
    entropy = np.full((2, 3), np.nan)
    entropy[0] = [0.5, 1.25, 2.0]
    ones = np.ones((2, 3), int)
    summary = HeadSummary(entropy, 3 * ones, ones, 0.25 * ones)
    images = opened(picture_files.of_heads(maps, summary, ["a", "<b>", "c", "d"], "All 6 heads", "light"), "light").all("img")
    assert len(images) == 6 and images[1]["alt"] == images[1]["title"]
    assert images[1]["title"] == "layer 0, head 1: mean entropy 1.25 bits; strongest: d (3) attends to <b> (1), 25.0 %"
    assert images[5]["title"] == "layer 1, head 2: not computed yet"
    card = rgb(theme.SURFACES["light"]["card"])
    drawn = pixels(images[0]["src"])
    assert drawn.shape == (4, 4, 3) and drawn[0, 0].tolist() == rgb(theme.ATTENTION["light"][-1])  # 100 %
    assert np.array_equal((drawn == card).all(-1), np.tri(4) == 0)
    assert (pixels(images[5]["src"]) == card).all()


@pytest.mark.parametrize("mode", MODES)
def test_the_file_of_a_text_has_every_chip_with_what_is_said_of_it(mode: theme.Mode) -> None:
    chips = [
        TextChip("<i>", 0, (("token ", "<i>"), ("3.5 bits",)), note="17", shade=0.0),
        TextChip('"a"', 0, (("2 bits",),), shade=1.0),
        TextChip("z", 1, (("chosen",),), kind="chosen"),
    ]
    page = picture_files.of_chips(chips, "A text", mode, ("0 bits", "8 bits"))
    outline = opened(page, mode)
    spans = outline.all("span")
    assert [span["title"] for span in spans] == ["token <i>\n3.5 bits", "2 bits", "chosen"]
    assert len(outline.all("li")) == 2 and len(outline.all("i")) == 1  # two groups; the only <i> is the legend's
    assert "&lt;i&gt;<small>17</small>" in page and "&quot;a&quot;" in page and "8 bits" in page
    full = theme.blend(theme.colour("tokens", mode), theme.SURFACES[mode]["paper"], picture_files.DEEPEST)
    seen = np.array(rgb(str(spans[1]["style"]).removeprefix("background: ")))
    assert np.abs(seen - np.array(rgb(full))).max() <= 6 and spans[0]["style"] != spans[1]["style"]
