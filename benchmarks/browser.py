"""Latencies in a real browser, with the embedded model: start, step, rewind, drag, and every page.

A latency is counted inside the page: from the click (the release of the button, by the event's own clock) to the second animation
frame after the change that it makes in the document; the first of the two shows it. A page is given twice: to the last change in
any of its pictures (components and charts of the main part), which is what the budget is about, and to the last change anywhere in
the document or the last message of the server, whichever is later.
"""

from __future__ import annotations

import base64
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import tiktoken
import torch
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from app import choices
from app.glossary import GLOSSARY
from app.shell.navigation import PAGES
from benchmarks.table import HEADER, Row, line
from gptcore.checkpoints import EMBEDDED, save_model
from gptcore.config import GPT2_SMALL
from gptcore.model import GPTModel
from gptcore.tokenizer import Tokenizer
from tests.browser.server import Server, running_app
from tests.browser.sliders import redraw_times
from tests.browser.visit import listen, settled, wait_ready

REPEATS = 9
INSTRUMENT = "/?prompt=Once+upon+a+time"  # by a link the visitor comes to the choice itself, else to the guess before it
QUIET = 350  # milliseconds without a message or a change after which a page is finished
# What the page remembers: the bytes that came, and of the last click when it was, when a picture's and the document's last change were
# shown, and when anything came last. All of it is counted in the page: whoever listens from outside takes time from the two cores.
WATCH = """(() => {
  const seen = { click: 0, picture: 0, whole: 0, last: 0, bytes: 0 };
  window.benchmarkSeen = seen;
  const shown = (what) => requestAnimationFrame(() => requestAnimationFrame(() => { seen[what] = performance.now(); }));
  const came = () => { seen.last = performance.now(); shown("whole"); };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...a) {
      super(...a);
      this.addEventListener("message", ({ data }) => { seen.bytes += data.byteLength ?? data.size ?? data.length; came(); });
    }
  };
  window.benchmarkQuiet = (pause) => new Promise((done, failed) => {
    const start = performance.now();
    const look = () => {
      if (seen.last && performance.now() - seen.last > pause) done(seen);
      else if (performance.now() - start > 60_000) failed(new Error(seen.last ? "The page does not come to rest." : "Nothing came."));
      else setTimeout(look, 50);
    };
    look();
  });
  const inPicture = (node) => {
    const root = node.getRootNode();
    if (root instanceof ShadowRoot) return root.host.closest('[data-testid="stMain"]') !== null;
    return (node.closest ? node : node.parentElement)?.closest(".stPlotlyChart") != null;
  };
  const changed = (records) => { came(); if (records.some((record) => inPicture(record.target))) shown("picture"); };
  const everything = { childList: true, subtree: true, attributes: true, characterData: true };
  const watch = (root) => new MutationObserver(changed).observe(root, everything);
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) { const root = attach.call(this, options); watch(root); return root; };
  const begins = (event) => { seen.click = event.timeStamp; seen.picture = seen.whole = seen.last = 0; };
  for (const kind of ["click", "keydown"]) addEventListener(kind, begins, true);
  watch(document);
})()"""
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
        """(expression) => { const read = eval(`() => ${expression}`); // here: later the page's own policy forbids it
        const before = read();
        window.benchmark = new Promise((done) => { addEventListener("click", ({ timeStamp: start }) => {
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
            page.goto(server.url + INSTRUMENT, wait_until="commit")
            page.wait_for_function(
                "() => document.body && document.body.innerText.trim().length > 0 || document.querySelector('[data-testid]')"
            )
            first_look = time.perf_counter() - started
            page.locator(PANEL).first.wait_for(timeout=60_000)
            return first_look, time.perf_counter() - started


def _main_page(browser: Browser, server: Server) -> list[Row]:
    page = _open(browser, server, INSTRUMENT)
    page.locator(PANEL).first.wait_for()
    main = page.get_by_test_id("stMain")
    text = _deep_text("[...root.querySelectorAll('.chip')].map((c) => c.className + c.textContent).join('|')")
    step = _median_ms(lambda: _click_to_change(page, main.get_by_role("button", name="Next token", exact=True).click, text))
    back = _median_ms(lambda: _click_to_change(page, main.get_by_role("button", name="Back", exact=True).click, text))
    drag = _drag(page.get_by_role("slider", name="Temperature"))
    return [
        Row("Step: click to the new picture", f"{step:.0f} ms", step, " ms", 150),
        Row("Back: click to the new picture", f"{back:.0f} ms", back, " ms", 150),
        Row("temperature drag to changed bars, 8,192 tokens", f"{drag:.1f} ms", drag, " ms", 16),
    ]


def _deep_text(expression: str) -> str:
    """JavaScript that evaluates `expression` over the shadow roots of the main part of the page, as one string."""
    return (
        "[...document.querySelectorAll('[data-testid=stMain] *')].map((e) => e.shadowRoot).filter(Boolean)"
        f".map((root) => {expression}).join('')"
    )


def _two_settings(browser: Browser, server: Server, prompt: str, label: str) -> Row:
    """The drag on the page of sampling, where one slider moves the bars of two settings."""
    page = _open(browser, server, f"/sampling?{prompt}")
    drag = _drag(page.get_by_role("slider", name="Temperature").last)
    page.context.close()
    return Row(f"temperature drag to changed bars of two settings, {label}", f"{drag:.1f} ms", drag, " ms", 16)


def _drag(slider: Locator) -> float:
    """Median milliseconds of work from an input event of the slider until the bars are redrawn, layout included."""
    times = redraw_times(slider)
    return times[len(times) // 2]


def _pages(browser: Browser, server: Server, prompt: str, label: str = "") -> Iterator[Row]:
    """For each page: from a click on another token of the timeline until its pictures, and until the whole page, are drawn anew.
    With the embedded model (no label) for every part of it, else for its first."""
    budget = None if label else 150.0  # for the embedded model
    for entry in PAGES:
        parts = choices.ALL[entry.file].options if entry.file in choices.ALL else ("",)
        for part in parts[:1] if label else parts:
            page = _watched(browser, server, entry.file, prompt, **({entry.file: part} if part else {}))
            first_view = page.evaluate("() => window.benchmarkSeen.bytes") / 1e6
            picture, whole = _median(page, [_chip(page, turn % 2) for turn in range(REPEATS)])
            said = f"{picture:.0f} ms, whole page {whole:.0f} ms, first view {first_view:.2f} MB"
            title = f"{entry.title}, {part}" if part and not label else entry.title
            yield Row(f"{title}{label}: click to picture", said, picture, " ms", budget)
            page.context.close()


def _layers_and_heads(browser: Browser, server: Server, prompt: str) -> Iterator[Row]:
    """From a key on the slider of the layers, or a click on another head, until the pictures are drawn anew."""
    for name in ("layer_norm", "block"):
        page = _watched(browser, server, name, prompt)
        slider = page.get_by_role("slider", name="Layer").first
        slider.focus()
        moves = [partial(page.keyboard.press, key) for key in ("ArrowRight", "ArrowLeft") * (REPEATS // 2 + 1)]
        yield _row(f"another layer, {name}", *_median(page, moves))
        page.context.close()
    page = _watched(browser, server, "attention", prompt, attention="head")
    maps = page.locator("section.view.overview canvas.maps")
    box = maps.bounding_box()
    assert box is not None

    def choose(share: float) -> None:
        maps.hover(position={"x": share * box["width"], "y": share * box["height"]})
        page.evaluate(f"() => window.benchmarkQuiet({QUIET})")
        _press(page)

    yield _row("another head, attention", *_median(page, [partial(choose, (0.2, 0.7)[turn % 2]) for turn in range(REPEATS)]))
    page.context.close()


def _row(what: str, picture: float, whole: float) -> Row:
    return Row(f"{what}: to the picture", f"{picture:.0f} ms, whole page {whole:.0f} ms", picture, " ms", 150)


def _watched(browser: Browser, server: Server, name: str, prompt: str, **query: str) -> Page:
    """The page of this name, watched, when all of it has come."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.add_init_script(WATCH)
    path = "/" if name == "write" else f"/{name}"
    page.goto(f"{server.url}{path}?{prompt}&{urlencode(query)}", wait_until="domcontentloaded")
    page.locator(".prose .chip.prompt").first.wait_for(timeout=120_000)
    wait_ready(page, 120)
    page.wait_for_timeout(1500)  # parts that fill themselves, and what the browser does when it is idle
    return page


def _chip(page: Page, index: int) -> Callable[[], None]:
    """A click on a token of the timeline, to which the pointer goes first."""

    def click() -> None:
        page.locator(".prose .chip.prompt").nth(index).hover()
        page.evaluate(f"() => window.benchmarkQuiet({QUIET})")
        _press(page)

    return click


def _press(page: Page) -> None:
    page.mouse.down()
    page.mouse.up()


def _median(page: Page, acts: Iterable[Callable[[], object]]) -> tuple[float, float]:
    """Median milliseconds from each act but the first to the page's pictures (to the whole page if none of them changed), and to the
    whole page."""
    taken = []
    for act in acts:
        page.evaluate(f"() => window.benchmarkQuiet({QUIET})")
        act()
        seen: dict[str, float] = page.evaluate(f"() => window.benchmarkQuiet({QUIET})")
        taken.append([(seen["picture"] or seen["whole"]) - seen["click"], seen["whole"] - seen["click"]])
    picture, whole = np.median(taken[1:], axis=0)
    return float(picture), float(whole)


def _prompt(folder: Path, n_tokens: int) -> str:
    """The first tokens of the glossary's text, as a query."""
    tokenizer = Tokenizer.from_folder(folder)
    text = tokenizer.decode(tokenizer.encode(" ".join(GLOSSARY.values()))[:n_tokens])
    return urlencode({"model": str(folder), "prompt": text})


def gpt2_shapes(folder: Path) -> Path:
    """A model of GPT-2 small's shapes with random weights: speed does not depend on their values. With GPT-2's own vocabulary,
    where tiktoken has it or can fetch it, else with the embedded model's."""
    torch.manual_seed(0)
    save_model(GPTModel(GPT2_SMALL), folder)
    try:
        ranks = tiktoken.get_encoding("gpt2")._mergeable_ranks
    except OSError:
        print("GPT-2's vocabulary is not in $TIKTOKEN_CACHE_DIR: the embedded one takes its place, and its pages are smaller.")
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(EMBEDDED / name, folder)
        return folder
    lines = (f"{base64.b64encode(token).decode()} {rank}" for token, rank in ranks.items())
    (folder / "gpt2.tiktoken").write_text("\n".join(lines))
    return folder


def rows() -> Iterator[Row]:
    """All latencies, as rows."""
    with tempfile.TemporaryDirectory() as folder:
        log_path = Path(folder) / "log.txt"
        _start(log_path)  # warms the disk
        first_look, first_chart = _start(log_path)
        yield Row("start to something to look at", f"{first_look:.1f} s", first_look, " s", 2)
        yield Row("start to the first chart", f"{first_chart:.1f} s", first_chart, " s", 5)
        big = gpt2_shapes(Path(folder) / "gpt2-shapes")
        with _browser() as browser, running_app(log_path, GLASS_MODELS=str(big)) as server:
            yield from _main_page(browser, server)
            prompt = urlencode({"prompt": "Once upon a time, there was a king"})
            yield _two_settings(browser, server, prompt, "8,192 tokens")
            yield _two_settings(browser, server, _prompt(big, 16), "50,257 tokens")
            yield from _pages(browser, server, prompt)
            yield from _layers_and_heads(browser, server, prompt)
            for n_tokens in (16, 128, 1024):
                yield from _pages(browser, server, _prompt(big, n_tokens), f", GPT-2 small shapes, {n_tokens:,} tokens")


def main() -> None:
    """Print every row as soon as it is measured."""
    print(HEADER)
    for row in rows():
        print(line(row), flush=True)


if __name__ == "__main__":
    main()
