"""Printed tables in a real browser: those that are small enough show all their columns, also on a phone."""

import pytest

from tests.browser.visit import at_rest, settled

FULL = "Once upon a time there was a little girl who had a red cap and a very old grandmother. " * 10


def hidden_beyond_the_edge(page):
    """Pixels of each table that one would have to scroll to."""
    at_rest(page)
    return page.locator(".table-box").evaluate_all("(boxes) => boxes.map((box) => box.scrollWidth - box.clientWidth)")


@pytest.mark.parametrize("address", [
    "/kv_cache?kv_cache=work&prompt=a", f"/kv_cache?kv_cache=work&prompt={FULL}",
    "/scale?scale=memory&apart=gpt3&batch=64", "/parameters?preset=124m",
    "/parameters?preset=gpt2", "/parameters?parameters=memory&preset=gpt2&open=maths", "/parameters?parameters=configuration&preset=124m",
])  # fmt: skip
def test_a_small_table_fits_a_phone(visit, address):
    page = visit(address, width=390, touch=True)
    page.locator(".table-box").first.wait_for()
    assert set(hidden_beyond_the_edge(page)) == {0}


@pytest.mark.parametrize("width", [1440, 390])
def test_the_texts_written_both_ways_are_in_view_as_a_whole(visit, width):
    page = visit("/kv_cache?kv_cache=measured", width=width)
    with settled(page):
        page.get_by_role("button", name="Measure on this machine").click()
    page.locator(".table-box").wait_for()
    assert hidden_beyond_the_edge(page) == [0]
