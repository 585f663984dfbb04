"""A visit to the app in a real browser: what a test waits for, and what must never be seen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from weakref import WeakKeyDictionary

from playwright.sync_api import ConsoleMessage, Dialog, Locator, Page, WebSocket
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from gptcore.checkpoints import EMBEDDED
from gptcore.fingerprint import vocabulary_mark
from gptcore.tokenizer import Tokenizer

Window = Callable[..., Page]  # what the fixtures `window` and `visit` give
Visit = Callable[..., Page]

APP = '[data-testid="stApp"]'
# A deep link to any page but the default makes Streamlit look for itself in the wrong folder first.
OWN_404S = re.compile(r"/_stcore/(health|host-config)$")


Frame = str | bytes


@dataclass
class _Heard:
    """What a page has let us hear so far: complaints on the console, how many runs of the script it was told the end of, and who wants
    to know what passes through its websocket."""

    complaints: list[str] = field(default_factory=list)
    finished_runs: int = 0
    on_frame: list[Callable[[Frame], object]] = field(default_factory=list)


_HEARD: WeakKeyDictionary[Page, _Heard] = WeakKeyDictionary()


def listen(page: Page) -> None:
    """From now on remember every error and warning of the console, every uncaught exception, every dialog and every finished run; what
    was heard before is forgotten."""
    known = page in _HEARD
    _HEARD[page] = _Heard()
    if known:
        return

    def complain(said: str) -> None:
        _HEARD[page].complaints.append(said)

    def on_console(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        own_404 = "404" in message.text and OWN_404S.search(url)
        if message.type in {"error", "warning"} and not own_404:
            complain(f"{message.type}: {message.text} ({url})")

    def on_dialog(dialog: Dialog) -> None:
        complain(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_frame(payload: Frame) -> None:
        heard = _HEARD[page]
        # The page shows that a script runs, but a run of a few milliseconds comes and goes between two paintings.
        if isinstance(payload, bytes):
            message = ForwardMsg.FromString(payload)
            if message.WhichOneof("type") == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                heard.finished_runs += 1
        for told in heard.on_frame:
            told(payload)

    page.on("console", on_console)
    page.on("pageerror", lambda error: complain(f"uncaught: {error}"))
    page.on("dialog", on_dialog)

    def on_websocket(websocket: WebSocket) -> None:
        if "/_stcore/" in websocket.url:  # and not a class's
            websocket.on("framereceived", on_frame)

    page.on("websocket", on_websocket)


def hear_frames(page: Page, told: Callable[[Frame], object]) -> None:
    """Be told each message that the page receives from now on."""
    _HEARD[page].on_frame.append(told)


def assert_silent(page: Page) -> None:
    """The browser's console is empty, but for two 404s that are Streamlit's own."""
    complaints = _HEARD[page].complaints
    assert not complaints, "The console says:\n" + "\n".join(complaints)


def wait_ready(page: Page, timeout: float = 30) -> None:
    """Wait (seconds) until the page is connected and the script's run is over. For a run that is still to start: `settled`."""
    ready = f'{APP}[data-test-connection-state="CONNECTED"][data-test-script-state="notRunning"]'
    page.wait_for_selector(ready, state="attached", timeout=timeout * 1000)


@contextmanager
def settled(page: Page, timeout: float = 30) -> Iterator[None]:
    """Do something that makes the script run, and go on when that run is over: `with settled(page): page.click(...)`."""
    before = _HEARD[page].finished_runs
    yield
    deadline = time.monotonic() + timeout
    while _HEARD[page].finished_runs == before:
        assert time.monotonic() < deadline, f"No run of the script ended within {timeout} s."
        page.wait_for_timeout(10)
    wait_ready(page, timeout)
    page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))")


def prompt_field(page: Page) -> Locator:
    """The field of the prompt, opened if it is not yet."""
    field = page.get_by_role("textbox", name="Prompt")
    if not field.is_visible():
        page.get_by_role("button", name="Edit text").click()
    return field


def wait_for_runs(page: Page, n: int, timeout: float = 30) -> None:
    """Wait until n more runs of the script are over, whoever asked for them."""
    until, deadline = _HEARD[page].finished_runs + n, time.monotonic() + timeout
    while _HEARD[page].finished_runs < until:
        assert time.monotonic() < deadline, f"Not {n} runs of the script ended within {timeout} s."
        page.wait_for_timeout(10)


# Three pictures in a row with every component drawn, all letters there, and everything in its place.
_AT_REST = """async (seconds) => {
    const frame = () => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    const components = () => [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')].filter((host) => host.getClientRects().length)
        .map((host) => host.shadowRoot);
    // Streamlit puts an empty element into each before its code has come.
    const isDrawn = (root) => root && (root.childElementCount > 1 || root.firstElementChild?.childElementCount);
    const boxes = (root, selector) => [...root.querySelectorAll(selector)].map((element) => {
        const box = element.getBoundingClientRect();
        return [box.x, box.y, box.width, box.height, element.childElementCount].join(" ");
    });
    const look = () => {
        const drawn = components();
        if (!drawn.every(isDrawn) || document.querySelector('[data-testid="stSkeleton"]')) return ""; // something's code is on its way
        const inside = drawn.flatMap((root) => boxes(root, "svg, canvas, text, section, figure, div"));
        return [...boxes(document, '[data-testid="stElementContainer"], .katex-html .base'), ...inside].join();
    };
    const deadline = performance.now() + 1000 * seconds;
    for (let before = "", same = 0; same < 3; ) {
        if (performance.now() > deadline) return false;
        await frame();
        const now = look(); // lays the page out, which is when letters are asked for
        await document.fonts.ready;
        same = now && now === before && document.fonts.status === "loaded" ? same + 1 : 0;
        before = now;
    }
    return true;
}"""


def at_rest(page: Page, timeout: float = 30) -> None:
    """Wait (seconds) until the run is over, every component is drawn, all letters are loaded and nothing moves: before measuring."""
    wait_ready(page, timeout)
    assert page.evaluate(_AT_REST, timeout), f"The page did not come to rest within {timeout} s."


# The largest sum of shifts within 5 s, without a second's pause between two, of all that no hand caused: the definition of CLS.
_LAYOUT_SHIFT = """async () => {
    const seen = [];
    const watch = new PerformanceObserver((list) => seen.push(...list.getEntries()));
    watch.observe({ type: "layout-shift", buffered: true });
    await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    seen.push(...watch.takeRecords());
    watch.disconnect();
    let most = 0, sum = 0, first = -Infinity, last = -Infinity;
    const said = [];
    for (const { startTime, value, sources } of seen.filter((entry) => !entry.hadRecentInput)) {
        if (startTime - last > 1000 || startTime - first > 5000) [sum, first] = [0, startTime];
        [sum, last] = [sum + value, startTime];
        most = Math.max(most, sum);
        for (const { node, previousRect, currentRect } of sources) {
            const element = node?.closest ? node : node?.parentElement;
            const name = element?.closest("[class*=st-key-]")?.className.match(/st-key-\\S+/)[0] ?? element?.className;
            const way = `from y ${Math.round(previousRect.y)} to ${Math.round(currentRect.y)}`;
            said.push(`${value.toFixed(3)} at ${Math.round(startTime)} ms: ${name}, ${element?.dataset.testid}, ${way}`);
        }
    }
    return [most, said.join("\\n")];
}"""
MOST_SHIFT = 0.1


def nothing_jumped(page: Page) -> None:
    """Hardly anything has moved since the first paint, as browsers count it (cumulative layout shift)."""
    most, said = page.evaluate(_LAYOUT_SHIFT)
    assert most < MOST_SHIFT, f"A layout shift of {most:.3f}:\n{said}"


# Every text that is seen, in components and figures too, with the size in which it stands on the screen.
_SMALL_PRINT = """(least) => {
    const found = [];
    const zoomOf = (element) => {
        let zoom = 1;
        for (let each = element; each; each = each.parentElement ?? each.getRootNode().host) zoom *= Number(getComputedStyle(each).zoom) || 1;
        return zoom;
    };
    const scaleOf = (element) => { const { a, b } = element.getScreenCTM(); return Math.hypot(a, b); };
    const look = (root) => {
        const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
        for (let node = walk.nextNode(); node; node = walk.nextNode()) {
            if (node.shadowRoot) look(node.shadowRoot);
            const element = node.parentElement;
            if (node.nodeType !== Node.TEXT_NODE || !node.data.trim() || !element?.checkVisibility({ visibilityProperty: true })) continue;
            const range = document.createRange();
            range.selectNodeContents(node);
            const box = range.getBoundingClientRect();
            if (box.width < 3 || box.height < 3 || element.closest(".for-ears, style")) continue;
            const size = parseFloat(getComputedStyle(element).fontSize) * (element.getScreenCTM ? scaleOf(element) : zoomOf(element));
            if (size < least - 0.01) found.push(`${size.toFixed(1)} px: ${node.data.trim().slice(0, 60)}`);
        }
    };
    look(document.querySelector('[data-testid="stMain"]'));
    return found;
}"""


def no_small_print(page: Page, least: float) -> None:
    """Nothing that is seen stands in letters of under `least` pixels."""
    found = page.evaluate(_SMALL_PRINT, least)
    assert not found, f"{len(found)} texts are under {least} px:\n" + "\n".join(found[:20])


def no_error_box(page: Page) -> None:
    """Neither an exception on the page, nor Streamlit's box for one that it does not show, nor our message for one."""
    boxes = page.locator('[data-testid="stException"], [data-testid="stErrorDialog"]').or_(page.get_by_text("in the app itself"))
    assert boxes.count() == 0, "There is an error on the page:\n" + "\n".join(boxes.all_inner_texts())


def no_horizontal_scroll(page: Page) -> None:
    """Nothing sticks out of the window to the right; what is meant to scroll sideways does so in a box of its own."""
    widths = page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll('[data-testid^="stMain"]')]
            .map((box) => [box.dataset.testid || "the document", box.scrollWidth, box.clientWidth])"""
    )
    too_wide = [f"{name} is {inner} px wide in {outer} px" for name, inner, outer in widths if inner > outer]
    assert not too_wide, "; ".join(too_wide)


def no_cut_formula(page: Page) -> None:
    """Every formula fits the place that it has."""
    cut = page.evaluate(
        """() => [...document.querySelectorAll('[data-testid="stMarkdownContainer"] .katex-html')].flatMap((formula) => {
            const place = formula.closest('[data-testid="stElementContainer"]').getBoundingClientRect();
            const right = Math.max(...[...formula.querySelectorAll(".base")].map((part) => part.getBoundingClientRect().right));
            return right > place.right + 1 ? [`${formula.textContent.slice(0, 60)}: ${Math.round(right - place.right)} px too wide`] : [];
        })"""
    )
    assert not cut, cut


def no_broken_words(page: Page) -> None:
    """Nothing that JavaScript writes where it has no value, neither on the page nor in a figure."""
    text = page.evaluate(
        """() => { const said = (root) => [root.textContent, ...[...root.querySelectorAll("*")].map((e) => e.shadowRoot)
            .filter(Boolean).map(said)].join(" "); return said(document.body); }"""
    )
    broken = re.findall(r".{0,40}(?:\[object |\bundefined\b|\bNaN\b).{0,40}", text)
    assert not broken, broken


def text_and_ground(elements: Locator) -> list[tuple[str, str]]:
    """The colours of the text of each element and of what is behind it, as #rrggbb."""
    found = elements.evaluate_all(
        """(all) => {
            const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            const hex = (colour) => {
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
                return "#" + parts.map((part) => part.toString(16).padStart(2, "0")).join("");
            };
            return all.map((one) => getComputedStyle(one)).map((style) => [hex(style.color), hex(style.backgroundColor)]);
        }"""
    )
    return [(text, ground) for text, ground in found]


@cache
def embedded_mark() -> str:
    """What a link says of the vocabulary of the embedded model's token ids."""
    return vocabulary_mark(Tokenizer.from_folder(EMBEDDED))


def look_at(page: Page) -> None:
    """What no page may show in any width, once it is at rest."""
    at_rest(page)
    for look in (no_error_box, no_broken_words, no_cut_formula, no_horizontal_scroll):
        look(page)
