"""Dropout as something to look at: rate, seed, places and scaling, against torch's own layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gptcore.dropout import PLACES, dropped, zeroed
from gptcore.errors import LessonError


def test_the_share_that_is_zeroed_is_the_drop_rate() -> None:
    for rate in (0.1, 0.5, 0.9):
        share = zeroed(40_000, rate, 3, "embeddings", position=0).mean()
        assert share == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / 40_000))


def test_a_rate_of_zero_takes_nothing_and_a_higher_one_takes_what_a_lower_one_takes_and_more() -> None:
    assert not zeroed(5000, 0.0, 1, "attention", position=2).any()
    low, high = (zeroed(5000, rate, 1, "attention", position=2) for rate in (0.1, 0.4))
    assert (high | ~low).all() and high.sum() > low.sum()


def test_the_same_seed_draws_the_same_and_another_seed_place_layer_head_or_position_draws_anew() -> None:
    first = zeroed(500, 0.5, 1, "weights", position=4, layer=2, head=3)
    assert np.array_equal(first, zeroed(500, 0.5, 1, "weights", position=4, layer=2, head=3))
    others = [
        zeroed(500, 0.5, 2, "weights", position=4, layer=2, head=3),
        zeroed(500, 0.5, 1, "weights", position=5, layer=2, head=3),
        zeroed(500, 0.5, 1, "weights", position=4, layer=3, head=3),
        zeroed(500, 0.5, 1, "weights", position=4, layer=2, head=2),
        *(zeroed(500, 0.5, 1, place, position=4, layer=2, head=3) for place in PLACES if place != "weights"),
    ]
    for other in others:
        assert 0.3 < (first == other).mean() < 0.7


def test_what_is_left_is_scaled_as_torch_scales_it() -> None:
    values = np.linspace(-2, 2, 1001, dtype=np.float32)[:-1] + np.float32(0.001)
    layer = torch.nn.Dropout(0.3).train()
    theirs = layer(torch.from_numpy(values)).numpy()
    gone = theirs == 0
    assert 0.2 < gone.mean() < 0.4
    ours = dropped(values, gone, 0.3)
    assert np.allclose(ours, theirs, rtol=1e-6) and ours.dtype == values.dtype


def test_the_expected_value_stays() -> None:
    values = np.ones(200_000)
    assert dropped(values, zeroed(len(values), 0.25, 9, "feed_forward", position=0), 0.25).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(LessonError, match="below 1"):
        zeroed(3, rate, 1, "embeddings", position=0)
    with pytest.raises(LessonError, match="below 1"):
        dropped(np.ones(3), np.zeros(3, bool), rate)


def test_a_negative_seed_and_an_unknown_place_are_refused() -> None:
    with pytest.raises(LessonError, match="at least 0"):
        zeroed(3, 0.1, -1, "embeddings", position=0)
