"""The small experiments of the chapter: normalisation, bent lines, shortcuts. No trained weight takes part in any of them.

LayerNorm against BatchNorm on a table (Ba et al. 2016, https://arxiv.org/abs/1607.06450; Ioffe and Szegedy 2015,
https://arxiv.org/abs/1502.03167); GELU and its relatives (Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415; SwiGLU:
Shazeer 2020, https://arxiv.org/abs/2002.05202); gradients with and without shortcuts (He et al. 2015,
https://arxiv.org/abs/1512.03385); the spread of activations in a deep stack (Glorot and Bengio 2010).

Everything is computed in float64. Random numbers come from generators of their own: no global seed is touched, so that two
visitors at once cannot disturb each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from gptcore.errors import LessonError
from gptcore.model import LayerNorm

DEPTHS, WIDTHS = (2, 64), (1, 64)  # of the shortcut experiment
LEAST_SLOPE, MOST_DRAWS = 0.01, 1000  # of its last activation function; of its last layer
# What the book prints at the defaults of `mean_gradients`, without and with shortcuts.
PUBLISHED_GRADIENTS: dict[bool, tuple[float, ...]] = {
    False: (0.000202, 0.000120, 0.000715, 0.001399, 0.005050),
    True: (0.221698, 0.206941, 0.328970, 0.266573, 1.325854),
}
STACK_DEPTHS = (5, 50)
STACK_WIDTH = 64  # of every linear layer of the stack
STACK_INPUTS = 32  # vectors sent through it


class Normalized(NamedTuple):
    """values: the table afterwards, before any learned scale and shift; mean, variance: one for each row or each column."""

    values: Float[np.ndarray, "rows features"]
    mean: Float[np.ndarray, "groups"]
    variance: Float[np.ndarray, "groups"]


def layer_norm_rows(table: Float[np.ndarray, "rows features"]) -> Normalized:
    """LayerNorm: each row by its own mean and variance. What the other rows hold, and how many there are, changes nothing.

    Raises LessonError for a table without a number.
    """
    return _normalize(table, axis=1)


def batch_norm_columns(table: Float[np.ndarray, "rows features"]) -> Normalized:
    """BatchNorm as in training: each column by the mean and variance over the rows of the batch.

    Raises LessonError for fewer than 2 rows: a column of one number differs from its mean by nothing, whatever the number is.
    """
    if len(table) < 2:
        raise LessonError(
            f"BatchNorm has {len(table)} row to take its statistics from and needs at least 2; add a row, "
            "or use LayerNorm, which needs only the row itself."
        )
    return _normalize(table, axis=0)


def _normalize(table: np.ndarray, axis: int) -> Normalized:
    if not table.size:
        raise LessonError(f"The table is {table.shape[0]} by {table.shape[1]}: it has no number; fill in at least one row.")
    table = table.astype(np.float64)
    mean, variance = table.mean(axis, keepdims=True), table.var(axis, keepdims=True)
    return Normalized((table - mean) / np.sqrt(variance + LayerNorm.eps), mean.ravel(), variance.ravel())


def gelu_tanh(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """What `gptcore.model.GELU` computes in one kernel, written out: the form that GPT-2 was trained with."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_exact(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """x times the share of a standard normal distribution that lies below x."""
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def relu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """x where it is positive, else 0. The slope at 0 is taken as 0, as everybody does."""
    return torch.where(x > 0, x, torch.zeros_like(x))


def silu(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """x times its sigmoid; also called Swish. SwiGLU is silu(x) times a second input, computed beside x."""
    return x * torch.sigmoid(x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu_tanh": gelu_tanh,
    "gelu_exact": gelu_exact,
    "relu": relu,
    "silu": silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


def value_and_slope(
    activation: str, x: Float[np.ndarray, "points"]
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """An activation function of ACTIVATIONS at each x, and its derivative there (by autograd), in float64.

    Raises LessonError for an unknown activation.
    """
    function = _activation(activation)
    with torch.inference_mode(False), torch.enable_grad():
        inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        values = function(inputs)
        (slopes,) = torch.autograd.grad(values.sum(), inputs)
    return values.detach().numpy(), slopes.numpy()


@cache
def gelu_minimum() -> tuple[float, float]:
    """The lowest point (x, value) of the tanh form: where its slope changes sign between -2 and 0, by halving."""
    low, high = -2.0, 0.0
    for _ in range(60):
        middle = (low + high) / 2
        falling = value_and_slope("gelu_tanh", np.array([middle]))[1][0] < 0
        low, high = (middle, high) if falling else (low, middle)
    return low, float(value_and_slope("gelu_tanh", np.array([low]))[0][0])


def mean_gradients(
    shortcuts: bool, depth: int = 5, width: int = 3, activation: str = "gelu_tanh", seed: int = 123
) -> Float[np.ndarray, "{depth}"]:
    """How much gradient reaches each linear layer of an untrained network: the mean absolute gradient of its weights.

    The network is `depth` linear layers, width -> ... -> width -> 1, each followed by the activation; with shortcuts, a layer's
    input is added to its output wherever the two have the same shape. One input, evenly spaced from 1 to -1 ([1, 0, -1] at width
    3), target 0, mean squared error. At the defaults this is the published experiment of the book's chapter 4.

    Where the last activation function is flat, no error enters the network, with shortcuts or without, and there is nothing to
    compare: then the last layer is another draw (see `last_layer_draws`).

    Raises LessonError for a depth outside 2 to 64, a width outside 1 to 64, or an unknown activation.
    """
    layers, _ = _network(depth, width, activation, seed)
    with torch.inference_mode(False), torch.enable_grad():
        out = _sent_through(layers, torch.linspace(1, -1, width, dtype=torch.float64), activation, shortcuts)
        gradients = torch.autograd.grad((out**2).mean(), [weight for weight, _ in layers])
    return np.array([gradient.abs().mean().item() for gradient in gradients])


def last_layer_draws(depth: int, width: int, activation: str, seed: int) -> int:
    """The draw of the last layer with which `mean_gradients` works: the first of MOST_DRAWS with which the last activation function
    has a slope of at least LEAST_SLOPE, up or down, in the network without shortcuts and in the one with them. Both have the same
    weights. A seed whose first draw will do (1), as the published one's, has the weights that plain torch would give it."""
    return _network(depth, width, activation, seed)[1]


def mean_gradients_by_hand(shortcuts: bool, depth: int, width: int, activation: str, seed: int) -> Float[np.ndarray, "{depth}"]:
    """What `mean_gradients` gives, by the chain rule written out backwards, layer by layer, instead of by autograd."""
    layers = [(w.detach().numpy(), b.numpy()) for w, b in _network(depth, width, activation, seed)[0]]
    x, passed = np.linspace(1, -1, width) if width > 1 else np.ones(1), []
    for weight, bias in layers:
        out, slope = value_and_slope(activation, weight @ x + bias)
        around = shortcuts and out.shape == x.shape
        passed.append((x, slope, around))
        x = x + out if around else out
    error, means = 2 * x / len(x), []
    for (weight, _), (entered, slope, around) in zip(reversed(layers), reversed(passed), strict=True):
        before_bend = error * slope
        means.append(np.abs(np.outer(before_bend, entered)).mean())
        error = weight.T @ before_bend + (error if around else 0)
    return np.array(means[::-1])


Linear = tuple[Tensor, Tensor]  # weight and bias of a layer


@lru_cache(maxsize=4)  # the gradients with and without, the check of both and the draw are asked for one after the other
def _network(depth: int, width: int, activation: str, seed: int) -> tuple[tuple[Linear, ...], int]:
    """The linear layers of the shortcut experiment, not to be changed, and which draw of the last one is among them."""
    _check_range("depth", depth, *DEPTHS)
    _check_range("width", width, *WIDTHS)
    generator = torch.Generator().manual_seed(seed)  # our own, so that the global one stays as it is
    with torch.inference_mode(False):
        layers = [_linear(width, width, generator) for _ in range(depth - 1)]
        start = torch.linspace(1, -1, width, dtype=torch.float64)
        with torch.no_grad():
            entering = torch.stack([_sent_through(layers, start, activation, shortcuts) for shortcuts in (False, True)])
        draw, slope = 0, 0.0
        while slope < LEAST_SLOPE and draw < MOST_DRAWS:
            draw, (weight, bias) = draw + 1, _linear(width, 1, generator)
            slope = np.abs(value_and_slope(activation, (entering @ weight[0].detach() + bias).numpy())[1]).min()
    return (*layers, (weight, bias)), draw


def _sent_through(layers: Sequence[Linear], x: Tensor, activation: str, shortcuts: bool) -> Tensor:
    """What the layers make of x."""
    bend = _activation(activation)
    for weight, bias in layers:
        out = bend(weight @ x + bias)
        x = x + out if shortcuts and out.shape == x.shape else out
    return x


def _linear(n_in: int, n_out: int, generator: torch.Generator) -> Linear:
    """As `nn.Linear` would draw them: in float32, uniform up to 1 / sqrt(inputs), weight before bias."""
    weight = nn.init.kaiming_uniform_(torch.empty(n_out, n_in), a=math.sqrt(5), generator=generator)
    bias = torch.empty(n_out).uniform_(-1 / math.sqrt(n_in), 1 / math.sqrt(n_in), generator=generator)
    return weight.double().requires_grad_(), bias.double()


def stack_spread(normalize: bool, depth: int = 30, gain: float = 1.0, seed: int = 123) -> Float[np.ndarray, "{depth}+1"]:
    """The standard deviation of all activations before the first and after each linear layer of an untrained stack.

    32 random vectors go through `depth` layers, 64 wide, whose weights have the standard deviation gain / sqrt(64): each layer
    then multiplies the spread by about `gain`. normalize: LayerNorm (without scale and shift) after each layer.

    Raises LessonError for a depth outside 5 to 50 or a gain that is not positive and finite.
    """
    _check_range("depth", depth, *STACK_DEPTHS)
    if not 0 < gain < math.inf:
        raise LessonError(f"gain is {gain!r}; give a number above 0 (1 keeps the spread about the same from layer to layer).")
    random = np.random.default_rng(seed)
    x = random.standard_normal((STACK_INPUTS, STACK_WIDTH))
    spreads = [x.std()]
    for _ in range(depth):
        x = x @ (random.standard_normal((STACK_WIDTH, STACK_WIDTH)) * gain / math.sqrt(STACK_WIDTH))
        if normalize:
            x = layer_norm_rows(x).values
        spreads.append(x.std())
    return np.array(spreads)


def _activation(name: str) -> Callable[[Tensor], Tensor]:
    if name not in ACTIVATIONS:
        raise LessonError(f"The activation {name!r} is not known; choose one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise LessonError(f"{name} is {value}; it must be from {low} to {high}.")
