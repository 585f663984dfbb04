"""The loss over one weight: its slope is that of the curve, its place the steepest, and a step of it what an optimiser would do."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gptcore.errors import OutOfRangeError
from gptcore.recorded_run import load_recorded_run
from gptcore.training.one_weight import losses_at, weight_step

TABLE = "token_embedding.weight"


@pytest.fixture(scope="module")
def model():
    return load_recorded_run().model(12)


@pytest.fixture(scope="module")
def ids(model):
    return model.tokenizer.encode("Call me Ishmael")


@pytest.mark.parametrize("parameter", [TABLE, "blocks.0.attention.qkv.weight", "blocks.1.feed_forward.narrow.weight"])
def test_the_gradient_is_the_slope_of_the_curve(model, ids, parameter):
    step = weight_step(model, ids, parameter, points=3)
    low, high = losses_at(model, ids, parameter, (step.row, step.column), step.weight + np.array([-1e-5, 1e-5]))
    assert step.gradient == pytest.approx((high - low) / 2e-5, rel=1e-5)
    assert step.losses[1] == pytest.approx(step.loss, abs=1e-12) and step.weights[1] == step.weight


def test_the_loss_is_that_of_the_models_own_probability(model, ids):
    logits = torch.from_numpy(model.trace(ids[:-1]).logits)
    assert weight_step(model, ids, TABLE, points=1).loss == pytest.approx(float(-logits.log_softmax(-1)[ids[-1]]), abs=1e-4)


@pytest.mark.parametrize(("text", "sign"), [("Call me Ishmael", 1), ("Call me Ishmael. So", -1)])
def test_no_other_weight_of_the_matrix_changes_the_loss_more_either_way(model, text, sign):
    ids = model.tokenizer.encode(text)
    step = weight_step(model, ids, TABLE, points=1)
    network = deepcopy(model.model).double().requires_grad_(True)
    F.cross_entropy(network(torch.tensor([list(ids[:-1])]))[:, -1], torch.tensor([ids[-1]])).backward()
    gradient = network.token_embedding.weight.grad
    assert step.gradient == pytest.approx(float(gradient[step.row, step.column])) and np.sign(step.gradient) == sign
    assert float(gradient.abs().max()) == pytest.approx(abs(step.gradient))


def test_a_step_is_what_plain_gradient_descent_does_to_that_weight(model, ids):
    step = weight_step(model, ids, TABLE, points=1)
    network = deepcopy(model.model).requires_grad_(True)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    F.cross_entropy(network(torch.tensor([list(ids[:-1])]))[:, -1], torch.tensor([ids[-1]])).backward()
    optimizer.step()
    moved = float(network.token_embedding.weight.detach()[step.row, step.column])
    assert moved == pytest.approx(step.weight - 0.1 * step.gradient, abs=1e-4)


def test_the_model_itself_is_left_as_it_was(model, ids):
    before = {name: tensor.clone() for name, tensor in model.model.state_dict().items()}
    weight_step(model, ids, TABLE)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.model.state_dict().items())
    assert not any(tensor.requires_grad for tensor in model.model.parameters())


def test_what_is_not_there_is_refused_by_name(model, ids):
    with pytest.raises(OutOfRangeError, match="token_embedding"):
        weight_step(model, ids, "no such matrix")
    with pytest.raises(OutOfRangeError, match="at least 2"):
        weight_step(model, ids[:1], TABLE)
