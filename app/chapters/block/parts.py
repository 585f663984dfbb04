"""The parts of the block page, in their order."""

from __future__ import annotations

from app import ui
from app.chapters.block import sections
from app.runtime import Here


def _stations(here: Here) -> None:
    ui.layer_and_token(here)
    sections.stations(here)


def _dropout(here: Here) -> None:
    ui.layer_and_token(here)
    sections.dropout(here)


PARTS: ui.Parts = {"stations": ("Station by station", _stations), "dropout": ("Dropout (inactive)", _dropout)}
