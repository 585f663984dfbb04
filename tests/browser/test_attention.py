"""The attention page in a real browser: overview, map and text together, and the link that restores them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import gptcore
from app.charts.labels import percent
from gptcore.trace import Trace
from tests.browser.visit import Visit, assert_silent, no_error_box, settled

LINK = "/attention?prompt=Once+upon+a+time&layer=3&head=5"


@pytest.fixture(scope="module")
def trace() -> Trace:
    model = gptcore.load("storyteller")
    return model.trace(model.tokenizer.encode("Once upon a time"))


def large(page: Page) -> Locator:
    """The map of the head in focus."""
    return page.locator("section.view.map").first


def test_a_link_opens_the_head_and_the_text_says_what_a_token_reads(visit: Visit, trace: Trace) -> None:
    page = visit(LINK)
    view = large(page)
    expect(view.locator("h4")).to_have_text("Layer 3, head 5: attention weights")
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
    expect(large(page).locator("h4")).to_have_text("Layer 7, head 2: attention weights")
    page.wait_for_url(re.compile(r"layer=7&head=2"))
    weights = trace.attention(7, (3,), (2,)).pattern[0, 0]
    page.mouse.move(2, 2)
    expect(large(page).locator(".readout")).to_contain_text(percent(weights.max()))
    page.reload()
    expect(large(page).locator("h4")).to_have_text("Layer 7, head 2: attention weights", timeout=30_000)


def test_a_click_on_a_row_makes_its_token_the_query_of_the_formula(visit: Visit) -> None:
    page = visit(LINK)
    view = large(page)
    with settled(page):
        view.locator(".token").nth(1).click()
    expect(page.get_by_role("heading", name="The formula, for the query at position 1")).to_be_visible()
    page.wait_for_url(re.compile(r"position=1"))
