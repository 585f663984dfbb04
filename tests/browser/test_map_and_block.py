"""What the map's boxes and the block's strips do when they are clicked and pointed at."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import Visit, assert_silent, settled, wait_ready

PROMPT = "Once upon a time"


def test_a_box_of_the_map_opens_its_page_and_keeps_the_session(visit: Visit) -> None:
    page = visit(f"/map?prompt={PROMPT}&layer=3&position=1", width=1440)
    box = page.locator("svg.wide a[data-page=feed_forward]")
    expect(box).to_have_attribute("href", re.compile(r"^feed_forward\?.*layer=3.*position=1"))
    page.evaluate("window.sameVisit = true")
    with settled(page):
        box.click()
    expect(page).to_have_url(re.compile(r"/feed_forward\?.*layer=3"))
    expect(page.locator("h1")).not_to_have_text("What does the whole model look like?")
    assert page.evaluate("window.sameVisit") is True  # no new document: the session goes on
    assert_silent(page)


@pytest.mark.parametrize(
    ("box", "address", "shown"),
    [
        ("ln_1", r"/layer_norm\?", "Layer 3, before attention, token"),
        ("ln_2", r"/layer_norm\?.*site=ln_2", "Layer 3, before feed-forward, token"),
        ("final_norm", r"/layer_norm\?.*site=final", "After the last block, token"),
        ("token_embedding", r"/embeddings\?.*embeddings=similar", "The rows most like that of"),
        ("position_embedding", r"/embeddings\?.*embeddings=positions", "Position 1 and every position"),
    ],
)
def test_a_box_opens_what_it_stands_for_wherever_the_visitor_was_on_that_page(
    visit: Visit, box: str, address: str, shown: str
) -> None:
    was = "layer_norm=classroom&site=ln_2" if box != "ln_2" else "layer_norm=classroom"
    page = visit(f"/map?prompt={PROMPT}&layer=3&position=1&embeddings=plane&{was}", width=1440)
    link = page.locator(f"svg.wide a[data-box={box}]")
    href = link.get_attribute("href")
    said = page.get_by_test_id("stMain")
    for go in (link.click, lambda: page.goto(urljoin(page.url, f"/{href}"))):  # within the visit, and by its address in a new one
        with settled(page):
            go()
        expect(page).to_have_url(re.compile(address))
        expect(page).to_have_url(re.compile(r"prompt=Once(\+|%20)upon.*layer=3.*position=1"))
        expect(said.get_by_text(shown).or_(said.locator(f"figure[aria-label*='{shown}']")).first).to_be_visible()
    assert_silent(page)


def test_a_phone_gets_the_narrow_drawing_and_a_wide_window_the_wide_one(visit: Visit) -> None:
    page = visit("/map", width=1440)
    expect(page.locator("svg.wide")).to_be_visible()
    expect(page.locator("svg.narrow")).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("svg.narrow")).to_be_visible()
    expect(page.locator("svg.wide")).to_be_hidden()


def read_out(page: Page) -> list[float]:
    """The value of the dimension in view at each of the eight stations."""
    wanted = page.locator(".path").first.locator(".read")
    expect(wanted).to_have_count(8)
    texts = wanted.evaluate_all("cells => cells.map((cell) => cell.lastChild.textContent)")
    return [float(text.replace("\N{MINUS SIGN}", "-")) for text in texts]


def test_pointing_at_a_strip_reads_one_dimension_out_at_every_station_and_the_sums_hold(visit: Visit) -> None:
    page = visit(f"/block?prompt={PROMPT}&layer=5", width=1440)
    path = page.locator(".path").first
    first = read_out(page)
    strip = path.locator(".strip").nth(2)
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    assert box is not None
    strip.hover(position={"x": box["width"] * (37.5 / 288), "y": 10})
    expect(path.locator(".head span").last).to_have_text("dimension 37")
    pre, _, attention, middle, _, feed_forward, summed, post = read_out(page)
    assert [pre, attention, post] != [first[0], first[2], first[7]]
    precision = 0.006 * max(map(abs, (pre, attention, middle, feed_forward, post)))
    assert abs(pre + attention - middle) <= precision and abs(middle + feed_forward - post) <= precision
    assert summed == post
    strip.focus()
    page.keyboard.press("ArrowRight")
    expect(path.locator(".head span").last).to_have_text("dimension 38")
    assert_silent(page)


def test_a_station_opens_its_page(visit: Visit) -> None:
    page = visit(f"/block?prompt={PROMPT}&layer=5", width=1440)
    with settled(page):
        page.locator(".path").first.get_by_role("button", name="Feed-forward").click()
    wait_ready(page)
    expect(page).to_have_url(re.compile(r"/feed_forward\?.*layer=5"))


def test_the_dropout_switch_zeroes_values_and_goes_into_the_link(visit: Visit) -> None:
    page = visit(f"/block?prompt={PROMPT}&layer=5&block=dropout", width=1440)
    zeroed = page.locator(".path .figure:not(.read)")
    expect(zeroed.first).to_contain_text("0 of 288")
    page.get_by_text("Show what training would have zeroed").click()
    expect(page).to_have_url(re.compile("dropout=1"))
    expect(zeroed.first).to_contain_text(re.compile(r"[1-9]\d* of 288"))
    strip = page.locator(".path .strip").first
    strip.focus()
    for _ in range(192):  # some dimension is zeroed, and says so
        if page.locator(".path .read").first.inner_text().endswith("zeroed"):
            break
        page.keyboard.press("ArrowRight")
    else:
        raise AssertionError("No dimension of the embeddings is called zeroed.")
    assert_silent(page)
