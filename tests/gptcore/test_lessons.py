"""The small experiments against plain torch: the kernels, nn.Linear with the global seed, and the published figures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gptcore import lessons
from gptcore.errors import LessonError
from gptcore.model import GELU

MARKS = np.array([[62.0, 71.0, 55.0, 80.0], [90.0, 85.0, 94.0, 79.0], [35.0, 48.0, 41.0, 60.0], [70.0, 70.0, 70.0, 70.0]])

PUBLISHED = {
    False: [0.000202, 0.000120, 0.000715, 0.001399, 0.005050],
    True: [0.221698, 0.206941, 0.328970, 0.266573, 1.325854],
}


def x_axis() -> torch.Tensor:
    return torch.cat([torch.linspace(-12, 12, 4001, dtype=torch.float64), torch.tensor([0.0, -0.7525, 40.0, -40.0])])


class ReferenceNetwork(nn.Module):
    """The published experiment in its own words: nn.Linear layers drawn from the global generator, the last one `draws` times."""

    def __init__(self, sizes: list[int], bend: nn.Module, shortcuts: bool, draws: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(a, b), bend) for a, b in pairwise(sizes))
        for _ in range(draws - 1):
            self.layers[-1] = nn.Sequential(nn.Linear(*sizes[-2:]), bend)
        self.shortcuts = shortcuts

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            out = layer(x)
            x = x + out if self.shortcuts and x.shape == out.shape else out
        return x


def reference_gradients(sizes: list[int], bend: nn.Module, shortcuts: bool, seed: int, draws: int) -> list[float]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ReferenceNetwork(sizes, bend, shortcuts, draws).double()
    output = network(torch.linspace(1, -1, sizes[0], dtype=torch.float64)[None])
    nn.MSELoss()(output, torch.zeros_like(output)).backward()
    return [layer[0].weight.grad.abs().mean().item() for layer in network.layers]


def test_the_written_out_tanh_gelu_is_the_fused_kernel_of_the_model() -> None:
    x = x_axis()
    assert torch.allclose(lessons.gelu_tanh(x), GELU()(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
        ("gelu_exact", F.gelu),
        ("relu", F.relu),
        ("silu", F.silu),
        ("tanh", torch.tanh),
        ("sigmoid", torch.sigmoid),
    ],
)
def test_values_and_slopes_are_those_of_torchs_own_functions(name: str, reference: object) -> None:
    x = x_axis().requires_grad_()
    expected = reference(x)
    expected.sum().backward()
    values, slopes = lessons.value_and_slope(name, x.detach().numpy())
    assert np.allclose(values, expected.detach(), rtol=1e-12, atol=1e-14)
    assert np.allclose(slopes, x.grad, rtol=1e-9, atol=1e-12)


def test_the_tanh_gelu_is_lowest_at_minus_0_7525() -> None:
    x, value = lessons.gelu_minimum()
    assert round(x, 4) == -0.7525
    grid = torch.linspace(-6, 6, 120001, dtype=torch.float64)
    lowest = F.gelu(grid, approximate="tanh").min().item()
    assert value == pytest.approx(lowest, abs=1e-8)


def test_the_two_forms_of_gelu_differ_but_by_less_than_a_thousandth() -> None:
    x = x_axis()
    difference = (lessons.gelu_tanh(x) - lessons.gelu_exact(x)).abs().max().item()
    assert 1e-4 < difference < 1e-3


def test_layer_norm_of_a_row_is_torchs_and_does_not_depend_on_the_other_rows() -> None:
    found = lessons.layer_norm_rows(MARKS)
    assert np.allclose(found.values, F.layer_norm(torch.tensor(MARKS), (4,), eps=1e-5), rtol=1e-12)
    assert np.allclose(found.mean, MARKS.mean(1)) and np.allclose(found.variance, MARKS.var(1))
    for row in range(len(MARKS)):
        assert np.array_equal(lessons.layer_norm_rows(MARKS[row : row + 1]).values[0], found.values[row])


def test_batch_norm_of_a_column_is_torchs_in_training_and_does_depend_on_the_other_rows() -> None:
    found = lessons.batch_norm_columns(MARKS)
    assert np.allclose(found.values, F.batch_norm(torch.tensor(MARKS), None, None, training=True, eps=1e-5), rtol=1e-12)
    assert np.allclose(found.mean, MARKS.mean(0)) and np.allclose(found.variance, MARKS.var(0))
    assert np.abs(lessons.batch_norm_columns(MARKS[:2]).values[0] - found.values[0]).max() > 0.1


def test_a_single_row_has_no_batch_statistics_and_the_message_says_so() -> None:
    with pytest.raises(LessonError, match=r"1 row .* at least 2"):
        lessons.batch_norm_columns(MARKS[:1])
    with pytest.raises(ValueError, match="more than 1 value"):  # torch refuses it too
        F.batch_norm(torch.tensor(MARKS[:1]), None, None, training=True)
    assert np.isfinite(lessons.layer_norm_rows(MARKS[:1]).values).all()


def test_the_variance_after_is_var_over_var_plus_epsilon_and_a_constant_row_gives_zeros() -> None:
    small = MARKS / 10_000
    found = lessons.layer_norm_rows(small)
    assert np.allclose(found.values.var(1), small.var(1) / (small.var(1) + 1e-5), rtol=1e-9)
    assert not found.values[3].any()


@pytest.mark.parametrize("shortcuts", [False, True])
def test_the_published_gradients_come_out_to_the_printed_digits(shortcuts: bool) -> None:
    assert [round(g, 6) for g in lessons.mean_gradients(shortcuts)] == PUBLISHED[shortcuts]


@pytest.mark.parametrize("shortcuts", [False, True])
@pytest.mark.parametrize(
    ("depth", "width", "name", "bend", "seed", "draws"),
    [
        (2, 1, "gelu_tanh", nn.GELU("tanh"), 0, 1),
        (7, 16, "gelu_exact", nn.GELU(), 5, 1),
        (12, 5, "silu", nn.SiLU(), 11, 1),
        (64, 8, "tanh", nn.Tanh(), 2, 1),
        (33, 4, "sigmoid", nn.Sigmoid(), 3, 2),
        (5, 64, "relu", nn.ReLU(), 1, 1),
        (64, 64, "gelu_tanh", nn.GELU("tanh"), 123, 3),
        (64, 64, "sigmoid", nn.Sigmoid(), 123, 10),
    ],
)
def test_other_networks_agree_with_nn_linear_drawn_from_the_same_seed(
    depth: int, width: int, name: str, bend: nn.Module, seed: int, draws: int, shortcuts: bool
) -> None:
    assert lessons.last_layer_draws(depth, width, name, seed) == draws
    found = lessons.mean_gradients(shortcuts, depth, width, name, seed)
    assert found.shape == (depth,)
    expected = reference_gradients([width] * depth + [1], bend, shortcuts, seed, draws)
    assert max(expected) > 0  # two rows of zeros would agree about nothing
    assert np.allclose(found, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", lessons.ACTIVATIONS)
@pytest.mark.parametrize(("depth", "width"), [(64, 64), (64, 3), (32, 32), (24, 1), (5, 64), (5, 3)])
def test_with_shortcuts_a_gradient_always_arrives_and_in_a_deep_network_more_than_without(
    depth: int, width: int, name: str
) -> None:
    for seed in (123, *range(6)):
        without, with_shortcuts = (lessons.mean_gradients(s, depth, width, name, seed) for s in (False, True))
        assert np.isfinite(with_shortcuts).all() and with_shortcuts[-1] > 0
        lowest = np.flatnonzero(with_shortcuts[:-1])[0]  # ReLU may be flat for all that layer 0 is given
        assert lowest < depth / 2
        if depth > 5:
            assert without[lowest] / (without[-1] or 1) < with_shortcuts[lowest] / with_shortcuts[-1]


def test_the_last_layer_is_drawn_again_only_where_its_activation_function_is_flat() -> None:
    assert lessons.last_layer_draws(5, 3, "gelu_tanh", 123) == 1  # the published network is left as it is
    for seed in range(20):
        silent = any(reference_gradients([16] * 5 + [1], nn.ReLU(), s, seed, 1)[-1] == 0 for s in (False, True))
        assert (lessons.last_layer_draws(5, 16, "relu", seed) > 1) == silent


def one_of_each() -> tuple[np.ndarray, ...]:
    return lessons.mean_gradients(True), lessons.stack_spread(True), lessons.value_and_slope("silu", np.linspace(-1, 1, 5))[1]


def test_no_experiment_touches_the_global_seed_and_all_work_in_inference_mode() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - the global state is what is looked at
    with torch.inference_mode():
        first = one_of_each()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(first, one_of_each(), strict=True))


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_without_normalisation_the_spread_multiplies_by_the_gain_and_with_it_stays_at_one(gain: float) -> None:
    free, held = lessons.stack_spread(False, 50, gain), lessons.stack_spread(True, 50, gain)
    assert free.shape == held.shape == (51,)
    assert free[0] == held[0] == pytest.approx(1, abs=0.05)
    per_layer = (free[-1] / free[0]) ** (1 / 50)
    assert per_layer == pytest.approx(gain, rel=0.02)
    assert np.abs(held[1:] - 1).max() < 1e-3


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: lessons.mean_gradients(True, depth=1), "depth is 1; it must be from 2 to 64"),
        (lambda: lessons.mean_gradients(True, depth=65), "depth is 65"),
        (lambda: lessons.mean_gradients(True, width=0), "width is 0"),
        (lambda: lessons.mean_gradients(True, activation="swish"), "'swish' is not known; choose one of gelu_tanh"),
        (lambda: lessons.value_and_slope("", np.zeros(1)), "is not known"),
        (lambda: lessons.stack_spread(True, depth=4), "depth is 4; it must be from 5 to 50"),
        (lambda: lessons.stack_spread(True, gain=0.0), "gain is 0.0"),
        (lambda: lessons.stack_spread(True, gain=float("nan")), "gain is nan"),
        (lambda: lessons.layer_norm_rows(np.zeros((0, 4))), "0 by 4"),
    ],
)
def test_a_setting_outside_its_range_is_refused_with_value_and_limit(call: object, says: str) -> None:
    with pytest.raises(LessonError, match=says):
        call()
