"""The snippet that a page offers, run as whoever copies it would run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest


def run_snippet(at: AppTest, folder: Path) -> dict[str, Any]:
    """The names that the page's snippet leaves behind; AssertionError where the page has none, or more than one.

    folder: of the model, which a page calls by its name alone: where a server keeps its models is nobody's business.
    """
    found = [block.value for block in at.code if block.value.startswith("import gptcore")]
    assert len(found) == 1, f"{len(found)} snippets on the page"
    code = found[0].replace(f"gptcore.load({folder.name!r})", f"gptcore.load({str(folder)!r})")
    assert code != found[0]
    names: dict[str, Any] = {}
    exec(compile(code, "snippet", "exec"), names)
    return names
