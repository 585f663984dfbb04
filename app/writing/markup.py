"""Tokens are user text: the one place where text is made safe for HTML and markdown."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the first page draws without pandas
    import pandas as pd

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:^=&])")


def escape_html(text: str) -> str:
    """Text as it is, for HTML."""
    return html.escape(text, quote=True)


def escape_markdown(text: str) -> str:
    """Text as it is, for Streamlit's markdown: no emphasis, LaTeX, colour, icon, link or image comes of it."""
    return _MARKDOWN.sub(r"\\\1", text)


def code(text: str) -> str:
    """A token inside a sentence of Markdown: as it is, set apart from the words; one of punctuation alone in quotes, or it is taken for
    the sentence's own."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    inner = f" {text} " if text.startswith("`") or text.endswith("`") or not text.strip() else text
    marked = f"{ticks}{inner}{ticks}"
    return quoted(marked) if text and all(unicodedata.category(sign).startswith("P") for sign in text) else marked


def quoted(token: str) -> str:
    """A token's visible text within a line of plain text, where it has no chip: in quotes, or a comma of the text is taken for one of the
    sentence."""
    return f"“{token}”"


def as_read(text: str) -> str:
    """A token's visible text as it stands in a sentence: its marks of spaces are spaces again."""
    return text.replace("␣", " ").replace("↵", "\n")


def shape(*sizes: int) -> str:
    """[1, 13, 4096], as a tensor's shape is written."""
    return f"[{', '.join(str(size) for size in sizes)}]"


def chip(text: str, kind: str = "") -> str:
    """A token as an HTML chip."""
    return f'<code class="chip {kind}">{escape_html(text)}</code>'


def wrapping(html: str) -> str:
    """A cell of words that may stand in several lines where room is short; what has numbers never does."""
    return f'<div class="wrap">{html}</div>'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = (), marked: int | None = None) -> str:
    """A small HTML table. Cells are HTML already: pass text through escape_html or chip. numeric: columns that are right-aligned;
    marked: the row that is lit."""

    def cell(tag: str, index: int, content: str) -> str:
        css = ' class="number"' if index in numeric else ""
        return f"<{tag}{css}>{content}</{tag}>"

    def row(index: int, cells: Sequence[str]) -> str:
        css = ' class="marked"' if index == marked else ""
        return f"<tr{css}>{''.join(cell('td', i, c) for i, c in enumerate(cells))}</tr>"

    head = "".join(cell("th" if c else "td", i, escape_html(c)) for i, c in enumerate(columns))
    body = "".join(row(i, cells) for i, cells in enumerate(rows))
    return f'<div class="table-box"><table class="glass"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


@dataclass(frozen=True)
class NumberBar:
    """A number as a bar. text: the number; start, end: where it lies, as shares of its column; colour: hexadecimal."""

    text: str
    start: float
    end: float
    colour: str


def bars(
    columns: Sequence[str], rows: Sequence[Sequence[str | NumberBar]], faded: Sequence[int] = (), marked: int | None = None
) -> str:
    """Numbers as bars, row under row, in HTML: for what has a few columns of different units. Cells are HTML already, or bars; faded:
    rows that do not count; marked: the one that is lit."""

    def cell(content: str | NumberBar) -> str:
        if isinstance(content, str):
            return f"<td>{content}</td>"
        low, high = (100 * min(max(share, 0.0), 1.0) for share in sorted((content.start, content.end)))
        bar = f'<i style="left: {low:.2f}%; width: {max(high - low, 0.4):.2f}%; background: {content.colour}"></i>'
        return f'<td class="bar"><div><span>{bar}</span><b>{escape_html(content.text)}</b></div></td>'

    head = "".join(f"<th>{escape_html(name)}</th>" if name else "<td></td>" for name in columns)
    kinds = [' class="marked"' if i == marked else ' class="faded"' if i in faded else "" for i in range(len(rows))]
    lines = (f"<tr{kind}>{''.join(map(cell, cells))}</tr>" for kind, cells in zip(kinds, rows, strict=True))
    return (
        f'<div class="table-box"><table class="bars"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def csv(table: pd.DataFrame) -> str:
    """A table as CSV, with a quote before each text that a spreadsheet would run as a formula: one that begins with = + - @ or a tab."""
    texts = [name for name in table if table[name].map(lambda cell: isinstance(cell, str)).any()]
    return table.assign(**{name: table[name].map(_no_formula) for name in texts}).rename(columns=_no_formula).to_csv(index=False)


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
