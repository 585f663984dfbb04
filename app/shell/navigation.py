"""The pages, in the order of the computation: the one list that the menu, the map and the links between pages are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

PAGES_FOLDER = Path(__file__).resolve().parents[2] / "pages"


@dataclass(frozen=True)
class PageEntry:
    """file: in pages/, without .py, and the page's address; title: in the menu; group: the menu it is in; stage: its colour, "whole"
    for none."""

    file: str
    title: str
    group: str
    stage: str


PAGES: tuple[PageEntry, ...] = (
    PageEntry("write", "Generate", "", "probability"),
    PageEntry("map", "Map", "", "whole"),
    PageEntry("tokens", "Tokens", "Input", "tokens"),
    PageEntry("embeddings", "Embeddings", "Input", "embeddings"),
    PageEntry("layer_norm", "LayerNorm", "Inside a block", "layer_norm"),
    PageEntry("attention", "Attention", "Inside a block", "attention"),
    PageEntry("feed_forward", "Feed-forward and GELU", "Inside a block", "feed_forward"),
    PageEntry("shortcuts", "Shortcut connections", "Inside a block", "residual"),
    PageEntry("block", "Transformer block", "Inside a block", "residual"),
    PageEntry("lens", "Logit lens", "Output", "probability"),
    PageEntry("sampling", "Sampling", "Output", "probability"),
    PageEntry("parameters", "Parameters", "The whole model", "whole"),
    PageEntry("scale", "GPT-2 and GPT-3", "The whole model", "whole"),
    PageEntry("kv_cache", "K/V cache", "The whole model", "attention"),
    PageEntry("glossary", "Glossary", "The whole model", "whole"),
)


def page(file: str) -> StreamlitPage:
    """The page as `st.navigation`, `st.page_link` and `st.switch_page` take it."""
    found = next(entry for entry in PAGES if entry.file == file)
    first = found is PAGES[0]
    return st.Page(PAGES_FOLDER / f"{file}.py", title=found.title, url_path="" if first else file, default=first)


def is_there(file: str) -> bool:
    """Whether the page has been written; a link to one that has not would fail."""
    return (PAGES_FOLDER / f"{file}.py").is_file()


def menu() -> dict[str, list[StreamlitPage]]:
    """Group -> pages, for `st.navigation`."""
    groups: dict[str, list[StreamlitPage]] = {}
    for found in PAGES:
        if is_there(found.file):
            groups.setdefault(found.group, []).append(page(found.file))
    return groups
