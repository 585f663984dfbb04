"""Maps that plotly is too slow for, on a canvas: all attention maps of a model at once, and one map of any length with its text.

What is pointed at stays in the browser. A click, or Enter, goes to Python. The values travel apart from the rest and once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app import state
from app.charts.heatmap import limit_of, map_alt
from app.charts.labels import file_name, percent
from app.components import component, pack
from app.components.map_cells import exact_rows, is_index
from app.components.vocabulary import keep

EXACT_CELLS = 256 * 256  # up to here a map travels as float32, at most 262 kB; a longer one as 8-bit levels
LEFT_OUT = 255  # the level of a cell without a value, such as the future

Scale = Literal["probability", "signed"]


@dataclass(frozen=True)
class HeadSummary:
    """What the overview says of each head; arrays [layer, head].

    entropy: mean over the rows, in bits; query, key, weight: the pair with the largest weight, its positions and the weight.
    """

    entropy: NDArray[np.floating[Any]]
    query: NDArray[np.integer[Any]]
    key: NDArray[np.integer[Any]]
    weight: NDArray[np.floating[Any]]


def levels(values: ArrayLike, scale: Scale = "probability", top: float = 1.0) -> NDArray[np.uint8]:
    """Values as 8-bit levels for looking: 0 to 254 along the colour scale, 255 where the value is NaN. As `levelOf` in scale.js.

    Probabilities by their square root (so that small ones differ), signed values evenly, 127 for 0.
    """
    share = np.asarray(values, dtype=np.float32) / np.float32(top)
    places = 254 * np.sqrt(np.clip(share, 0, 1)) if scale == "probability" else 127 + 127 * np.clip(share, -1, 1)
    with np.errstate(invalid="ignore"):  # NaN has no level of its own and gets one below
        rounded = np.floor(places + 0.5).astype(np.uint8)  # halves go up, as in JavaScript
    return np.where(np.isnan(share), np.uint8(LEFT_OUT), rounded)


def overview(
    maps: ArrayLike,
    *,
    key: str,
    title: str,
    tokens: Sequence[str],
    summary: HeadSummary | None = None,
    focus: tuple[int, int] | None = None,
    on_focus: Callable[[int, int], object] | None = None,
) -> None:
    """Draw maps [layer, head, row, column] as thumbnails, a row a layer, a column a head.

    maps: attention weights, pooled to at most some 64 x 64 (1,200 heads: 24 x 24), NaN for the future; or their `levels` as uint8.
    tokens: the whole sequence, which the positions in `summary` index. focus: (layer, head) that is outlined.
    on_focus(layer, head): called when a head is clicked, or chosen by the keyboard. Raises ValueError if `maps` is not 4-D.
    """
    images = np.asarray(maps)
    if images.ndim != 4:
        raise ValueError(f"The maps have the shape {images.shape}; [layer, head, row, column] is needed.")
    if images.dtype != np.uint8:
        images = levels(images)
    n_layers, n_heads = images.shape[:2]
    header = _header("overview", key, title, "attention weight", "%", "probability", 1.0) | {
        "stamp": _send(key, images, exact=False),
        "alt": f"Overview: {title}. {n_layers} layers of {n_heads} attention heads, one small map each; arrow keys move, Enter chooses."
        + (_most_focused(summary) if summary else ""),
        "tokens": list(tokens) if summary else [],
        "summary": _plain(summary) if summary else None,
        "focus": list(focus) if focus else None,
    }

    def focused() -> None:
        value = state.component_value(key, "focus")
        if on_focus and isinstance(value, dict):
            layer, head = value.get("layer"), value.get("head")
            if is_index(layer, n_layers) and is_index(head, n_heads):
                on_focus(layer, head)

    component("map_canvas")(key=key, data=pack(header), on_focus_change=focused)


def token_map(
    values: ArrayLike,
    *,
    key: str,
    row_tokens: Sequence[str],
    col_tokens: Sequence[str],
    title: str,
    row_title: str = "query",
    col_title: str = "key",
    value_title: str = "attention weight",
    unit: str = "%",
    scale: Scale = "probability",
    top: float | None = None,
    left_out: str = "not seen, it comes later",
    row: int | None = None,
    linked_text: bool = False,
    row_positions: bool = True,
    row_of: Callable[[int], ArrayLike] | None = None,
    on_row: Callable[[int], object] | None = None,
) -> None:
    """Draw one map: values [row, column], NaN for what is left out (`left_out` says why), row 0 at the top.

    unit "%" stands for probabilities between 0 and 1. scale, top: as in app.charts.heatmap. row: the row that is kept in view.
    linked_text: the tokens above the map, tied to it both ways (the rows are the columns). row_positions: whether a row's
    position is named with it. on_row(row): called when a row is clicked, or chosen by the keyboard.
    A map of more than EXACT_CELLS travels as levels; the exact row under the pointer is fetched from `row_of`, or, without it, from
    a copy of the values that is kept until the page runs again.
    Raises ValueError if tokens and values differ in number, or if linked text is asked of a map whose rows are not its columns.
    """
    matrix = np.asarray(values, dtype=np.float32)
    n_rows, n_cols = len(row_tokens), len(col_tokens)
    if matrix.shape != (n_rows, n_cols):
        raise ValueError(f"The values are {matrix.shape}, but there are {n_rows} row and {n_cols} column labels.")
    if linked_text and list(row_tokens) != list(col_tokens):
        raise ValueError("Linked text needs a map whose rows and columns are the same tokens; use linked_text=False.")
    limit = limit_of(matrix, scale, top)
    exact = matrix.size <= EXACT_CELLS
    stamp = _send(key, matrix if exact else levels(matrix, scale, limit), exact=exact)
    header = _header("map", key, title, value_title, unit, scale, limit) | {
        "stamp": stamp,
        "alt": map_alt(matrix, row_tokens, col_tokens, title, row_title, col_title, value_title, unit),
        "row_tokens": list(row_tokens),
        "col_tokens": list(col_tokens),
        "row_title": row_title,
        "col_title": col_title,
        "left_out": left_out,
        "row": row,
        "linked_text": linked_text,
        "row_positions": row_positions,
    }

    def kept() -> None:
        value = state.component_value(key, "row")
        if on_row and isinstance(value, dict) and value.get("stamp") == stamp and is_index(value.get("row"), n_rows):
            on_row(value["row"])

    component("map_canvas")(key=key, data=pack(header), on_row_change=kept)
    if not exact:
        exact_rows(key, stamp, n_rows, row_of or matrix.copy().__getitem__)


def _header(mode: str, key: str, title: str, value_title: str, unit: str, scale: Scale, top: float) -> dict[str, Any]:
    named = {"mode": mode, "key": key, "title": title, "name": file_name(title), "values": f"{key}:values"}
    return named | {"value_title": value_title, "unit": unit, "scale": scale, "top": top}


def _send(key: str, array: np.ndarray, *, exact: bool) -> int:
    """Put the values on the browser's shelf; levels are deflated. Returns the stamp by which a header names them."""
    raw = np.ascontiguousarray(array).tobytes()
    stamp = zlib.crc32(raw, zlib.crc32(str(array.shape).encode()))
    value = {"stamp": stamp, "exact": exact, "shape": list(array.shape)}
    sent = array if exact else np.frombuffer(zlib.compress(raw, 3), dtype=np.uint8)
    keep(f"{key}:values", value, key=f"{key}_values", values=sent)
    return stamp


def _plain(summary: HeadSummary) -> dict[str, list[float | int]]:
    four = {"entropy": 4, "weight": 5}
    return {
        name: [
            round(v, four[name]) if name in four and math.isfinite(v) else v
            for v in np.asarray(getattr(summary, name)).ravel().tolist()
        ]
        for name in ("entropy", "query", "key", "weight")
    }


def _most_focused(summary: HeadSummary) -> str:
    entropy = np.asarray(summary.entropy)
    layer, head = divmod(int(np.argmin(entropy)), entropy.shape[1])
    return (
        f" Lowest mean entropy: layer {layer}, head {head}; its largest weight is {percent(float(summary.weight[layer, head]))}."
    )
