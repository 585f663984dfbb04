"""The checks of visit.py see what they are there to see."""

from __future__ import annotations

import pytest

from tests.browser.visit import Window, assert_silent, at_rest, no_error_box, no_horizontal_scroll, nothing_jumped


@pytest.mark.parametrize(
    ("event", "script"),
    [
        ("console", "console.error('broken')"),
        ("console", "console.warn('odd')"),
        ("pageerror", "setTimeout(() => { throw new Error('late') })"),
    ],
)
def test_a_page_that_complains_is_not_silent(window: Window, event: str, script: str) -> None:
    page = window()
    assert_silent(page)
    with page.expect_event(event):
        page.evaluate(f"() => {{ {script} }}")
    with pytest.raises(AssertionError, match=r"broken|odd|late"):
        assert_silent(page)


@pytest.mark.parametrize("box", ["html", "section"])
def test_a_page_wider_than_its_window_is_noticed(window: Window, box: str) -> None:
    page = window()
    overflow = "auto" if box == "section" else "visible"
    page.set_content(f'<section data-testid="stMain" style="overflow: {overflow}"><p id="line">line</p></section>')
    no_horizontal_scroll(page)
    page.evaluate("document.querySelector('#line').style.width = '5000px'")
    with pytest.raises(AssertionError, match="px wide in"):
        no_horizontal_scroll(page)


def test_a_box_with_an_exception_is_noticed(window: Window) -> None:
    page = window()
    page.set_content("<p>All is well.</p>")
    no_error_box(page)
    page.set_content('<div data-testid="stException">ValueError</div>')
    with pytest.raises(AssertionError, match="ValueError"):
        no_error_box(page)


def test_a_page_is_not_at_rest_before_its_components_are_drawn(window: Window) -> None:
    page = window()
    state = 'data-test-connection-state="CONNECTED" data-test-script-state="notRunning"'
    page.set_content(f'<div data-testid="stApp" {state}><div data-testid="stBidiComponentIsolated">.</div></div>')
    page.evaluate(
        "document.querySelector('[data-testid=stBidiComponentIsolated]').attachShadow({ mode: 'open' }).innerHTML = '<div>.</div>'"
    )
    with pytest.raises(AssertionError, match="did not come to rest"):
        at_rest(page, 0.5)
    page.evaluate(
        "document.querySelector('[data-testid=stBidiComponentIsolated]').shadowRoot.innerHTML += '<section>drawn</section>'"
    )
    at_rest(page, 5)


def test_what_moves_by_itself_is_counted(window: Window) -> None:
    page = window()
    page.set_content('<div id="late"></div><p style="height: 400px; background: teal">Below.</p>')
    page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))")
    nothing_jumped(page)
    page.evaluate("document.querySelector('#late').style.height = '300px'")
    page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))")
    with pytest.raises(AssertionError, match="layout shift of"):
        nothing_jumped(page)
