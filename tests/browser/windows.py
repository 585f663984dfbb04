"""Chromium's windows, used again and again: most of what a new one costs is Streamlit's megabytes of scripts, read and compiled anew.

One profile keeps them compiled, and a window that goes on to the next test keeps its process. What a visitor leaves behind in it (the
page, the pointer, what a page stores) goes between two tests. The components' own pages are gone through within one visit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Error, Page, Playwright, ViewportSize

from tests.browser.visit import listen

ARGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_FORGET = "() => { localStorage.clear(); sessionStorage.clear(); performance.clearMarks(); performance.clearMeasures(); }"
# As the browser's Back does it: Streamlit draws the page that the address names, and nothing is loaded anew.
_GO_ON = "(url) => { history.pushState({}, '', url); dispatchEvent(new PopStateEvent('popstate')); }"


class Windows:
    """Windows with a mouse, and windows that can be touched, each kind of a browser of its own that starts when one is asked for."""

    def __init__(self, playwright: Playwright, executable: str, folder: Path) -> None:
        self._launch: Callable[[bool], BrowserContext] = lambda touch: playwright.chromium.launch_persistent_context(
            folder / ("touch" if touch else "mouse"),
            executable_path=executable,
            args=ARGS,
            has_touch=touch,
            permissions=["clipboard-read", "clipboard-write"],
        )
        self._profiles: dict[bool, BrowserContext] = {}
        self._free: dict[bool, list[Page]] = {False: [], True: []}
        self._lent: dict[Page, bool] = {}
        self._home: dict[Page, str] = {}  # where a window stands that goes on within one visit
        self._visits = 0
        self._looks: dict[Page, tuple[bool, bool]] = {}

    def open(
        self,
        width: int = 1280,
        height: int = 900,
        *,
        dark: bool = False,
        touch: bool = False,
        reduced_motion: bool = False,
        at_home: bool = False,
    ) -> Page:
        """A window that is listened to: empty, or with at_home for `go_on`."""
        if touch not in self._profiles:
            self._profiles[touch] = self._launch(touch)
            self._free[touch] = list(self._profiles[touch].pages)
        page = self._free[touch].pop() if self._free[touch] else self._profiles[touch].new_page()
        self._lent[page] = touch
        # Other colours are a run of the script more.
        if page in self._home and not (at_home and self._looks[page] == (dark, reduced_motion)):
            del self._home[page]
            page.goto("about:blank")
        self._looks[page] = dark, reduced_motion
        page.set_viewport_size(ViewportSize(width=width, height=height))
        page.emulate_media(
            color_scheme="dark" if dark else "light", reduced_motion="reduce" if reduced_motion else "no-preference"
        )
        listen(page)
        return page

    def go_on(self, page: Page, home: str, address: str) -> None:
        """Show, to a new visitor, what lies at an address under `home`, where the first page shows none of the others."""
        self._visits += 1
        url = f"{home}{address}&visit={self._visits}"
        if self._home.get(page) == home:
            page.evaluate(_GO_ON, url)
        else:
            page.goto(url, wait_until="domcontentloaded")
        self._home[page] = home

    def _go_home(self, page: Page) -> bool:
        home = self._home.get(page)
        if home is None or not page.url.startswith(home):
            return False
        page.evaluate(_GO_ON, f"{home}/")
        page.get_by_text("Nothing is tested here.").wait_for(timeout=5_000)
        page.wait_for_selector('[data-testid="stBidiComponentIsolated"]', state="detached", timeout=5_000)
        return True

    def take_back(self) -> None:
        """Of the windows that are lent one of each kind, empty again; what does not answer any more, and all others, are closed: of two
        windows that showed the same site, Chromium draws one once a second only."""
        for page, touch in self._lent.items():
            try:
                page.unroute_all()
                if page.url.startswith("http"):
                    page.evaluate(_FORGET)
                if self._free[touch]:
                    continue
                page.mouse.move(-1, -1)
                if not self._go_home(page):
                    self._home.pop(page, None)
                    page.goto("about:blank")
                self._free[touch].append(page)
            except Error:
                self._home.pop(page, None)
                page.close()
        self._lent.clear()
        for touch, profile in self._profiles.items():
            profile.clear_cookies()
            for other in profile.pages:
                if other not in self._free[touch]:
                    other.close()

    def close(self) -> None:
        for profile in self._profiles.values():
            profile.close()
