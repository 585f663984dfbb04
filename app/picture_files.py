"""What is drawn on a canvas or as chips, as a stand-alone HTML page: maps, all heads at a glance, a text's tokens."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.charts import Mode, Scale, colour, colour_scale, heatmap, html_page, stand_alone
from app.charts.labels import token_label
from app.charts.theme import MONO, SURFACES, blend
from app.components.map_canvas import LEFT_OUT, HeadSummary, Prepared
from app.components.token_text import TextChip
from app.writing.markup import escape_html
from app.writing.numbers import quantity, significant

DEEPEST = 0.38  # share of the tokens' colour in the chip of the largest value
_PICTURE = "img { image-rendering: pixelated; } h1 { font-size: 18px; } "
_LEGEND = (
    ".scale { width: 300px; height: 10px; } .ticks { position: relative; width: 300px; height: 1.5em; font-size: 12px; } "
    ".ticks span { position: absolute; transform: translateX(-50%); white-space: nowrap; } .legend { margin: 20px 18px; }"
)


def of_map(ready: Prepared, mode: Mode) -> str:
    """A map with its values on hover where it has them, and as a picture where it is so large that it has levels only."""
    header = ready.header
    rows, columns = header["row_tokens"], header["col_tokens"] or header["row_tokens"]
    if ready.exact:
        named = {
            name: header[name]
            for name in ("title", "row_title", "col_title", "value_title", "unit", "scale", "top", "row_positions")
        }
        return stand_alone([heatmap(ready.sent, row_tokens=rows, col_tokens=columns, mode=mode, **named)], mode)
    across = f"{header['col_title']}: {_ends(columns)}"
    down = f"{header['row_title']}: {_ends(rows) if header['row_positions'] else f'{rows[0]} to {rows[-1]}'}"
    # Square cells where rows and columns are the same; else as high as the page draws it.
    shape = (
        f"aspect-ratio: {len(columns)} / {len(rows)}" if len(rows) == len(columns) else f"height: {min(18 * len(rows), 700)}px"
    )
    body = (
        f'<h1>{escape_html(header["title"])}</h1><figure style="margin: 0"><p>down, {escape_html(down)}<br>across, {escape_html(across)}</p>'
        f'<img style="width: 100%; max-width: 1024px; {shape}" alt="{escape_html(header["alt"])}" '
        f'src="{_png(ready.levels, _colours(header["scale"], mode))}"></figure>{_legend(header, mode)}'
    )
    return html_page(escape_html(header["title"]), body, mode, _PICTURE + _LEGEND)


def _ends(tokens: Sequence[str]) -> str:
    return f"{token_label(tokens[0], 0)} to {token_label(tokens[-1], len(tokens) - 1)}"


def of_heads(images: NDArray[np.uint8], summary: HeadSummary, tokens: Sequence[str], title: str, mode: Mode) -> str:
    """Every head as a small picture [layer, head, cell, cell], a row a layer; on hover what the overview says of it."""
    colours = _colours("attention", mode)
    heads = "".join(f"<th>{head}</th>" for head in range(images.shape[1]))
    rows = []
    for layer, maps in enumerate(images):
        said = [_about_head(summary, tokens, layer, head) for head in range(len(maps))]
        cells = [
            f'<td><img alt="{text}" title="{text}" src="{_png(m, colours)}"></td>' for m, text in zip(maps, said, strict=True)
        ]
        rows.append(f"<tr><th>{layer}</th>{''.join(cells)}</tr>")
    body = (
        f"<h1>{escape_html(title)}</h1><p>A row a layer, a column a head. In each map a row is a query, a column a key.</p>"
        f'<table aria-label="{escape_html(title)}"><tr><td></td>{heads}</tr>{"".join(rows)}</table>'
        + _legend({"value_title": "attention weight", "unit": "%", "scale": "attention", "top": 1.0}, mode)
    )
    style = "td img { display: block; width: 64px; height: 64px; } th { font-weight: 400; font-size: 12px; padding: 0 4px; } "
    return html_page(escape_html(title), body, mode, _PICTURE + style + _LEGEND)


def _about_head(summary: HeadSummary, tokens: Sequence[str], layer: int, head: int) -> str:
    """HTML."""
    entropy = float(summary.entropy[layer, head])
    if np.isnan(entropy):
        return f"layer {layer}, head {head}: not computed yet"
    query, key = int(summary.query[layer, head]), int(summary.key[layer, head])
    return escape_html(
        f"layer {layer}, head {head}: mean entropy {quantity(entropy, 'bits')}; strongest: {token_label(tokens[query], query)} attends to "
        f"{token_label(tokens[key], key)}, {quantity(float(summary.weight[layer, head]), '%')}"
    )


def of_chips(chips: Sequence[TextChip], label: str, mode: Mode, legend: tuple[str, str] | None = None) -> str:
    """A text's tokens as chips, the pieces of a group close together; on hover the lines that explain each."""
    surface = SURFACES[mode]
    groups = [list(group) for _, group in groupby(chips, key=lambda chip: chip.group)]
    ends = (_shade(0.0, mode), _shade(1.0, mode))
    key = (
        f'<p>{escape_html(legend[0])} <i style="background: linear-gradient(90deg, {ends[0]}, {ends[1]})"></i> {escape_html(legend[1])}</p>'
        if legend
        else ""
    )
    style = (
        "ol { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 8px; } li { display: flex; flex-wrap: wrap; gap: 2px; } "
        "li.line { flex-basis: 100%; height: 0; } "
        f"li span {{ font: 14px/1.35 {MONO}; padding: 4px 7px; border-radius: 6px; white-space: pre-wrap; "
        f"background: {blend(surface['ink'], surface['paper'], 0.07)}; }} "
        f"li .chosen {{ border-radius: 999px; background: {blend(colour('probability', mode), surface['paper'], 0.22)}; }} "
        f"li .start {{ background: none; outline: 1px solid {blend(surface['ink'], surface['paper'], 0.24)}; }} "
        "small { display: block; text-align: center; opacity: 0.74; } h1 { font-size: 18px; } "
        "i { display: inline-block; width: 72px; height: 9px; border-radius: 4px; margin: 0 7px; }"
    )
    listed = "".join(
        f"<li>{''.join(_chip(chip, mode) for chip in group)}</li>"
        + ("<li class=line></li>" if group[-1].text.endswith("↵") else "")
        for group in groups
    )
    body = f'<h1>{escape_html(label)}</h1><p>Point at a token to see what is said of it.</p><ol aria-label="{escape_html(label)}">{listed}</ol>{key}'
    return html_page(escape_html(label), body, mode, style)


def _chip(chip: TextChip, mode: Mode) -> str:
    said = escape_html("\n".join("".join(line) for line in chip.facts))
    shade = "" if chip.shade is None else f' style="background: {_shade(chip.shade, mode)}"'
    note = f"<small>{escape_html(chip.note)}</small>" if chip.note else ""
    return f'<span class="{chip.kind}" title="{said}"{shade}>{escape_html(chip.text)}{note}</span>'


def _shade(share: float, mode: Mode) -> str:
    """The colour of a chip, as in token_text's style sheet: the deepest on which the text still has a contrast of 4.5."""
    surface = SURFACES[mode]
    return blend(colour("tokens", mode), blend(surface["ink"], surface["paper"], 0.04), DEEPEST * share)


def _colours(scale: Scale, mode: Mode) -> list[str]:
    """The colour of each level, as in the component's scale.js."""
    stops = [stop for _, stop in colour_scale(scale, mode)]
    places = [level / (LEFT_OUT - 1) * (len(stops) - 1) for level in range(LEFT_OUT)]
    low = [min(int(place), len(stops) - 2) for place in places]
    return [*(blend(stops[i + 1], stops[i], place - i) for i, place in zip(low, places, strict=True)), SURFACES[mode]["card"]]


def _png(levels: NDArray[np.uint8], colours: Sequence[str]) -> str:
    """Levels [row, column] as a picture of one pixel a cell, ready for an <img>."""

    picture, file = Image.fromarray(levels), BytesIO()
    picture.putpalette(bytes.fromhex("".join(stop.removeprefix("#") for stop in colours)))
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _legend(header: Mapping[str, Any], mode: Mode) -> str:
    """The scale's bar with its ticks; probabilities stand at their square root, as their colours do."""
    scale, top = header["scale"], header["top"]
    stops = ", ".join(stop for _, stop in colour_scale(scale, mode))
    marks = [-1, -0.5, 0, 0.5, 1] if scale == "signed" else [0, 0.01, 0.1, 0.25, 0.5, 1]
    places = [(mark + 1) / 2 if scale == "signed" else mark**0.5 for mark in marks]
    texts = [
        f"{significant(100 * mark * top)} %" if header["unit"] == "%" else quantity(mark * top, header["unit"]) for mark in marks
    ]
    ticks = "".join(
        f'<span style="left: {100 * place:.0f}%">{escape_html(text)}</span>' for place, text in zip(places, texts, strict=True)
    )
    return (
        f'<div class="legend">{escape_html(header["value_title"])}<div class="scale" style="background: linear-gradient(90deg, {stops})">'
        f'</div><div class="ticks">{ticks}</div></div>'
    )
