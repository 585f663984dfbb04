"""Every part of every page in a real browser: light and dark, at a desk and on a phone."""

import io

import numpy as np
import pytest
from PIL import Image

from app.shell.navigation import PAGES
from tests.browser.visit import (
    assert_silent,
    at_rest,
    look_at,
    no_cut_formula,
    no_horizontal_scroll,
    no_small_print,
    nothing_jumped,
    settled,
)

ADDRESSES = {entry.file: "/" if entry is PAGES[0] else f"/{entry.file}" for entry in PAGES}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_page_shows_no_error_does_not_scroll_sideways_and_leaves_the_console_silent(visit, address, dark):
    """The light one is opened at a desk and the dark one on a phone; each is looked at in the other's width too. The other parts are
    looked at in the dark; in the light, on one walk through all of them (test_accessible.py)."""
    own, other = (390, 1440) if dark else (1440, 390)
    page = visit(f"{address}?prompt=Once+upon+a+time+there+was+a+little+girl", width=own, height=900, dark=dark, touch=own < 500)
    page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
    nothing_jumped(page)
    parts = page.get_by_role("radiogroup", name="Part of this page").get_by_role("radio")
    for i in range(max(1, parts.count()) if dark else 1):
        if i:
            with settled(page):
                parts.nth(i).click()
        for width in (own, other) if i % 2 == 0 else (other, own):
            page.set_viewport_size({"width": width, "height": 900})
            look_at(page)
    if not dark:
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.evaluate("document.documentElement.classList.add('glass-lecture')")  # as the key L does, without a run of the script
        at_rest(page)
        no_small_print(page, 20)
        no_horizontal_scroll(page)
        # Plotly is in no hurry to take another width.
        page.wait_for_function(
            "() => [...document.querySelectorAll('.main-svg')].every((each) => each.getBoundingClientRect().right <= innerWidth)"
        )
    assert_silent(page)


@pytest.mark.parametrize(
    "beat", ["write=steps", "tokens=other", "layer_norm=classroom", "sampling=settings", "learning=recorded", "learning=live"]
)
def test_what_comes_late_moves_nothing(visit, beat):
    """Editors and tables that Streamlit draws, panels that wait for the logits, runs of a training: each with something below it."""
    page = visit(f"/{beat.split('=')[0].replace('write', '')}?{beat}&prompt=Once+upon+a+time", width=390, height=900, touch=True)
    nothing_jumped(page)
    # What sees to that costs at every change of the page, so it goes when all has come.
    page.wait_for_function("() => document.querySelector('link[href$=\"shared/coming.css\"]').sheet.disabled")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_table_that_goes_on_beyond_an_edge_is_shaded_there_and_nowhere_else(visit, dark):
    page = visit("/sampling?sampling=draws", width=320, height=900, dark=dark, touch=True)
    box = page.locator(".table-box").first
    assert box.evaluate("(box) => box.scrollWidth > box.clientWidth")

    def edges():
        """How far the left and the right edge of the box stand out from the paper, in levels of 255."""
        at_rest(page)
        picture = np.asarray(Image.open(io.BytesIO(box.screenshot())).convert("L")).astype(int)
        paper = np.median(picture)
        return [abs(np.median(picture[:, columns]) - paper) for columns in (slice(0, 2), slice(-2, None))]

    left, right = edges()
    assert left <= 1 and right > 15
    box.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    left, right = edges()
    assert left > 15 and right <= 1


# Numbers that need many digits, or a power of ten, on the Storyteller.
STORY = "prompt=Once+upon+a+time+there+was+a+little+girl+who+lived+in+the+wood+with+her+mother+and+father%2C+and+one+day+she+said"
LONG_NUMBERS = [
    f"/feed_forward?{STORY}&layer=4&position=20",
    f"/feed_forward?{STORY}&layer=1&position=4",
    "/feed_forward?feed_forward=functions&functions_x=-3.95&swiglu_input=-1.234",
    "/feed_forward?feed_forward=functions&functions_x=-2.3456&swiglu_input=0.5",
    "/shortcuts?gradient_depth=64&gradient_width=1&gradient_bend=sigmoid&gradient_seed=2",
    f"/block?{STORY}&layer=4&position=20",
    f"/block?{STORY}&block=dropout&dropout=1&drop_rate=0.35",
]


@pytest.mark.parametrize("address", LONG_NUMBERS)
def test_a_formula_with_long_numbers_fits_the_phone(visit, address):
    page = visit(f"{address}{'&' if '?' in address else '?'}open=maths.checks", width=390, height=900, touch=True)
    page.locator(".katex-html").first.wait_for()
    at_rest(page)
    no_cut_formula(page)


@pytest.mark.parametrize("layer", [1, 9, 11])
def test_the_table_of_neurons_fits_the_phone_with_all_its_numbers(visit, layer):
    page = visit(f"/feed_forward?{STORY}&feed_forward=neurons&layer={layer}&position=1", width=390, height=900, touch=True)
    box = page.locator(".table-box")
    box.wait_for()
    assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert page.locator("table.glass tbody tr").first.inner_text().count("length") == 1
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.locator("table.glass td.number").first.is_visible() and not page.locator("table.glass .narrow").first.is_visible()
