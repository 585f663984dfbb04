"""How text is written in figures; numbers come from app/writing/numbers.py.

Plotly reads labels, titles and hovers as HTML: whatever a user or a model wrote goes through `escape`, here and nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

Unit = Literal["%"] | str
PERCENT_TICKS = "~%"  # plotly's tickformat for shares: as many decimals as tell the ticks apart
_MARKS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "{": "&#123;", "}": "&#125;", "$": "&#36;"})


def escape(text: str) -> str:
    """Text as plotly shows it unchanged: no tag, no entity, no hover template (`%{x}`) and no LaTeX (`$...$`) comes of it."""
    return text.translate(_MARKS)


def with_unit(title: str, unit: Unit) -> str:
    """An axis title: "attention weight (%)"; without a unit the title alone."""
    return f"{title} ({unit})" if unit else title


def token_label(token: str, position: int) -> str:
    """A token with its position, which tells equal tokens apart. Not escaped."""
    return f"{token} ({position})"


def shorten(text: str, length: int = 14) -> str:
    """At most `length` characters, the last an ellipsis where some were left out."""
    return text if len(text) <= length else text[: length - 1] + "…"


def thinned(tokens: Sequence[str], most: int) -> tuple[list[int], list[str]]:
    """Tick positions and escaped, shortened texts: all, or every k-th so that at most `most` stand on the axis."""
    step = max(1, math.ceil(len(tokens) / most))
    positions = list(range(0, len(tokens), step))
    return positions, [escape(shorten(tokens[i])) for i in positions]


def wrapped(title: str, length: int = 46) -> str:
    """A title, escaped, in lines that fit a phone, since plotly breaks none by itself."""
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > length:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(escape(line) for line in lines)


def file_name(title: str) -> str:
    """A title as the name of a file, without its ending."""
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)[:60].strip("-") or "figure"
