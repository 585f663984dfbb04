"""The browser writes numbers as Python does, letter by letter."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np

from app.writing import numbers
from tests.browser.visit import Window

MODULE = Path(__file__).parents[2] / "app/components/shared/numbers.js"
WRITE = """async ([code, values]) => {
    const { significant, fixed, percent, finePercent, quantity, count } = await import(`data:text/javascript;base64,${code}`);
    return values.map((x) => [significant(x), significant(x, 5), fixed(x, 0), fixed(x, 2), fixed(x, 6), percent(x), finePercent(x),
        quantity(x, "tokens"), quantity(x, "%"), quantity(x, ""), Number.isInteger(x) ? count(x) : ""]);
}"""


def written(x: float) -> list[str]:
    return [
        numbers.significant(x), numbers.significant(x, 5), numbers.fixed(x, 0), numbers.fixed(x, 2), numbers.fixed(x, 6),
        numbers.percent(x), numbers.fine_percent(x), numbers.quantity(x, "tokens"), numbers.quantity(x, "%"), numbers.quantity(x, ""),
        f"{int(x):,}".replace("-", "−") if x == x // 1 and abs(x) < 1e15 else numbers.significant(x) if x == x // 1 else "",
    ]  # fmt: skip


def samples() -> list[float]:
    """Numbers of every size, with few digits and many, 32-bit and 64-bit; halves, which round one way; borders; what is none."""
    rng = np.random.default_rng(0)
    sizes = rng.normal(size=3000) * 10.0 ** rng.integers(-12, 14, 3000)
    short = [float(f"{x:.{digits}g}") for x in sizes[:700] for digits in (1, 3, 4)]
    noisy = [x * (1 + noise) for x in short[:300] for noise in (3e-15, 3e-14, 3e-13, 3e-12)]  # some is rounded off, some is not
    singles = rng.normal(size=500).astype(np.float32)
    shares = rng.random(500) ** 6
    halves = [k / 64 for k in range(-300, 1000)] + [k / 8192 for k in range(300)]
    borders = [sign * step * 10.0**power for power in range(-7, 17) for step in (1, 0.9995, 0.99949, 5) for sign in (1, -1)]
    special = [0.0, -0.0, 1.0, 0.1 + 0.2, 1e21, 1e300, float("inf"), float("-inf"), float("nan")]
    return [float(x) for x in (*sizes, *short, *noisy, *singles, *shares, *halves, *borders, *special)]


def test_python_and_the_browser_write_thousands_of_numbers_alike(window: Window) -> None:
    values = samples()
    code = base64.b64encode(MODULE.read_bytes()).decode()
    there = window().evaluate(WRITE, [code, values])
    assert len(values) > 6000
    assert [(x, here, found) for x, found in zip(values, there, strict=True) if (here := written(x)) != found] == []
