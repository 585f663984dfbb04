"""One step of gradient descent on one weight, in numbers: the loss of one prediction as a function of that weight alone, its slope, the
step.

Training does this for all weights at once (Rumelhart et al. 1986, https://doi.org/10.1038/323533a0). The slope comes from
backpropagation and the curve from nothing but forward passes, so each can be held against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from gptcore.devices import move
from gptcore.errors import OutOfRangeError
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel

REACH = 3.0  # the curve goes so far to both sides of the weight


@dataclass(frozen=True, eq=False)
class WeightStep:
    """The loss of predicting one token, as a function of one weight.

    row, column: its place in the matrix; weight: where it stands; gradient: how fast the loss grows with it; loss: at `weight`, in nats;
    probability: of the token to predict; weights, losses: the curve. All in float64.
    """

    row: int
    column: int
    weight: float
    gradient: float
    loss: float
    weights: Float[np.ndarray, "points"]
    losses: Float[np.ndarray, "points"]

    @property
    def probability(self) -> float:
        return float(np.exp(-self.loss))


def weight_step(model: LanguageModel, ids: Sequence[int], parameter: str, points: int = 41) -> WeightStep:
    """The loss of predicting the last of `ids` from those before it, as a function of the weight of a matrix on which it depends most.

    parameter: the matrix, by its name in `named_parameters`; points: of the curve, over weight - 3 to weight + 3.
    Raises OutOfRangeError for a matrix that is not there, or fewer than 2 ids.
    """
    copy, matrix = _copy(model, parameter)
    with torch.enable_grad():
        now = _loss(copy, ids)
        (gradient,) = torch.autograd.grad(now, matrix)
    place = np.unravel_index(int(gradient.abs().argmax()), gradient.shape)
    row, column = int(place[0]), int(place[1])
    weight = float(matrix.detach()[row, column])
    weights = weight + np.linspace(-REACH, REACH, points)
    losses = losses_at(model, ids, parameter, (row, column), weights)
    return WeightStep(row, column, weight, float(gradient[row, column]), float(now.detach()), weights, losses)


def losses_at(
    model: LanguageModel, ids: Sequence[int], parameter: str, place: tuple[int, int], weights: Float[np.ndarray, "points"]
) -> Float[np.ndarray, "points"]:
    """The loss of predicting the last of `ids` with each of `weights` at a place of a matrix, by forward passes alone, in nats.

    Raises OutOfRangeError for a matrix that is not there, or fewer than 2 ids.
    """
    copy, matrix = _copy(model, parameter)
    found = np.empty(len(weights))
    with torch.no_grad():
        for i, weight in enumerate(weights):
            matrix[place] = float(weight)
            found[i] = float(_loss(copy, ids))
    return found


def _copy(model: LanguageModel, parameter: str) -> tuple[GPTModel, Tensor]:
    """The network in float64, to be changed, on the processor, and a matrix of it. A tied output head stays the token embedding."""
    copy = move(deepcopy(model.model), torch.device("cpu")).double()
    matrices = {name: tensor for name, tensor in copy.named_parameters() if tensor.ndim == 2}
    if parameter not in matrices:
        raise OutOfRangeError(f"There is no matrix {parameter!r}; choose one of {', '.join(matrices)}.")
    return copy, matrices[parameter].requires_grad_()


def _loss(network: GPTModel, ids: Sequence[int]) -> Tensor:
    if len(ids) < 2:
        raise OutOfRangeError(f"A prediction needs at least 2 tokens, the last of which is predicted; there are {len(ids)}.")
    return F.cross_entropy(network(torch.tensor([list(ids[:-1])]))[:, -1], torch.tensor([ids[-1]]))
