"""Fixtures of several files of this folder: the outsider, and the traces of two texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gptcore.reference import REFERENCE_TEXT
from tests.gptcore.peer import Peer
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
