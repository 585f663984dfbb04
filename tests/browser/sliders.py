"""A slider of a component in the hand, and how long its pictures take to follow."""

from __future__ import annotations

from playwright.sync_api import Locator

_REDRAW = """async (range) => {
  const host = range.getRootNode().host;
  const times = [];
  for (let i = 0; i < 61; i++) {
    range.value = Math.round(range.max * (0.15 + 0.75 * (((i * 37) % 61) / 61)));
    let frame;
    requestAnimationFrame(() => (frame = performance.now())); // runs right before the component's own frame
    const start = performance.now();
    range.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
    const heard = performance.now() - start;
    await new Promise((done) => requestAnimationFrame(done));
    host.getBoundingClientRect(); // layout, too
    times.push(heard + performance.now() - frame);
  }
  return times.sort((a, b) => a - b);
}"""


def redraw_times(slider: Locator) -> list[float]:
    """Milliseconds of work from an input event until what it changes is drawn, of 61 events, the shortest first. The drawing waits
    for the next frame; the wait itself is not counted."""
    times: list[float] = slider.evaluate(_REDRAW)
    return times


def grab(slider: Locator) -> tuple[float, float, float]:
    """Put the mouse down on a slider's thumb; left and width of the slider and the mouse's height, in the window."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    at, y = slider.evaluate("(e) => e.valueAsNumber / e.max"), box["y"] + box["height"] / 2
    slider.page.mouse.move(box["x"] + 9 + at * (box["width"] - 18), y)
    slider.page.mouse.down()
    return box["x"], box["width"], y
