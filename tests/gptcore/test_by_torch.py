"""torch's own pieces, which our lessons and our arithmetic are checked against, give what they should by themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gptcore import by_torch, lessons
from gptcore.errors import ConfigError, LessonError
from gptcore.weights import weight_statistics


def test_a_number_has_the_size_that_torch_gives_it() -> None:
    assert [by_torch.number_bytes(name) for name in ("float32", "float16", "int8", "bool")] == [4, 2, 1, 1]
    for unknown in ("float12", "nn", ""):
        with pytest.raises(ConfigError, match=repr(unknown)):
            by_torch.number_bytes(unknown)


@pytest.mark.parametrize("name", list(by_torch.KERNELS))
def test_a_kernel_and_the_written_out_function_agree_in_value_and_slope(name: str) -> None:
    x = np.linspace(-6, 6, 300)
    values, slopes = by_torch.value_and_slope(name, x)
    written, written_slopes = lessons.value_and_slope(name, x)
    assert np.abs(values - written).max() < 1e-12 and np.abs(slopes - written_slopes).max() < 1e-12
    smooth = np.abs(x) > 0.05  # ReLU has a corner at 0
    assert np.abs(np.gradient(values, x) - slopes)[smooth][1:-1].max() < 0.03


def test_a_function_without_a_kernel_is_refused() -> None:
    with pytest.raises(LessonError, match="'swish'"):
        by_torch.value_and_slope("swish", np.zeros(1))


def test_both_normalisations_agree_with_the_lessons() -> None:
    table = np.random.default_rng(0).normal(5, 3, (6, 4))
    assert np.abs(by_torch.layer_norm_rows(table) - lessons.layer_norm_rows(table).values).max() < 1e-12
    assert np.abs(by_torch.batch_norm_columns(table) - lessons.batch_norm_columns(table).values).max() < 1e-12


def test_moments_are_those_of_all_rows_however_many() -> None:
    tensor = torch.randn(9000, 3, generator=torch.Generator().manual_seed(1))
    found, ours = by_torch.moments(tensor), weight_statistics(tensor)
    assert found == pytest.approx((ours.mean, ours.spread, ours.norm), rel=1e-9)
    assert by_torch.moments(torch.tensor([3.0, 4.0])) == pytest.approx((3.5, 0.5, 5.0))
    assert math.isclose(by_torch.moments(torch.full((5000,), 2.0)).spread, 0.0, abs_tol=1e-12)
