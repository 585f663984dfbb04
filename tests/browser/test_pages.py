"""Every part of every page in a real browser: light and dark, at a desk and on a phone."""

import pytest

from app.navigation import PAGES
from tests.browser.visit import assert_silent, no_broken_words, no_error_box, no_horizontal_scroll, settled

ADDRESSES = {entry.file: "/" if entry is PAGES[0] else f"/{entry.file}" for entry in PAGES}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_page_shows_no_error_does_not_scroll_sideways_and_leaves_the_console_silent(visit, address, width, dark):
    page = visit(
        f"{address}?prompt=Once+upon+a+time+there+was+a+little+girl", width=width, height=900, dark=dark, touch=width < 500
    )
    page.get_by_test_id("stMain").get_by_role("heading", level=1).wait_for()
    look_at(page)
    parts = page.get_by_role("radiogroup", name="Part of this page").get_by_role("radio")
    for i in range(1, parts.count()):
        with settled(page):
            parts.nth(i).click()
        look_at(page)
    assert_silent(page)


def look_at(page):
    page.wait_for_timeout(300)  # figures and components draw after the script's run
    no_error_box(page)
    no_broken_words(page)
    no_horizontal_scroll(page)
