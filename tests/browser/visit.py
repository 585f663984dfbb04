"""A visit to the app in a real browser: what a test waits for, and what must never be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from playwright.sync_api import ConsoleMessage, Page

APP = '[data-testid="stApp"]'
# A deep link to any page but the default makes Streamlit look for itself in the wrong folder first.
OWN_404S = re.compile(r"/_stcore/(health|host-config)$")

_COMPLAINTS: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()

# Counts the script runs that have started, so that a test can wait for the one that its click causes.
COUNT_RUNS = """
window.__runs = 0;
new MutationObserver((changes) => {
  for (const change of changes) {
    const state = change.target.getAttribute("data-test-script-state");
    if (state === "running" && change.oldValue !== "running") window.__runs += 1;
  }
}).observe(document, {subtree: true, attributes: true, attributeOldValue: true, attributeFilter: ["data-test-script-state"]});
"""


def listen(page: Page) -> None:
    """Remember every error and warning of the console and every uncaught exception, from now on."""
    complaints = _COMPLAINTS.setdefault(page, [])

    def on_console(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        own_404 = "404" in message.text and OWN_404S.search(url)
        if message.type in {"error", "warning"} and not own_404:
            complaints.append(f"{message.type}: {message.text} ({url})")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))


def assert_silent(page: Page) -> None:
    """The browser's console is empty, but for two 404s that are Streamlit's own."""
    complaints = _COMPLAINTS[page]
    assert not complaints, "The console says:\n" + "\n".join(complaints)


def wait_ready(page: Page, timeout: float = 30) -> None:
    """Wait (seconds) until the page is connected and the script's run is over. For a run that is still to start: `settled`."""
    ready = f'{APP}[data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'
    page.wait_for_selector(ready, state="attached", timeout=timeout * 1000)


@contextmanager
def settled(page: Page, timeout: float = 30) -> Iterator[None]:
    """Do something that makes the script run, and go on when that run is over: `with settled(page): page.click(...)`."""
    before = page.evaluate("window.__runs")
    yield
    page.wait_for_function("before => window.__runs > before", arg=before, timeout=timeout * 1000)
    wait_ready(page, timeout)


def no_error_box(page: Page) -> None:
    """Neither an exception on the page nor Streamlit's box for one that it does not show."""
    boxes = page.locator('[data-testid="stException"], [data-testid="stErrorDialog"]')
    assert boxes.count() == 0, "There is an error on the page:\n" + "\n".join(boxes.all_inner_texts())


def no_horizontal_scroll(page: Page) -> None:
    """Nothing sticks out of the window to the right; what is meant to scroll sideways does so in a box of its own."""
    widths = page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll('[data-testid^="stMain"]')]
            .map((box) => [box.dataset.testid || "the document", box.scrollWidth, box.clientWidth])"""
    )
    too_wide = [f"{name} is {inner} px wide in {outer} px" for name, inner, outer in widths if inner > outer]
    assert not too_wide, "; ".join(too_wide)
