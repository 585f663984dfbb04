"""The components' modules in a page of their own, without the app."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

from tests.browser.server import ROOT
from tests.browser.visit import Window

COMPONENTS = ROOT / "app" / "components"
_ADDRESS = "http://components.test/"


def _serve(route: Route) -> None:
    path = COMPONENTS / urlsplit(route.request.url).path.lstrip("/")
    if path.is_file():
        route.fulfill(path=path, content_type="text/javascript")
    else:
        route.fulfill(body="<!DOCTYPE html>", content_type="text/html")


def page_with(window: Window, *modules: str) -> Page:
    """An empty page in which what these modules export (paths below app/components) can be named without more."""
    page = window()
    page.route(f"{_ADDRESS}**", _serve)
    page.goto(_ADDRESS)
    page.evaluate(
        "(paths) => Promise.all(paths.map((path) => import(path))).then((found) => { Object.assign(globalThis, ...found) })",
        [f"/{module}" for module in modules],
    )
    return page
