"""What the tests of several pages share."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from app import ui


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """File name -> the data that the page last offered under it."""
    offered: dict[str, pd.DataFrame] = {}

    def keep(name: str, data: Any, figures: object = (), *, label: str = "") -> None:
        offered[name] = data() if callable(data) else data

    monkeypatch.setattr(ui, "export_menu", keep)
    return offered
