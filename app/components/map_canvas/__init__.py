"""Maps that plotly is too slow for, on a canvas: all attention maps of a model at once, and one map of any length with its text.

What is pointed at stays in the browser. A click, or Enter, goes to Python. The values travel apart from the rest and once; what it
takes to make a long map ready for that can be kept (`prepare`).
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app import messages, state
from app.charts import Scale
from app.charts.heatmap import limit_of, map_alt
from app.charts.labels import file_name
from app.components import component, pack
from app.components.map_cells import exact_rows
from app.components.vocabulary import shelve
from app.writing.numbers import counted, percent

EXACT_CELLS = 256 * 256  # up to here a map travels as float32, at most 262 kB; a longer one as 8-bit levels
LEFT_OUT = 255  # the level of a cell without a value, such as the future


@dataclass(frozen=True)
class HeadSummary:
    """What the overview says of each head; arrays [layer, head].

    entropy: mean over the rows, in bits, NaN for a head that is still to be computed; query, key, weight: the pair with the
    largest
    weight, its positions and the weight. Both leave out the first row, which can see only itself, unless there is no other.
    """

    entropy: NDArray[np.floating[Any]]
    query: NDArray[np.integer[Any]]
    key: NDArray[np.integer[Any]]
    weight: NDArray[np.floating[Any]]


def levels(values: ArrayLike, scale: Scale = "probability", top: float = 1.0) -> NDArray[np.uint8]:
    """Values as 8-bit levels for looking: 0 to 254 along the colour scale, 255 where the value is NaN. As `levelOf` in scale.js.

    Probabilities and weights by their square root (so that small ones differ), signed values evenly, 127 for 0.
    """
    share = np.asarray(values, dtype=np.float32) / np.float32(top)
    places = 254 * np.sqrt(np.clip(share, 0, 1)) if scale != "signed" else 127 + 127 * np.clip(share, -1, 1)
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

    maps: attention weights, pooled to at most some 64 x 64 (1,200 heads: 24 x 24), NaN for the future; or their `levels` as
    uint8.
    Maps that fill up from call to call (all NaN until they are there) and their summary travel without the rest.
    tokens: the whole sequence, which the positions in `summary` index. focus: (layer, head) that is outlined.
    on_focus(layer, head): called when a head is clicked, or chosen by the keyboard. Raises ValueError if `maps` is not 4-D.
    """
    images = np.asarray(maps)
    if images.ndim != 4:
        raise ValueError(f"The maps have the shape {images.shape}; [layer, head, row, column] is needed.")
    if images.dtype != np.uint8:
        images = levels(images)
    n_layers, n_heads = images.shape[:2]
    stamp = zlib.crc32(json.dumps([list(images.shape), *tokens]).encode())
    _send(key, *_packed(images, exact=False), stamp=stamp, summary=_plain(summary) if summary else None)
    header = (
        _header("overview", title, "attention weight", "%", "attention", 1.0)
        | _named(key)
        | {
            "stamp": stamp,
            "alt": f"Overview: {title}. {counted(n_layers, 'layer')} of {counted(n_heads, 'attention head')}, one small map"
            + f"{' each' if n_layers * n_heads > 1 else ''}; arrow keys move, Enter chooses."
            + (_most_focused(summary) if summary else ""),
            "tokens": list(tokens) if summary else [],
            "focus": list(focus) if focus else None,
        }
    )

    def focused() -> None:
        value = messages.record(state.component_value(key, "focus"))
        layer, head = messages.index(value.get("layer"), n_layers), messages.index(value.get("head"), n_heads)
        if on_focus and layer is not None and head is not None:
            on_focus(layer, head)

    component("map_canvas")(key=key, data=pack(header), on_focus_change=focused)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A map ready to be sent: what a browser needs of its values, and what stands beside them. n_rows: how many rows it has;
    exact: whether the values travel as they are, or as levels; stamp: by which they are known."""

    header: Mapping[str, Any]
    value: Mapping[str, Any]
    sent: NDArray[Any]
    n_rows: int
    exact: bool
    stamp: int

    @property
    def levels(self) -> NDArray[np.uint8]:
        """What a map travels as that is not exact: levels [row, column]."""
        return np.frombuffer(zlib.decompress(self.sent.tobytes()), np.uint8).reshape(self.value["shape"])


def prepare(
    values: ArrayLike,
    *,
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
    row_positions: bool = True,
    col_positions: bool = True,
    facts: Sequence[Sequence[str]] = (),
) -> Prepared:
    """Make a map ready: values [row, column], NaN for what is left out (`left_out` says why), row 0 at the top.

    unit "%" stands for probabilities between 0 and 1. scale, top: as in app.charts.heatmap. row_positions, col_positions:
    whether a
    row's or a column's position is named with it. facts [row][column]: what else is said of a cell that is pointed at. Some
    100 ms for 1,024 x 1,024 values: keep the result where it is shown again (0.3 to 0.7 MB).
    Raises ValueError if tokens and values differ in number.
    """
    matrix = np.asarray(values, dtype=np.float32)
    if matrix.shape != (len(row_tokens), len(col_tokens)):
        raise ValueError(
            f"The values are {matrix.shape}, but there are {len(row_tokens)} row and {len(col_tokens)} column labels."
        )
    limit = limit_of(matrix, scale, top)
    exact = matrix.size <= EXACT_CELLS
    value, sent = _packed(matrix if exact else levels(matrix, scale, limit), exact=exact)
    header = _header("map", title, value_title, unit, scale, limit) | {
        "stamp": value["version"],
        "beyond": _beyond(matrix, scale, limit),
        "alt": map_alt(
            matrix, row_tokens, col_tokens, title, row_title, col_title, value_title, unit, row_positions, col_positions
        ),
        "row_tokens": list(row_tokens),
        "col_tokens": None if list(col_tokens) == list(row_tokens) else list(col_tokens),  # None: the same once more
        "row_title": row_title,
        "col_title": col_title,
        "left_out": left_out,
        "row_positions": row_positions,
        "col_positions": col_positions,
        "facts": [list(row) for row in facts],
    }
    return Prepared(header, value, sent, len(row_tokens), exact, value["version"])


def token_map(
    values: ArrayLike | Prepared,
    *,
    key: str,
    row: int | None = None,
    column: int | None = None,
    linked_text: bool = False,
    row_of: Callable[[int], ArrayLike] | None = None,
    on_row: Callable[[int, int | None], object] | None = None,
    **described: Any,
) -> None:
    """Draw one map: prepared, or its values with what `prepare` wants to know of them.

    row: the row that is kept in view; column: its cell that is ringed, where one is in focus. linked_text: the tokens above
    the map, tied to it both ways (the rows are the columns).
    on_row(row, column): called when a cell is clicked, or chosen by the keyboard; column None for a click on a token of the text.
    A map of more than EXACT_CELLS travels as levels; the exact row under the pointer is fetched from `row_of`, or, without
    it, from
    a copy of the values that is kept until the page runs again.
    Raises ValueError as `prepare` does, if linked text is asked of a map whose rows are not its columns, and if a long
    prepared map
    comes without `row_of`.
    """
    if isinstance(values, Prepared):
        ready = values
    else:
        ready = prepare(values, **described)
        row_of = row_of or np.array(values, dtype=np.float32).__getitem__
    if linked_text and ready.header["col_tokens"] is not None:
        raise ValueError("Linked text needs a map whose rows and columns are the same tokens; use linked_text=False.")
    if not ready.exact and row_of is None:
        raise ValueError("A long map that was prepared needs row_of, which gives its exact rows.")
    _send(key, ready.value, ready.sent, stamp=ready.stamp)
    header = {**ready.header, **_named(key), "row": row, "col": column, "linked_text": linked_text}

    def kept() -> None:
        value = messages.record(state.component_value(key, "row"))
        row = messages.index(value.get("row"), ready.n_rows)
        if on_row and value.get("stamp") == ready.stamp and row is not None:
            on_row(row, messages.index(value.get("col"), ready.value["shape"][1]))

    component("map_canvas")(key=key, data=pack(header), on_row_change=kept)
    if not ready.exact and row_of is not None:
        exact_rows(key, ready.stamp, ready.n_rows, row_of)


def _header(mode: str, title: str, value_title: str, unit: str, scale: Scale, top: float) -> dict[str, Any]:
    named = {"mode": mode, "title": title, "name": file_name(title)}
    return named | {"value_title": value_title, "unit": unit, "scale": scale, "top": top}


def _beyond(values: np.ndarray, scale: Scale, top: float) -> list[bool]:
    """Whether values lie beyond the lower and the upper end of the colour scale, and are drawn in the colour of that end."""
    reach = top * (1 + 1e-6)
    return [scale == "signed" and bool((values < -reach).any()), bool((values > reach).any())]


def _named(key: str) -> dict[str, str]:
    return {"key": key, "values": f"{key}:values"}


def _packed(array: np.ndarray, *, exact: bool) -> tuple[dict[str, Any], np.ndarray]:
    """What is said of values on the shelf, their version by content among it, and the values as they travel: levels are deflated."""
    raw = np.ascontiguousarray(array).tobytes()
    version = zlib.crc32(raw, zlib.crc32(str(array.shape).encode()))
    sent = array if exact else np.frombuffer(_deflated(raw), dtype=np.uint8)
    return {"version": version, "exact": exact, "shape": list(array.shape)}, sent


def _deflated(raw: bytes) -> bytes:
    """As zlib does it, looking for runs alone: of a map that resembles noise a fifth less than by its level 3, in half the time."""
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    return packer.compress(raw) + packer.flush()


def _send(key: str, value: Mapping[str, Any], sent: np.ndarray, *, stamp: int, **more: Any) -> None:
    """Put the values on the browser's shelf; stamp: by which a header names them."""
    shelve(f"{key}:values", {**value, "stamp": stamp, **more}, key=f"{key}_values", values=sent)


def _plain(summary: HeadSummary) -> dict[str, list[float | int | None]]:
    """Lists for JSON; what is not there yet is None."""
    digits = {"entropy": 4, "query": 0, "key": 0, "weight": 5}
    return {
        name: [
            None if math.isnan(v) else round(v, n) if n else int(v) for v in np.asarray(getattr(summary, name)).ravel().tolist()
        ]
        for name, n in digits.items()
    }


def _most_focused(summary: HeadSummary) -> str:
    entropy = np.asarray(summary.entropy)
    if np.isnan(entropy).any():
        return ""
    layer, head = divmod(int(np.argmin(entropy)), entropy.shape[1])
    return (
        f" Lowest mean entropy: layer {layer}, head {head}; its largest weight is {percent(float(summary.weight[layer, head]))}."
    )
