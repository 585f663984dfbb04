"""What several tests of the core share: a count of the tokens that ran, and a hub of models on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gptcore import store as store_module
from gptcore.model import GPTModel
from tests.gptcore.small_hub import NAME, Hub, point_client


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each forward pass took, in the order in which they ran."""
    counts: list[int] = []
    run = store_module.run_tokens

    def counted(model: GPTModel, buffer: store_module.Buffer, new_ids: Sequence[int]) -> None:
        counts.append(len(new_ids))
        run(model, buffer, new_ids)

    monkeypatch.setattr(store_module, "run_tokens", counted)
    return counts


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_folder: Path) -> Iterator[Hub]:
    """A hub that has the tiny model as owner/tiny; this program's client talks to it, with an empty cache."""
    served = Hub({NAME: {path.name: path.read_bytes() for path in tiny_folder.iterdir()}})

    stop = served.start()
    point_client(monkeypatch, served.url, tmp_path / "hub")
    yield served
    stop()
