"""A window on the page with a map (map_canvas_app.py), for test_map_canvas.py."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from typing import Any

from PIL import Image
from playwright.sync_api import Locator, Page

from tests.browser.visit import hear_frames


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


class Visitor:
    """A window on the page with the map, and what passes through its websocket."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.received = 0
        self.view = page.locator("section.view")
        self.readout = self.view.locator(".readout")
        self.canvas = self.view.locator("canvas[tabindex]")
        self.tokens = self.view.locator(".token")
        hear_frames(page, self._count)

    def _count(self, frame: str | bytes) -> None:
        self.received += len(frame)

    def report(self) -> dict[str, Any]:
        """What Python knows."""
        return json.loads(self.page.locator('[data-testid="stCode"]').inner_text())

    def place(self, row: int, col: int) -> dict[str, float]:
        """The middle of a cell, on the canvas."""
        left, top, width, height = map(float, (self.canvas.get_attribute("data-cells") or "").split())
        return {"x": left + (col + 0.5) * width, "y": top + (row + 0.5) * height}

    def point(self, row: int, col: int) -> None:
        self.canvas.hover(position=self.place(row, col))

    def pixel(self, canvas: Locator, x: float, y: float) -> tuple[int, int, int]:
        image = Image.open(BytesIO(b64decode(canvas.evaluate("canvas => canvas.toDataURL()").split(",")[1]))).convert("RGB")
        return image.getpixel((int(x), int(y)))

    def drawing(self, selector: str) -> str:
        """A picture on the screen, to be compared with itself later."""
        return self.view.locator(selector).evaluate("canvas => canvas.toDataURL()")

    def measured(self, name: str) -> list[float]:
        """How long each drawing took, from the values' arrival to the last pixel, in milliseconds."""
        return self.page.evaluate("name => performance.getEntriesByName(name).map((entry) => entry.duration)", name)
