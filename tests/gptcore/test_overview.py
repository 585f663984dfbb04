"""The overview of all heads: each cell, number and newest row is that of the patterns themselves."""

from __future__ import annotations

import numpy as np
import pytest

from gptcore.trace import Trace
from tests.gptcore.random_models import LONG, random_ids, random_model, trace_of


@pytest.fixture(scope="module")
def trace() -> Trace:
    return trace_of(random_model(), random_ids(11))


@pytest.fixture(scope="module")
def long_trace() -> Trace:
    return trace_of(random_model(LONG), random_ids(100))


def _patterns(trace: Trace) -> np.ndarray:
    return np.stack([trace.attention(layer).pattern for layer in range(trace.config.n_layers)])


def test_a_short_overview_is_the_patterns_themselves(trace: Trace) -> None:
    seen, patterns = trace.attention_overview(size=32), _patterns(trace)
    assert np.allclose(seen.maps, patterns, atol=1e-6)
    assert seen.starts == tuple(range(11))


@pytest.mark.parametrize("size", [1, 7, 32])
def test_each_cell_of_a_long_overview_is_the_largest_weight_it_covers(long_trace: Trace, size: int) -> None:
    seen, patterns = long_trace.attention_overview(size), _patterns(long_trace)
    assert seen.maps.shape == (3, 2, size, size)
    bounds = [*seen.starts, 100]
    assert max(np.diff(bounds)) - min(np.diff(bounds)) <= 1
    for row in range(size):
        for column in range(size):
            cell = patterns[:, :, bounds[row] : bounds[row + 1], bounds[column] : bounds[column + 1]]
            assert np.allclose(seen.maps[:, :, row, column], cell.max((-2, -1)), atol=1e-6)


def test_the_numbers_of_the_overview_are_those_of_the_patterns(long_trace: Trace) -> None:
    seen, patterns = long_trace.attention_overview(8), _patterns(long_trace).astype(np.float64)
    bits = -(patterns * np.log2(np.where(patterns > 0, patterns, 1))).sum(-1)
    assert np.allclose(seen.entropy, bits[..., -1], atol=1e-4)
    assert np.allclose(seen.mean_entropy, bits[..., 1:].mean(-1), atol=1e-4)
    assert np.allclose(seen.first_token_share, patterns[:, :, 1:, 0].mean(-1), atol=1e-5)
    assert np.allclose(seen.strongest_weight, patterns[:, :, 1:].max((-2, -1)), atol=1e-5)
    for layer, head in np.ndindex(3, 2):
        query, key = seen.strongest[layer, head]
        assert query >= 1
        assert patterns[layer, head, query, key] == pytest.approx(seen.strongest_weight[layer, head], abs=1e-5)


def test_an_overview_of_some_layers_is_that_of_all_in_their_order(long_trace: Trace) -> None:
    whole, some = long_trace.attention_overview(8), long_trace.attention_overview(8, layers=(2, 0))
    for name in ("maps", "entropy", "mean_entropy", "first_token_share", "strongest", "strongest_weight"):
        assert np.array_equal(getattr(some, name), getattr(whole, name)[[2, 0]])
    assert some.starts == whole.starts


def test_the_overview_of_one_token_sees_only_itself() -> None:
    seen = trace_of(random_model(), (4,)).attention_overview()
    assert (seen.maps == 1).all() and seen.maps.shape == (2, 3, 1, 1)
    assert (seen.entropy == 0).all() and (seen.mean_entropy == 0).all()
    assert (seen.strongest == 0).all() and (seen.first_token_share == 1).all()


def test_the_newest_row_is_the_last_of_every_pattern(trace: Trace, long_trace: Trace) -> None:
    for some in (trace, long_trace):
        assert np.allclose(some.newest_row(), _patterns(some)[:, :, -1], atol=1e-6)
