"""What several tests of the core share: an outsider and the traces of two texts, a count of the tokens that ran, and a hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gptcore import store as store_module
from gptcore.model import GPTModel
from gptcore.reference import REFERENCE_TEXT
from tests.gptcore.peer import Peer
from tests.gptcore.small_hub import NAME, Hub, point_client
from tests.gptcore.two_texts import IDS, SOURCE

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel
    from gptcore.trace import Trace


@pytest.fixture(scope="module")
def peer(tiny_folder: Path, tiny_model: LanguageModel) -> Peer:
    return Peer(tiny_folder, tiny_model.tokenizer.encode(REFERENCE_TEXT))


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return tiny_model.trace(IDS)


@pytest.fixture(scope="module")
def source(tiny_model: LanguageModel) -> Trace:
    return tiny_model.trace(SOURCE)


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
