"""A window on the page with a figure (figure_app.py), for test_figure.py. Places are pixels from the figure's upper left corner."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Visitor:
    """What a figure shows and says."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.figure = page.locator("figure.figure")
        self.tip = self.figure.locator(".tip")

    def texts(self, selector: str) -> list[str]:
        return [text for text in self.figure.locator(selector).all_text_contents() if text]

    def paths(self, selector: str) -> list[str]:
        return [path.get_attribute("d") or "" for path in self.figure.locator(selector).all()]

    def boxes(self, selector: str) -> list[Box]:
        """Of every element with an extent, on the page."""
        found = self.figure.locator(selector).evaluate_all(
            "all => all.map((e) => e.getBoundingClientRect()).filter((r) => r.width).map((r) => [r.left, r.top, r.right, r.bottom])"
        )
        return [tuple(box) for box in found]

    def box(self, selector: str) -> Box:
        place = self.figure.locator(selector) if selector else self.figure
        return tuple(place.evaluate("e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; }"))

    def plot(self) -> Box:
        """Where the marks stand."""
        x, y, width, height = (
            float(self.figure.locator("#plot rect").get_attribute(n) or 0) for n in ("x", "y", "width", "height")
        )
        return x + 2, y + 2, x + width - 2, y + height - 2

    def bars(self) -> list[list[Box]]:
        """The bars of each series."""
        series = []
        for path in self.paths("path.bars"):
            corners = [np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", bar), dtype=float) for bar in re.findall("M[^M]*", path)]
            series.append([(*points.min(0), *points.max(0)) for points in corners])
        return series

    def marks(self) -> list[float]:
        """x of the middle of each mark of the first two series, which are 8 pixels wide and drawn from the left."""
        return [float(x) + 4 for path in self.paths("path.markers")[:2] for x in re.findall(r"M(-?[\d.]+),", path)]

    def ticks(self, letter: str) -> list[tuple[str, float, float]]:
        """Text and place of each tick."""
        found = self.figure.locator(f".ticks.{letter} text").evaluate_all(
            "all => all.map((e) => [e.textContent, +e.getAttribute('x'), +e.getAttribute('y')])"
        )
        return [tuple(tick) for tick in found]

    def scale(self, letter: str, unit: str = "", factor: float = 1) -> Callable[[float], float]:
        """From a pixel to the value that the axis says it stands for."""
        ticks = self.ticks(letter)
        values = [float(text.replace("−", "-").replace(",", "").removesuffix(unit)) * factor for text, _, _ in ticks]
        slope, start = np.polyfit([tick[1 if letter == "x" else 2] for tick in ticks], values, 1)
        return lambda pixel: slope * pixel + start

    def canvas(self) -> Image.Image:
        url = self.figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")
        return Image.open(BytesIO(b64decode(url.split(",")[1]))).convert("RGB")

    def said(self) -> list[str]:
        """The lines of what is said of the point in sight."""
        return self.tip.locator("div").all_text_contents()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def durations(self) -> list[float]:
        """How long each drawing took, in milliseconds."""
        return self.page.evaluate("() => performance.getEntriesByName('glass-figure').map((entry) => entry.duration)")

    def saved(self, kind: str, folder: Path) -> Path:
        self.page.get_by_role("button", name="Menu: ").click()
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=f"Picture as {kind}").click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path
