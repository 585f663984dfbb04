"""The address says what is looked at: while it changes, when one goes back, and when the server has forgotten everything."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from tests.browser.server import free_port, running_app
from tests.browser.visit import Visit, settled, wait_ready

PROMPT = "The king and the cat"


def said(page: Page, name: str) -> str:
    """What the address says of a parameter."""
    return parse_qs(urlsplit(page.url).query).get(name, [""])[0]


def chosen(page: Page) -> int:
    return len([each for each in said(page, "chosen").split(".") if each])


@pytest.mark.parametrize("first", ["the next token", "another chapter"])
def test_a_server_that_starts_anew_gives_back_what_the_address_says_whatever_is_clicked_first(
    tmp_path: Path, visit: Visit, first: str
) -> None:
    port = free_port()
    with running_app(tmp_path / "first.txt", port=port) as app:
        page = visit(f"/?prompt={PROMPT.replace(' ', '+')}&seed=3", app=app)
        for n in (1, 2):
            with settled(page):
                page.get_by_role("button", name="Next token", exact=True).click()
            assert chosen(page) == n
    with running_app(tmp_path / "second.txt", port=port):
        wait_ready(page, timeout=60)
        page.wait_for_function("() => !document.documentElement.classList.contains('glass-away')")  # the page is drawn again
        with settled(page):
            if first == "the next token":
                page.get_by_role("button", name="Next token", exact=True).click()
            else:
                page.locator("header nav").get_by_role("link", name="Shortcuts").first.click()  # which lends no text
        if first == "another chapter":
            page.wait_for_url(re.compile(r"/shortcuts\?"))
        assert (said(page, "prompt"), said(page, "seed")) == (PROMPT, "3")
        assert chosen(page) == (3 if first == "the next token" else 2)


def test_the_address_follows_a_run_within_a_second_or_so(visit: Visit) -> None:
    page = visit("/?write=choice")
    page.get_by_role("button", name="Run 50").click()
    progress = page.get_by_text(re.compile(r"^\d+ of 50 tokens$"))
    expect(progress).to_be_visible()
    page.wait_for_function("() => (new URLSearchParams(location.search).get('chosen') ?? '').split('.').length >= 8")
    done = int(progress.inner_text().split()[0])
    assert done < 50 and chosen(page) >= done - 7  # five tokens a second
    with settled(page):
        page.get_by_role("button", name="Stop").click()


def test_going_back_undoes_what_changed_the_address_within_a_page(visit: Visit) -> None:
    page = visit(f"/?prompt={PROMPT.replace(' ', '+')}")
    for n in (1, 2):
        with settled(page):
            page.get_by_role("button", name="Next token", exact=True).click()
        assert chosen(page) == n
    with settled(page):
        page.go_back()
    assert chosen(page) == 1
    with settled(page):
        page.get_by_role("button", name="Next token", exact=True).click()
    assert chosen(page) == 2  # one more than what was gone back to


def test_a_text_too_long_for_a_link_stays_on_the_page_which_says_so_and_its_address_opens(visit: Visit) -> None:
    page = visit("/?seed=7")
    page.get_by_role("button", name="Edit text").click()
    field = page.get_by_role("textbox", name="Prompt")
    field.fill("日本語" * 3000)
    with settled(page):
        field.press("Control+Enter")
    expect(page.get_by_text("This view has no link")).to_be_visible()
    assert len(page.url) < 8_000 and said(page, "prompt") == "" and said(page, "seed") == "7"
    expect(field).to_have_value("日本語" * 3000)
    again = visit(page.url[page.url.index("/", 8) :])
    expect(again.get_by_role("button", name="Next token", exact=True)).to_be_enabled()


def test_a_mark_that_is_typed_is_in_the_address_at_once_and_nothing_that_is_typed_after_it_is_lost(visit: Visit) -> None:
    page = visit("/layer_norm?layer_norm=classroom")
    canvas = page.get_by_test_id("stDataFrame").locator("canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()
    assert box

    def type_mark(row: int, mark: str) -> None:
        """Until the table takes it: it is a canvas, and nothing says when it listens."""
        for _ in range(10):
            page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + 52 + 35 * row)
            page.keyboard.type(mark, delay=60)  # the first key opens the cell
            page.keyboard.press("Enter")
            with suppress(TimeoutError):
                page.wait_for_function("(mark) => location.search.split(/[_=&]/).includes(mark)", arg=mark, timeout=3000)
                return
        raise AssertionError(f"{mark} did not reach the address.")

    type_mark(0, "97")
    type_mark(1, "13")
    again = visit(page.url[page.url.index("/", 8) :])
    assert said(again, "marks") == said(page, "marks") and said(page, "marks").startswith("97_71_55_80_13_")
