"""What the Python side of the maps sends, and what it takes from a browser that may send anything."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app import state
from app.components import map_canvas, map_cells, vocabulary
from app.components.map_canvas import HeadSummary, levels, overview, prepare, token_map

TOKENS = ["the", "␣cat", "the"]
MAP = np.array([[1, np.nan, np.nan], [0.25, 0.75, np.nan], [0.5, 0.3, 0.2]], dtype=np.float32)


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The other half of `pack`, in Python."""
    length = int.from_bytes(data[:4], "little")
    text = json.loads(data[4 : 4 + length])
    arrays = {
        name: np.frombuffer(data, entry["dtype"], int(np.prod(entry["shape"])), 4 + length + entry["offset"]).reshape(
            entry["shape"]
        )
        for name, entry in text["arrays"].items()
    }
    return text["header"], arrays


class StandIn:
    """Stands in for Streamlit: keeps what was mounted, and lets a test speak as the browser would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mounted: dict[str, dict[str, Any]] = {}
        self.said: dict[tuple[str, str], Any] = {}

        def component(name: str) -> Callable[..., None]:
            return lambda *, key, **rest: self.mounted.__setitem__(key, rest)

        for module in (map_canvas, map_cells, vocabulary):
            monkeypatch.setattr(module, "component", component)
        monkeypatch.setattr(state, "component_value", lambda key, name: self.said.get((key, name)))

    def header(self, key: str = "m") -> dict[str, Any]:
        return unpacked(self.mounted[key]["data"])[0]

    def values(self, key: str = "m") -> tuple[dict[str, Any], np.ndarray]:
        header, arrays = unpacked(self.mounted[f"{key}_values"]["data"])
        return header["value"], arrays["values"]

    def says(self, name: str, value: Any, key: str = "m") -> None:
        self.said = {(key, name): value}
        self.mounted[key][f"on_{name}_change"]()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(monkeypatch)


def causal(n: int, seed: int = 0) -> np.ndarray:
    """Attention weights of n tokens that look like some: rows sum to 1, the future is NaN."""
    scores = np.where(np.tri(n) > 0, np.random.default_rng(seed).normal(0, 2, (n, n)), -np.inf)
    weights = np.exp(scores)
    return np.where(np.tri(n) > 0, weights / weights.sum(1, keepdims=True), np.nan).astype(np.float32)


def draw_map(**changes: Any) -> None:
    token_map(**{"values": MAP, "key": "m", "row_tokens": TOKENS, "col_tokens": TOKENS, "title": "One head"} | changes)


def draw_overview(**changes: Any) -> None:
    overview(**{"maps": np.stack([[MAP] * 3] * 2), "key": "m", "title": "All heads", "tokens": TOKENS} | changes)


# ---- levels ------------------------------------------------------------------------------------------------------------


def test_levels_run_along_the_scale_and_keep_one_for_what_is_left_out() -> None:
    assert levels([0, 0.25, 1, np.nan, 2]).tolist() == [0, 127, 254, 255, 254]
    assert levels([-3, 0, 1.5, 3, np.nan, -9], "signed", 3).tolist() == [0, 127, 191, 254, 255, 0]


def test_a_level_tells_small_weights_apart() -> None:
    assert len(set(levels([0, 0.001, 0.003, 0.01, 0.02, 0.05]).tolist())) == 6


def test_a_level_is_never_far_from_its_value() -> None:
    weights = np.linspace(0, 1, 5001)
    read_back = (levels(weights).astype(float) / 254) ** 2
    assert np.abs(read_back - weights).max() < 0.004


# ---- one map -----------------------------------------------------------------------------------------------------------


def test_a_short_map_travels_exactly(page: StandIn) -> None:
    draw_map()
    said, values = page.values()
    assert said["exact"] is True
    assert values.dtype == np.float32
    assert np.array_equal(values, MAP, equal_nan=True)
    assert "m_cells" not in page.mounted


def test_a_map_of_1024_tokens_travels_as_levels_in_less_than_a_megabyte(page: StandIn) -> None:
    values, tokens = causal(1024), ["␣tokens"] * 1024
    draw_map(values=values, row_tokens=tokens, col_tokens=tokens, linked_text=True)
    said, sent = page.values()
    assert said["exact"] is False
    assert said["shape"] == [1024, 1024]
    assert zlib.decompress(sent.tobytes()) == levels(values).tobytes()
    assert sum(len(mounted["data"]) for mounted in page.mounted.values()) < 700_000


def test_header_and_values_belong_together_by_their_stamp(page: StandIn) -> None:
    draw_map()
    first = page.header()["stamp"]
    assert page.values()[0]["stamp"] == first
    draw_map(row=2)
    assert page.header()["stamp"] == first
    draw_map(values=MAP.T)
    assert page.header()["stamp"] != first


def test_a_click_does_not_send_the_values_again(page: StandIn) -> None:
    draw_map()
    before = page.mounted["m_values"]["data"]
    draw_map(row=1)
    assert page.mounted["m_values"]["data"] == before
    assert page.header()["row"] == 1


def test_a_click_on_a_cell_or_on_a_row_alone_reaches_the_page(page: StandIn) -> None:
    cells: list[tuple[int, int | None]] = []
    draw_map(on_row=lambda *cell: cells.append(cell))
    for column in (1, None, 3, "x"):  # the last two are junk, and no columns
        page.says("row", {"row": 2, "col": column, "stamp": page.header()["stamp"]})
    assert cells == [(2, 1), (2, None), (2, None), (2, None)]


@pytest.mark.parametrize("junk", [None, 2, "2", {}, {"row": 3}, {"row": -1}, {"row": "1"}, {"row": 1.5}, {"row": 2, "stamp": 1}])
def test_junk_from_the_browser_is_no_row(page: StandIn, junk: Any) -> None:
    rows: list[int] = []
    draw_map(on_row=lambda row, _: rows.append(row))
    stamped = {"stamp": page.header()["stamp"]} | junk if isinstance(junk, dict) else junk
    page.says("row", stamped)
    assert rows == []


def test_a_prepared_map_is_sent_as_the_values_themselves_would_be(page: StandIn) -> None:
    described: dict[str, Any] = {"row_tokens": TOKENS, "col_tokens": TOKENS, "title": "One head"}
    ready = prepare(MAP, **described)
    draw_map(row=1, linked_text=True)
    by_values = {key: mounted["data"] for key, mounted in page.mounted.items()}
    token_map(ready, key="m", row=1, linked_text=True)
    assert {key: mounted["data"] for key, mounted in page.mounted.items()} == by_values


def test_a_long_prepared_map_fetches_its_rows_from_where_it_is_told(monkeypatch: pytest.MonkeyPatch, page: StandIn) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(map_canvas, "exact_rows", lambda *given: asked.append(given))
    values, tokens = causal(300), ["a"] * 300
    ready = prepare(values, row_tokens=tokens, col_tokens=tokens, title="One head")
    row_of = values.__getitem__
    token_map(ready, key="m", row_of=row_of)
    assert asked == [("m", ready.stamp, 300, row_of)]
    with pytest.raises(ValueError, match="needs row_of"):
        token_map(ready, key="m")


def test_tokens_of_rows_and_columns_that_are_the_same_travel_once(page: StandIn) -> None:
    draw_map()
    assert page.header()["row_tokens"] == TOKENS and page.header()["col_tokens"] is None
    draw_map(col_tokens=["a", "b", "c"])
    assert page.header()["col_tokens"] == ["a", "b", "c"]


def test_signed_maps_have_a_scale_as_wide_as_their_largest_value(page: StandIn) -> None:
    draw_map(values=[[-2, 1, 0]] * 3, scale="signed", unit="logits")
    assert (page.header()["scale"], page.header()["top"], page.header()["unit"]) == ("signed", 2.0, "logits")


@pytest.mark.parametrize(
    ("scale", "top", "beyond"),
    [
        ("signed", 2.0, [False, False]),
        ("signed", 1.5, [True, False]),
        ("signed", 0.5, [True, True]),
        ("probability", 0.5, [False, True]),
    ],
)
def test_a_map_knows_beyond_which_end_of_its_colours_values_lie(
    page: StandIn, scale: str, top: float, beyond: list[bool]
) -> None:
    draw_map(values=[[-2, 1, float("nan")]] * 3, scale=scale, top=top)
    assert page.header()["beyond"] == beyond


def test_a_map_says_what_it_shows(page: StandIn) -> None:
    draw_map(title="Layer 0, head 1")
    alt = page.header()["alt"]
    assert "Layer 0, head 1. 3 rows (query) by 3 columns (key)" in alt
    assert "largest at row the (0), column the (0)" in alt


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row_tokens": ["a"]}, r"\(3, 3\), but there are 1 row and 3 column"),
        ({"col_tokens": ["a", "b", "c"], "linked_text": True}, "same tokens"),
    ],
)
def test_maps_that_do_not_fit_are_refused(page: StandIn, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_map(**changes)


# ---- exact rows of a long map ------------------------------------------------------------------------------------------


def ask(
    page: StandIn, cell: Any, row_of: Callable[[int], Any] = lambda row: [row / 3, np.nan]
) -> tuple[dict[str, Any], np.ndarray]:
    """What the answer to the browser's question about a cell holds."""
    page.said = {("m_cells", "cell"): cell}
    map_cells.exact_rows.__wrapped__("m", 7, 4, row_of)  # without the fragment around it
    header, arrays = unpacked(page.mounted["m_cells"]["data"])
    return header, arrays["values"]


def test_the_exact_values_of_the_row_pointed_at_are_fetched(page: StandIn) -> None:
    header, values = ask(page, {"row": 2, "col": 1, "stamp": 7})
    assert header == {"map": "m", "stamp": 7, "row": 2}
    assert np.array_equal(values, np.array([2 / 3, np.nan], dtype=np.float32), equal_nan=True)


@pytest.mark.parametrize(
    "cell", [None, "x", {"row": 2, "stamp": 8}, {"row": 4, "stamp": 7}, {"row": None, "stamp": 7}, {"stamp": 7}]
)
def test_a_question_about_other_values_is_not_answered(page: StandIn, cell: Any) -> None:
    def never(row: int) -> np.ndarray:
        pytest.fail(f"row {row} was computed")

    header, values = ask(page, cell, never)
    assert header["row"] is None
    assert values.size == 0


# ---- all heads ---------------------------------------------------------------------------------------------------------


def test_the_overview_sends_every_map_as_levels_and_the_focus_apart(page: StandIn) -> None:
    draw_overview(focus=(1, 2))
    said, sent = page.values()
    assert said["shape"] == [2, 3, 3, 3]
    assert zlib.decompress(sent.tobytes()) == levels(np.stack([[MAP] * 3] * 2)).tobytes()
    before = page.mounted["m_values"]["data"]
    draw_overview(focus=(0, 0))
    assert page.header()["focus"] == [0, 0]
    assert page.mounted["m_values"]["data"] == before


def test_levels_that_were_made_before_are_taken_as_they_are(page: StandIn) -> None:
    draw_overview(maps=levels(np.stack([[MAP] * 3] * 2)))
    assert zlib.decompress(page.values()[1].tobytes()) == levels(np.stack([[MAP] * 3] * 2)).tobytes()


def test_the_summary_of_every_head_travels_and_names_the_most_focused_one(page: StandIn) -> None:
    entropy = np.array([[2.0, 1.0, 3.0], [2.5, 0.5, 3.5]])
    places = np.arange(6).reshape(2, 3) % 3
    draw_overview(summary=HeadSummary(entropy, places, places * 0, entropy / 4))
    summary = page.values()[0]["summary"]
    assert summary["entropy"] == [2, 1, 3, 2.5, 0.5, 3.5]
    assert summary["query"] == [0, 1, 2, 0, 1, 2]
    assert "Lowest mean entropy: layer 1, head 1; its largest weight is 12.5 %." in page.header()["alt"]


def test_an_overview_counts_its_layers_and_heads(page: StandIn) -> None:
    draw_overview(maps=np.stack([[MAP] * 3] * 2))
    assert "2 layers of 3 attention heads, one small map each" in page.header()["alt"]
    draw_overview(maps=np.stack([[MAP]]))
    assert "1 layer of 1 attention head, one small map;" in page.header()["alt"]


def test_heads_that_fill_up_travel_without_the_rest(page: StandIn) -> None:
    maps = np.stack([[MAP] * 3] * 2)
    entropy, places = np.ones((2, 3)), np.zeros((2, 3), int)
    begun, none = np.where(np.arange(2)[:, None, None, None] == 1, np.nan, maps), np.array([[1.0] * 3, [np.nan] * 3])
    draw_overview(maps=begun, summary=HeadSummary(none, places, places, none))
    first, (said, _) = page.header(), page.values()
    assert said["summary"]["entropy"] == [1, 1, 1, None, None, None] and "Lowest" not in first["alt"]
    some = np.array([[1.0, 1, 1], [1, 1, np.nan]])
    draw_overview(maps=maps, summary=HeadSummary(some, places, places, some))
    assert page.header() == first and page.values()[0]["version"] != said["version"]
    draw_overview(maps=maps, summary=HeadSummary(entropy, places, places, entropy))
    assert page.header()["stamp"] == first["stamp"] == page.values()[0]["stamp"]


def test_a_click_on_a_head_reaches_the_page(page: StandIn) -> None:
    heads: list[tuple[int, int]] = []
    draw_overview(on_focus=lambda layer, head: heads.append((layer, head)))
    page.says("focus", {"layer": 1, "head": 2})
    assert heads == [(1, 2)]


@pytest.mark.parametrize(
    "junk", [None, 3, {}, {"layer": 1}, {"layer": 2, "head": 0}, {"layer": 0, "head": 3}, {"layer": "0", "head": 0}]
)
def test_junk_from_the_browser_is_no_head(page: StandIn, junk: Any) -> None:
    heads: list[tuple[int, int]] = []
    draw_overview(on_focus=lambda layer, head: heads.append((layer, head)))
    page.says("focus", junk)
    assert heads == []


def test_an_overview_needs_layers_and_heads(page: StandIn) -> None:
    with pytest.raises(ValueError, match=r"\(3, 3\); \[layer, head, row, column\]"):
        draw_overview(maps=MAP)
