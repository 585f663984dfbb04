"""A hub of models on this machine, for the tests that download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gptcore.small_hub import NAME, Hub, point_client


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_folder: Path) -> Iterator[Hub]:
    """A hub that has the tiny model as owner/tiny; this program's client talks to it, with an empty cache."""
    served = Hub({NAME: {path.name: path.read_bytes() for path in tiny_folder.iterdir()}})

    stop = served.start()
    point_client(monkeypatch, served.url, tmp_path / "hub")
    yield served
    stop()
