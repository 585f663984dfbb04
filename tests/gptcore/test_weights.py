"""The figures of a tensor against numpy's, for any layout in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gptcore import weights
from gptcore.weights import weight_statistics


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    monkeypatch.setattr(weights, "_PIECE", 1000)  # so that a small tensor comes in pieces too
    return torch.randn(61, 83, generator=torch.Generator().manual_seed(3)) * 0.02 + 0.003


def test_mean_spread_norm_and_share_near_zero_are_those_of_numpy(numbers: torch.Tensor) -> None:
    found, plain = weight_statistics(numbers), numbers.numpy().astype(np.float64)
    assert found.count == 61 * 83
    assert found.mean == pytest.approx(plain.mean(), rel=1e-12)
    assert found.spread == pytest.approx(plain.std(), rel=1e-12)
    assert found.norm == pytest.approx(np.linalg.norm(plain), rel=1e-12)
    assert found.near_zero == (np.abs(plain) <= 0.1 * plain.std()).mean()


def test_the_histogram_counts_every_number_once(numbers: torch.Tensor) -> None:
    numbers[0, :3] = torch.tensor([9.0, -9.0, 9.0])
    found = weight_statistics(numbers)
    expected, _ = np.histogram(numbers.numpy().astype(np.float64), found.edges)
    assert found.histogram.tolist() == expected.tolist()
    assert found.outside == 3
    assert found.histogram.sum() + found.outside == found.count


def test_a_transposed_view_gives_the_same_figures(numbers: torch.Tensor) -> None:
    plain, turned = weight_statistics(numbers), weight_statistics(numbers.T.contiguous().T)
    assert turned.histogram.tolist() == plain.histogram.tolist()
    assert turned.mean == pytest.approx(plain.mean, rel=1e-12)


def test_a_tensor_of_equal_numbers_has_no_spread_and_one_bar() -> None:
    found = weight_statistics(torch.zeros(7))
    assert (found.spread, found.norm, found.near_zero, found.outside) == (0.0, 0.0, 1.0, 0)
    assert found.histogram.max() == 7


def test_a_normal_distribution_has_the_share_near_zero_that_is_named_for_comparison() -> None:
    normal = torch.randn(400_000, generator=torch.Generator().manual_seed(1))
    assert weight_statistics(normal).near_zero == pytest.approx(weights.NORMAL_NEAR_ZERO, abs=0.003)
