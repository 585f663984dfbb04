"""What the tests of effects, patches and attributions share: one short text, another, and the tokens that are followed."""

from __future__ import annotations

from torch import Tensor

from gptcore.patching import LogitDifference

IDS = tuple((37 * i * i + 11 * i + 5) % 290 for i in range(9))
SOURCE = (*IDS[:3], 17, *IDS[4:7], 40, IDS[8])  # other tokens at 3 and 7
TARGET, RIVAL = 33, 34
METRIC = LogitDifference(TARGET, RIVAL)


def difference(logits: Tensor) -> float:
    return float(logits[-1, TARGET] - logits[-1, RIVAL])
