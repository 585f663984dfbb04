"""What several tests of the core share."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gptcore import store as store_module
from gptcore.model import GPTModel


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
