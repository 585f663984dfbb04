"""The checks of visit.py see what they are there to see."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.visit import assert_silent, listen, no_error_box, no_horizontal_scroll


@pytest.mark.parametrize(
    ("event", "script"),
    [
        ("console", "console.error('broken')"),
        ("console", "console.warn('odd')"),
        ("pageerror", "setTimeout(() => { throw new Error('late') })"),
    ],
)
def test_a_page_that_complains_is_not_silent(browser: Browser, event: str, script: str) -> None:
    page = browser.new_page()
    listen(page)
    assert_silent(page)
    with page.expect_event(event):
        page.evaluate(f"() => {{ {script} }}")
    with pytest.raises(AssertionError, match=r"broken|odd|late"):
        assert_silent(page)
    page.close()


@pytest.mark.parametrize("box", ["html", "section"])
def test_a_page_wider_than_its_window_is_noticed(browser: Browser, box: str) -> None:
    page = browser.new_page()
    overflow = "auto" if box == "section" else "visible"
    page.set_content(f'<section data-testid="stMain" style="overflow: {overflow}"><p id="line">line</p></section>')
    no_horizontal_scroll(page)
    page.evaluate("document.querySelector('#line').style.width = '5000px'")
    with pytest.raises(AssertionError, match="px wide in"):
        no_horizontal_scroll(page)
    page.close()


def test_a_box_with_an_exception_is_noticed(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<p>All is well.</p>")
    no_error_box(page)
    page.set_content('<div data-testid="stException">ValueError</div>')
    with pytest.raises(AssertionError, match="ValueError"):
        no_error_box(page)
    page.close()
