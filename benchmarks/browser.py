"""Latencies in a real browser, with the embedded model: start, step, rewind, drag, and every page.

A latency is counted inside the page: from the event to the second frame after the change that it makes in the document.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.navigation import PAGES, PAGES_FOLDER
from benchmarks.table import Row, markdown
from tests.browser.server import Server, running_app
from tests.browser.visit import listen, settled, wait_ready

REPEATS = 9
PANEL = '[aria-label="The choice of the next token"]'


@contextmanager
def _browser() -> Iterator[Browser]:
    path = os.environ.get("GLASS_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("The browser latencies need Chromium: apt-get install chromium, or name one in GLASS_BROWSER.")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )


def _open(browser: Browser, server: Server, path: str = "/") -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    listen(page)
    page.goto(server.url + path, wait_until="domcontentloaded")
    wait_ready(page, 60)
    return page


def _median_ms(action: Callable[[], float]) -> float:
    action()  # once to warm up
    return statistics.median(action() for _ in range(REPEATS))


def _click_to_change(page: Page, click: Callable[[], object], expression: str) -> float:
    """Milliseconds from a click to the frame in which `expression` (JavaScript, a string) has another value."""
    page.evaluate(
        """(expression) => { const read = () => eval(expression); const before = read();
        window.benchmark = new Promise((done) => { addEventListener("pointerdown", () => { const start = performance.now();
          const look = () => read() === before ? requestAnimationFrame(look)
            : requestAnimationFrame(() => done(performance.now() - start)); look(); }, { once: true, capture: true }); }); }""",
        expression,
    )
    with settled(page):
        click()
    return float(page.evaluate("() => window.benchmark"))


def _start(log_path: Path) -> tuple[float, float]:
    """(seconds from the command to something to look at, to the first chart), disk warm."""
    with _browser() as browser:
        started = time.perf_counter()
        with running_app(log_path) as server:
            page = browser.new_page()
            page.goto(server.url, wait_until="commit")
            page.wait_for_function(
                "() => document.body && document.body.innerText.trim().length > 0 || document.querySelector('[data-testid]')"
            )
            first_look = time.perf_counter() - started
            page.locator(PANEL).first.wait_for(timeout=60_000)
            return first_look, time.perf_counter() - started


def _main_page(browser: Browser, server: Server) -> list[Row]:
    page = _open(browser, server)
    page.locator(PANEL).first.wait_for()
    main = page.get_by_test_id("stMain")
    text = _deep_text("[...root.querySelectorAll('.chip')].map((c) => c.className + c.textContent).join('|')")
    step = _median_ms(lambda: _click_to_change(page, main.get_by_role("button", name="Step", exact=True).click, text))
    back = _median_ms(lambda: _click_to_change(page, main.get_by_role("button", name="Back", exact=True).click, text))
    drag = _drag(page)
    return [
        Row("Step: click to the new picture", f"{step:.0f} ms", "", step, " ms", 150),
        Row("Back: click to the new picture", f"{back:.0f} ms", "", back, " ms", 150),
        Row("temperature drag to changed bars, 4,096 tokens", f"{drag:.1f} ms", "", drag, " ms", 16),
    ]


def _deep_text(expression: str) -> str:
    """JavaScript that evaluates `expression` over the shadow roots of the main part of the page, as one string."""
    return (
        "[...document.querySelectorAll('[data-testid=stMain] *')].map((e) => e.shadowRoot).filter(Boolean)"
        f".map((root) => {expression}).join('')"
    )


def _drag(page: Page) -> float:
    """Median milliseconds from an input event of the temperature slider until its handler has redrawn and layout is done."""
    slider = page.get_by_role("slider", name="Temperature")
    return float(
        slider.evaluate(
            """(range) => { const times = []; for (let i = 0; i < 60; i++) {
            range.value = String(Number(range.min) + (Number(range.max) - Number(range.min)) * (i % 30) / 30);
            const start = performance.now(); range.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
            range.getRootNode().host.getBoundingClientRect(); times.push(performance.now() - start); }
            return times.sort((a, b) => a - b)[30]; }"""
        )
    )


def _pages(browser: Browser, server: Server, query: str, label: str) -> list[Row]:
    """For each page: from the click on its link in the menu's address to the end of its run, in one session."""
    rows = []
    for entry in PAGES:
        if not (PAGES_FOLDER / f"{entry.file}.py").is_file():
            continue
        path = "/" if entry is PAGES[0] else f"/{entry.file}"
        received = 0

        def count(payload: str | bytes) -> None:
            nonlocal received
            received += len(payload)

        page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        listen(page)
        page.on("websocket", lambda socket, count=count: socket.on("framereceived", count))
        page.goto(server.url + path + query, wait_until="domcontentloaded")
        wait_ready(page, 120)
        times = []
        for _ in range(3):
            started = time.perf_counter()
            with settled(page, 120):
                page.keyboard.press("r")  # Streamlit's own key: run again
            times.append(1000 * (time.perf_counter() - started))
        again = statistics.median(times)
        rows.append(
            Row(
                f"{entry.title}{label}: redraw of the page",
                f"{again:.0f} ms, first view {received / 1e6:.2f} MB",
                "",
                again,
                " ms",
                None,
            )
        )
        page.context.close()
    return rows


def rows() -> list[Row]:
    """All latencies, as rows."""
    with tempfile.TemporaryDirectory() as folder:
        log_path = Path(folder) / "log.txt"
        _start(log_path)  # warms the disk
        first_look, first_chart = _start(log_path)
        table = [
            Row("start to something to look at", f"{first_look:.1f} s", "", first_look, " s", 2),
            Row("start to the first chart", f"{first_chart:.1f} s", "", first_chart, " s", 5),
        ]
        with _browser() as browser, running_app(log_path) as server:
            table += _main_page(browser, server)
            table += _pages(browser, server, "", "")
    return table


def main() -> None:
    """Print the table."""
    print(markdown(rows()))


if __name__ == "__main__":
    main()
