"""The parts of the embeddings page, in their order."""

from __future__ import annotations

from app import ui
from app.chapters.embeddings import sections
from app.runtime import Here


def _sum(here: Here) -> None:
    _token(here)
    sections.the_sum(here)


def _similar(here: Here) -> None:
    _token(here)
    sections.the_neighbours(here)


def _positions(here: Here) -> None:
    _token(here)
    sections.the_positions(here)


def _token(here: Here) -> None:
    ui.note(f"Token {here.tokens[here.position]} at position {here.position}. Click another in the text above.")


PARTS: ui.Parts = {
    "sum": ("The sum", _sum),
    "similar": ("Similar tokens", _similar),
    "positions": ("Similar positions", _positions),
    "lengths": ("Vector norms", sections.the_lengths),
    "plane": ("2-D projection (PCA)", sections.the_plane),
}
