"""The running app and a real browser, once for all browser tests.

Fixtures: `server` (the app, started as a user starts it), `components` (some of its components alone), `browser` (Chromium), `window`
(an empty one, of a new visitor), `visit` (a page of the app in such a window). What to do with an open page stands in visit.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.figure_visitor import Visitor as FigureVisitor
from tests.browser.map_visitor import Visitor as MapVisitor
from tests.browser.server import Server, running_app
from tests.browser.visit import Visit, Window, at_rest
from tests.browser.windows import Windows

BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HOW_TO = "There is no Chromium on the PATH: install one (Debian: apt-get install chromium), or name it in GLASS_BROWSER."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that needs the browser is marked so: -m "not browser" leaves them all out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_app(tmp_path_factory.mktemp("server") / "log.txt") as app:
        yield app


@pytest.fixture(scope="session")
def components(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Components by themselves, each on a page of its own (components_app.py)."""
    with running_app(tmp_path_factory.mktemp("components") / "log.txt", script="tests/browser/components_app.py") as app:
        yield app


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """Chromium. Without one the tests are skipped, but in CI they fail."""
    path = os.environ.get("GLASS_BROWSER") or next(filter(None, map(shutil.which, BROWSER_NAMES)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO)
        pytest.skip(HOW_TO)
    with sync_playwright() as playwright:
        windows = Windows(playwright, path, tmp_path_factory.mktemp("browser"))
        yield windows
        windows.close()


@pytest.fixture
def window(browser: Windows) -> Iterator[Window]:
    """window(width=1280, height=900, dark=False, touch=False, reduced_motion=False) -> an empty page of a new visitor, listened to."""
    yield browser.open
    browser.take_back()


@pytest.fixture
def visit(window: Window, server: Server) -> Visit:
    """visit(path="/", wait=True, app=server, and what `window` takes) -> a page of the app.

    Each visit is a new visitor with a window of its own. It returns when the page is at rest, with wait=False at once.
    """

    def open_page(path: str = "/", *, wait: bool = True, app: Server = server, **options: Any) -> Page:
        page = window(**options)
        page.goto(app.url + path, wait_until="domcontentloaded")
        if wait:
            at_rest(page)
        return page

    return open_page


@pytest.fixture
def bench(browser: Windows, window: Window, components: Server) -> Visit:
    """bench(path, query parameters, and what `window` takes) -> a component's own page, at once."""

    def open_page(path: str, query: Mapping[str, object], **options: Any) -> Page:
        page = window(**options, at_home=True)
        browser.go_on(page, components.url, f"/{path}?{urlencode(query)}")
        return page

    return open_page


@pytest.fixture
def open_map(bench: Visit) -> Callable[..., MapVisitor]:
    """open_map(width=1280, height=1100, dark=False, **query parameters) -> a Visitor, when the map is drawn."""

    def opened(width: int = 1280, height: int = 1100, dark: bool = False, **query: object) -> MapVisitor:
        page = bench("map_canvas", query, width=width, height=height, dark=dark)
        visitor = MapVisitor(page)
        name = "glass-overview" if query.get("view") == "overview" else "glass-map"
        page.wait_for_function("name => performance.getEntriesByName(name).length", arg=name, timeout=30_000)
        at_rest(page)
        return visitor

    return opened


@pytest.fixture
def open_figure(bench: Visit) -> Callable[..., FigureVisitor]:
    """open_figure(kind, width=1000, dark=False, touch=False, **query parameters) -> a Visitor, when the figure is drawn."""

    def opened(kind: str, width: int = 1000, dark: bool = False, touch: bool = False, **query: object) -> FigureVisitor:
        page = bench("figure", {"kind": kind, **query}, width=width, dark=dark, touch=touch)
        page.locator("figure.figure text").first.wait_for()
        at_rest(page)
        return FigureVisitor(page)

    return opened
