"""The choice as the browser makes it (select.js) against the one that Python makes, and the values that the sliders reach."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import pytest

from app.components.choice.stops import STOPS, top_ks
from app.components.next_token import by_token
from gptcore.sampling import SamplingSettings, select
from tests.browser.modules import page_with
from tests.browser.visit import Window


def random_cases(count: int) -> Iterator[tuple[np.ndarray, SamplingSettings, int]]:
    """(logits, settings, position): every size up to GPT-2's vocabulary, ties, extremes, all stages on and off."""
    rng = np.random.default_rng(20)
    for i in range(count):
        size = 50257 if i % 100 == 0 else int(rng.integers(1, 400))
        logits = rng.normal(0, rng.choice([0.1, 1, 3, 10]), size).astype(np.float32)
        if i % 5 == 0:
            logits = np.round(logits)  # ties
        if i % 11 == 0:
            logits[rng.random(size) < 0.3] = -np.inf
            logits[0] = 0
        if i % 13 == 0:
            logits *= np.float32(1e3)
        if i % 17 == 0:
            logits[:] = 0.0
        pick = rng.choice
        equal_share = int(rng.integers(1, size + 1)) / size  # of equal tokens, a whole number reaches it on paper
        settings = SamplingSettings(
            temperature=float(pick([0, 1e-300, 0.01, 0.5, 0.73, 1, 1.3, 2, 5, 1e6])),
            top_k=int(rng.integers(1, 2 * size + 1)) if rng.random() < 0.6 else None,
            top_p=float(equal_share if i % 17 == 0 else pick([1, 0.5, 0.9, 0.99, rng.uniform(0.001, 1)])),
            min_p=float(pick([0, 0, 0.05, 0.5, 1, rng.uniform(0, 1)])),
            seed=int(rng.integers(2**32)),
        )
        yield logits, settings, int(rng.integers(1024))


IN_THE_BROWSER = """(cases) => cases.map(([bytes, settings, u]) => {
  const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  const { ids, logits } = inOrder(new Float32Array(raw.buffer));
  const found = select(logits, settings, u);
  const total = found.mass[found.n - 1];
  const shown = [0, found.rank, found.n - 1];
  return {ids: btoa(String.fromCharCode(...new Uint8Array(ids.buffer).subarray(0, 40_000))),
          kept: Object.values(found.kept), rank: found.rank, low: found.low, high: found.high,
          entropies: [found.entropy, found.finalEntropy], probs: shown.map((i) => found.weights[i] / total)};
})"""


def test_the_browser_keeps_the_same_sets_and_chooses_the_same_token_as_python(window: Window) -> None:
    """exp differs between the two in the last digit, so a u within 1e-12 of a boundary may fall on either side: none here does."""
    selections = [select(*case) for case in random_cases(1000)]
    sent = [[base64.b64encode(by_token(s).tobytes()).decode(), vars(s.settings), s.u] for s in selections]
    settings = vars(SamplingSettings())
    page = page_with(window, "choice/select.js")
    found = [answer for start in range(0, 1000, 100) for answer in page.evaluate(IN_THE_BROWSER, sent[start : start + 100])]
    on_a_boundary = page.evaluate("(s) => select(Float32Array.of(0, 0), s, 0.5).rank", settings)
    assert on_a_boundary == 1
    for python, js in zip(selections, found, strict=True):
        assert min(abs(python.u - python.low), abs(python.u - python.high)) > 1e-12 or python.low == python.u == 0
        first_ids = np.frombuffer(base64.b64decode(js["ids"]), np.uint32)
        assert first_ids.tolist() == python.token_ids[: len(first_ids)].tolist()
        assert js["kept"] == [stage.kept for stage in python.stages]
        assert js["rank"] == python.chosen_rank
        assert [js["low"], js["high"]] == pytest.approx([python.low, python.high], abs=1e-12)
        assert js["entropies"] == pytest.approx([python.entropy, python.final_entropy], abs=1e-9)
        shown = [0, python.chosen_rank, python.kept - 1]
        assert js["probs"] == pytest.approx(python.final_probs[shown].tolist(), rel=1e-12, abs=1e-300)
    sizes = {tuple(js["kept"]) for js in found}
    assert len(sizes) > 500  # the cases do differ


SIZES = (1, 2, 9, 300, 4096, 50257)


def test_the_sliders_of_all_pages_have_the_same_stops(window: Window) -> None:
    page = page_with(window, "choice/stops.js")
    there = page.evaluate("(sizes) => [TEMPERATURES, TOP_PS, MIN_PS, ...sizes.map(topKs)]", SIZES)
    assert there == [list(values) for values in (STOPS["temperature"], STOPS["top_p"], STOPS["min_p"], *map(top_ks, SIZES))]


def test_a_thumb_stands_on_the_stop_of_its_value(window: Window) -> None:
    page = page_with(window, "choice/scales.js")
    for values in (*map(list, STOPS.values()), *([*top_ks(size)] for size in SIZES)):
        assert page.evaluate("(values) => values.map((value) => nearest(values, value))", values) == list(range(len(values)))


def test_top_k_reaches_every_small_number_and_all_of_the_vocabulary() -> None:
    for size in SIZES:
        *values, last = top_ks(size)
        assert last is None
        assert values[:20] == list(range(1, min(size, 21)))
        assert values == sorted(set(values)) and all(k < size for k in values)
        assert len(values) < 120


@pytest.mark.parametrize(
    ("name", "low", "high", "must"), [("temperature", 0, 5, 1), ("top_p", 0.01, 1, 0.95), ("min_p", 0, 1, 0.05)]
)
def test_a_slider_reaches_from_end_to_end(name: str, low: float, high: float, must: float) -> None:
    values = STOPS[name]
    assert values[0] == low and values[-1] == high and must in values and list(values) == sorted(set(values))
