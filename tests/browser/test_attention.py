"""The attention page in a real browser: overview, map and text together, and the link that restores them."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import gptcore
from app.writing.numbers import percent
from gptcore.checkpoints import EMBEDDED, save_model
from gptcore.model import GPTModel
from gptcore.trace import Trace
from tests.browser.server import running_app
from tests.browser.visit import Visit, assert_silent, no_error_box, settled

LINK = "/attention?attention=head&open=maths&prompt=Once+upon+a+time&layer=3&head=5"


@pytest.fixture(scope="module")
def trace() -> Trace:
    model = gptcore.load("storyteller")
    return model.trace(model.tokenizer.encode("Once upon a time"))


def large(page: Page) -> Locator:
    """The map of the head in focus."""
    return page.locator("section.view.map").first


def test_a_link_opens_the_head_and_the_text_says_what_a_token_attends_to(visit: Visit, trace: Trace) -> None:
    page = visit(LINK)
    view = large(page)
    expect(view.locator("h2.heading")).to_have_text("Layer 3, head 5: attention weights")
    for query in (3, 1):
        view.locator(".token").nth(query).hover()
        weights = trace.attention(3, (query,), (5,)).pattern[0, 0]
        best = int(np.argmax(weights))
        expect(view.locator(".readout")).to_contain_text(
            re.compile(rf"\({query}\), largest: .*\({best}\) {percent(weights[best])}")
        )
        assert view.locator("svg.lines path").count() == (weights[: query + 1] >= 0.01).sum()
    no_error_box(page)
    assert_silent(page)


def test_a_click_in_the_overview_brings_a_head_into_focus_here_and_in_the_address(visit: Visit, trace: Trace) -> None:
    page = visit(LINK)
    canvas = page.locator("section.view.overview canvas.maps")
    box = canvas.bounding_box()
    assert box is not None
    with settled(page):
        canvas.click(position={"x": box["width"] * 2.5 / 12, "y": box["height"] * 7.5 / 12})
    expect(large(page).locator("h2.heading")).to_have_text("Layer 7, head 2: attention weights")
    page.wait_for_url(re.compile(r"layer=7&head=2"))
    weights = trace.attention(7, (3,), (2,)).pattern[0, 0]
    page.mouse.move(2, 2)
    expect(large(page).locator(".readout")).to_contain_text(percent(weights.max()))
    page.reload()
    expect(large(page).locator("h2.heading")).to_have_text("Layer 7, head 2: attention weights", timeout=30_000)


def test_a_click_on_a_row_makes_its_token_the_query_of_the_formula(visit: Visit) -> None:
    page = visit(LINK)
    view = large(page)
    with settled(page):
        view.locator(".token").nth(1).click()
    expect(page.get_by_text("Query ␣upon (1) and this key")).to_be_visible()
    page.wait_for_url(re.compile(r"position=1"))


def test_a_click_on_a_cell_puts_its_query_and_key_into_the_formula_and_the_address(visit: Visit, trace: Trace) -> None:
    page = visit(LINK)
    canvas = large(page).locator("canvas.cells")
    left, top, width, height = map(float, (canvas.get_attribute("data-cells") or "").split())
    with settled(page):
        canvas.click(position={"x": left + 1.5 * width, "y": top + 2.5 * height})
    page.wait_for_url(re.compile(r"position=2.*key=1"))
    weight = float(trace.attention(3, (2,), (5,)).pattern[0, 0, 1])
    expect(page.locator(".katex").filter(has_text="a2,1").first).to_contain_text(f"{weight:.3g}")
    with settled(page):
        large(page).locator(".token").nth(3).click()  # a token alone asks for the key with the most weight
    page.wait_for_url(lambda url: "key=" not in url)


# How far the overview said it was. It can say so for less than the time between two looks of a test.
REMEMBER_CAPTIONS = """() => {
    window.captions = new Set();
    new MutationObserver(() => {
        for (const note of document.querySelectorAll('.glass-note'))
            for (const said of note.textContent.match(/\\d+ of \\d+ layers are computed/g) ?? []) captions.add(said);
    }).observe(document, { subtree: true, childList: true, characterData: true });
}"""


def test_all_heads_of_a_long_text_fill_up_while_the_large_map_is_there(visit: Visit, tmp_path: Path) -> None:
    folder = tmp_path / "long-context"
    config = replace(gptcore.load("storyteller").config, context_length=1024, n_layers=6, n_heads=12)
    save_model(GPTModel(config), folder)
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(EMBEDDED / name, folder)
    query = urlencode({"model": str(folder), "prompt": " ".join(["the"] * 1024), "attention": "head"})
    with running_app(tmp_path / "log.txt", GLASS_MODELS=str(folder)) as app:
        page = visit(f"/attention?{query}", wait=False, app=app)
        page.evaluate(REMEMBER_CAPTIONS)
        expect(large(page).locator("h2.heading")).to_have_text("Layer 0, head 0: attention weights", timeout=60_000)
        thumbnails = page.locator("section.view.overview canvas.maps")
        expect(page.get_by_text("of its weight on the first token")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("layers are computed")).to_have_count(0, timeout=60_000)
        box = thumbnails.bounding_box()
        assert box is not None
        thumbnails.click(position={"x": box["width"] * 4.5 / 12, "y": box["height"] * 0.5 / 6})
        expect(large(page).locator("h2.heading")).to_have_text("Layer 0, head 4: attention weights", timeout=30_000)
        expect(page.get_by_text("of its weight on the first token")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("layers are computed")).to_have_count(0)
        assert page.evaluate("() => [...captions]"), "The overview never said how far it was."
        runs = page.evaluate("() => performance.getEntriesByName('glass-overview').length")
        assert runs >= 2  # drawn with some of its layers, and again with all; how often between depends on the machine
        no_error_box(page)
        assert_silent(page)
