"""Opening one page of the app without a browser, and what every picture on it must have."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.shell.navigation import PAGES

ROOT = Path(__file__).parents[2]
ENTRY = ROOT / "app" / "entry.py"
# What every page must be able to show; the last one fills the 64 positions of the tiny model to the end.
PROMPTS = {
    "default": "Once upon a time",
    "empty": "",
    "one token": "a",
    "repeated tokens": "the the the the",
    "emoji": "a 🙂",
    "markup": "<b>$x$</b> *a* %{x}",
    "longest": "a" * 64,
}
JUNK = {"layer": "99", "head": "-1", "position": "x", "step": "5", "chosen": "!", "temperature": "nan", "seed": "1e9"}


def with_open_menus(at: AppTest) -> AppTest:
    """What is in a menu is drawn while it is open."""
    for menu in ("edit_text", "run_settings", "branches"):
        at.session_state[menu] = True
    return at


def open_page(monkeypatch: pytest.MonkeyPatch, folder: Path, page: str, **query: str) -> AppTest:
    """The page as a visitor with the link `?model=<folder>&...` gets it, the maths and checks beside its figure unfolded and its
    menus open. Without another word: no exception, no error message."""
    monkeypatch.setenv("GLASS_MODELS", str(folder))
    at = with_open_menus(AppTest.from_file(str(ENTRY), default_timeout=60))
    for name, value in {"model": str(folder), "open": "maths.checks", **query}.items():
        at.query_params[name] = value
    if page != PAGES[0].file:  # before the first run: one run a page; the first page is where one is without a word
        at.switch_page(str(ROOT / "pages" / f"{page}.py"))
    at.run()
    assert not at.exception and not at.error, [each.value for each in (*at.exception, *at.error)]
    return at


def figures(at: AppTest) -> list[dict[str, Any]]:
    """The figures of the page, drawn by our components or by plotly, as plotly's JSON; each has a title, an alt text and axes, if
    any, that say what they are."""
    ours = [(element.proto.component_name, _handed(element.proto.bytes)) for element in at.get("bidi_component")]
    found = [header for name, header in ours if name == "glass_figure"]
    # And those that a component draws whose sliders move them.
    found += [
        header["value"]["figure"] for name, header in ours if name == "glass_vocabulary" and "figure" in (header["value"] or ())
    ]
    found += [json.loads(element.proto.spec) for element in at.get("plotly_chart")]
    for figure in found:
        layout = figure["layout"]
        assert layout["title"]["text"] and len(layout["meta"]["alt"]) > 40
        if figure["data"][0]["type"] == "treemap":
            continue
        for axis in (layout["xaxis"], layout["yaxis"]):
            assert axis.get("title", {}).get("text") or axis.get("ticktext")  # a title, or a name at every tick
    return found


def _handed(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + length])["header"] if length else {}


def figure(at: AppTest, title: str) -> dict[str, Any]:
    """The one figure whose title begins so."""
    found = [f for f in figures(at) if f["layout"]["title"]["text"].replace("<br>", " ").startswith(title)]
    assert len(found) == 1, [f["layout"]["title"]["text"] for f in figures(at)]
    return found[0]


def numbers(field: Any) -> np.ndarray:
    """A trace's values, whether they travel as a list or packed; a gap is NaN."""
    if not isinstance(field, dict):
        return np.array([np.nan if value is None else value for value in field], dtype=float)
    values = np.frombuffer(base64.b64decode(field["bdata"]), np.dtype(field["dtype"])).astype(float)
    return values.reshape([int(n) for n in field["shape"].split(",")]) if "shape" in field else values


def printed(at: AppTest) -> str:
    """All texts that the page wrote as HTML or markdown, formulas included; words as they are read, without what links them to their
    meaning."""
    return plain("\n".join(str(element.proto.body) for kind in ("html", "markdown", "latex") for element in at.get(kind)))


def finding(at: AppTest) -> str:
    """The sentences under a beat's question: the page's first text in Markdown, what comes before it is drawn as HTML."""
    return plain(str(at.main.markdown[0].value))


def plain(text: str) -> str:
    """Markdown in which no word is linked to its meaning, and no space keeps a line from breaking."""
    return re.sub(r'\[([^\]]*)\]\(glossary\?find=\S+ "(?:[^"\\]|\\.)*"\)', r"\1", text).replace("\N{NO-BREAK SPACE}", " ")


def everything(at: AppTest) -> tuple[str, list[bytes]]:
    """All that is written, and what the components were handed: whether anything has changed."""
    return printed(at), [bytes(element.proto.bytes) for element in at.get("bidi_component")]


def descriptions(at: AppTest) -> list[str]:
    """What is said of each check: what it compares, and what its deviation is measured in."""
    return [
        element.value for element in at.caption if "Deviation in " in element.value or "Deviation as a share" in element.value
    ]


def badges(at: AppTest) -> list[str]:
    """What stands on the badge of each check: its name, and how far both ways to its numbers are apart."""
    return [element.value for element in at.markdown if "-badge[" in element.value]
