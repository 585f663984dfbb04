"""The pages, in the order of the story: the one list that the chapter bar, the map and the links between pages are made from."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from app import state

PAGES_FOLDER = Path(__file__).resolve().parents[2] / "pages"
_WANTED = "wanted_page"
CHAPTERS, REFERENCE, LAB = "Chapters", "Reference", "Lab"


@dataclass(frozen=True)
class PageEntry:
    """file: in pages/, without .py, and the page's address; title: in the chapter bar and the browser's tab; group: Chapters, which
    are numbered in this order, Reference, or Lab, where one tries what a model can be made to do; stage: its colour, "whole" for none."""

    file: str
    title: str
    group: str
    stage: str


PAGES: tuple[PageEntry, ...] = (
    PageEntry("write", "Write", CHAPTERS, "probability"),
    PageEntry("tokens", "Tokens", CHAPTERS, "tokens"),
    PageEntry("embeddings", "Embeddings", CHAPTERS, "embeddings"),
    PageEntry("block", "Block", CHAPTERS, "residual"),
    PageEntry("attention", "Attention", CHAPTERS, "attention"),
    PageEntry("layer_norm", "LayerNorm", CHAPTERS, "layer_norm"),
    PageEntry("feed_forward", "Feed-forward", CHAPTERS, "feed_forward"),
    PageEntry("shortcuts", "Shortcuts", CHAPTERS, "residual"),
    PageEntry("lens", "Lens", CHAPTERS, "probability"),
    PageEntry("sampling", "Sampling", CHAPTERS, "probability"),
    PageEntry("map", "Map", REFERENCE, "whole"),
    PageEntry("parameters", "Parameters", REFERENCE, "whole"),
    PageEntry("scale", "GPT-2 and GPT-3", REFERENCE, "whole"),
    PageEntry("kv_cache", "K/V cache", REFERENCE, "attention"),
    PageEntry("glossary", "Glossary", REFERENCE, "whole"),
    PageEntry("what_if", "What if?", LAB, "ablation"),
    PageEntry("patching", "Patching", LAB, "residual"),
    PageEntry("why", "Why this token?", LAB, "probability"),
    PageEntry("branches", "Branches", LAB, "tokens"),
    PageEntry("compare", "Compare", LAB, "reference"),
    PageEntry("learning", "Learning", LAB, "probability"),  # the last of its group
)


# Pages that need none of the model's weights, and which of their parts; none named: all.
WITHOUT_WEIGHTS: Mapping[str, tuple[str, ...]] = {
    "map": (),
    "glossary": (),
    "scale": (),
    "parameters": ("where", "memory", "work", "configuration"),
    "shortcuts": ("experiment",),
    "layer_norm": ("classroom", "stack"),
    "feed_forward": ("functions",),
}


def needs_weights(file: str, part: str) -> bool:
    """Whether a part of a page shows something of the model itself."""
    parts = WITHOUT_WEIGHTS.get(file)
    return parts is None or (bool(parts) and part not in parts)


def want(file: str) -> None:
    """Go to this page before the next run draws anything."""
    state.remember(_WANTED, file)


def follow() -> None:
    """Go to the page that is wanted, if one is."""
    if wanted := state.remembered(_WANTED, None):
        state.remember(_WANTED, None)
        st.switch_page(page(wanted))


def entry(file: str) -> PageEntry:
    """The entry of a page. Raises StopIteration for a page that is not in the list."""
    return next(found for found in PAGES if found.file == file)


def name(found: PageEntry) -> str:
    """As a visitor is told it: "5 Attention"; pages outside the chapters have no number."""
    chapters = [page for page in PAGES if page.group == CHAPTERS]
    return f"{chapters.index(found) + 1} {found.title}" if found in chapters else found.title


def chapter(file: str) -> str:
    """How a text names a chapter: "chapter 5"."""
    return f"chapter {name(entry(file)).split()[0]}"


def page(file: str) -> StreamlitPage:
    """The page as `st.navigation`, `st.page_link` and `st.switch_page` take it: a run's own, since it is marked while it is drawn."""
    return copy(_looked_up(file))


@cache
def _looked_up(file: str) -> StreamlitPage:
    """Made once: each time the folders up to its file would be looked up, a tenth of what a run of the script takes for all pages."""
    found = entry(file)
    first = found is PAGES[0]
    return st.Page(PAGES_FOLDER / f"{file}.py", title=found.title, url_path="" if first else file, default=first)


def pages() -> list[StreamlitPage]:
    """All pages, for `st.navigation`."""
    return [page(found.file) for found in PAGES]


def file_of(shown: StreamlitPage) -> str:
    """The name in this list of a page that `st.navigation` gave back."""
    return shown.url_path or PAGES[0].file
