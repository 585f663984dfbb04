"""The losses of guessers without a network."""

import numpy as np
import pytest

from gptcore.training.baselines import baselines


def test_baselines_are_what_one_counts_by_hand():
    found = baselines(np.array([0, 0, 1, 0]), np.array([0, 1]), vocab_size=2)
    # frequencies with one added: (3 + 1) / 6 and (1 + 1) / 6; pairs after 0: 00 once, 01 once, each and one: 2 / 4
    assert found["uniform"] == pytest.approx(np.log(2))
    assert found["frequency"] == pytest.approx(-(np.log(4 / 6) + np.log(2 / 6)) / 2)
    assert found["pairs"] == pytest.approx(-np.log(2 / 4))


def test_what_was_never_seen_is_unlikely_and_not_impossible():
    found = baselines(np.zeros(50, int), np.array([1, 1]), vocab_size=2)
    assert 3 < found["frequency"] < 5 and np.isfinite(found["pairs"])
