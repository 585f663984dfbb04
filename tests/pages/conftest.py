"""What the tests of several pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app import ui
from tests.pages.parameters_page import LAYER, Opened
from tests.pages.visit_page import open_page


@pytest.fixture(autouse=True)
def _shapes_are_checked_where_all_pages_are(request: pytest.FixtureRequest) -> Iterator[None]:
    """test_all_pages.py draws every part with every kind of text while gptcore's annotations are checked. Once more in all the other
    tests of pages would find the same, for two fifths of their time."""
    jaxtyping.config.update("jaxtyping_disable", request.path.name != "test_all_pages.py")
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> Opened:
    """opened(part, **query): that part of the parameters page."""

    def open_part(part: str = "where", **query: str) -> AppTest:
        return open_page(monkeypatch, tiny_folder, "parameters", parameters=part, **{"layer": str(LAYER), **query})

    return open_part


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """File name -> the data that the page last offered under it."""
    offered: dict[str, pd.DataFrame] = {}

    def keep(name: str, data: Any, figures: object = (), **_: object) -> None:
        offered[name] = data() if callable(data) else data

    monkeypatch.setattr(ui, "figure_menu", keep)
    return offered
