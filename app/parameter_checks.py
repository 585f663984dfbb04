"""What the arithmetic of the parameters page is checked against: the loaded model's tensors, or the shapes of those of another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod

import pandas as pd
import torch
from torch import Tensor

from app.charts import Part
from app.config_controls import Counted
from app.recent import MB, keeping
from app.runtime import Here
from gptcore import parameters
from gptcore.checks import TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.weights import WeightStatistics

_ROWS = 4096  # of a matrix that are read at once


@keeping(MB)
def numbers_in_shapes(config: GPTConfig, tied: bool) -> int:
    """The shapes of all tensors, one by one, multiplied out and added up."""
    return sum(prod(tensor.shape) for tensor in parameters.tensor_shapes(config, tied))


def by_formula(config: GPTConfig, tied: bool) -> int:
    """The count by the formula that the page prints."""
    emb, vocab = config.emb_dim, config.vocab_size
    block = 12 * emb**2 + (13 if config.qkv_bias else 10) * emb
    return (1 if tied else 2) * vocab * emb + config.context_length * emb + config.n_layers * block + 2 * emb


def counted(here: Here) -> Check:
    """The count against the tensors of the loaded model."""
    model = here.model.model
    there = sum(tensor.numel() for tensor in model.parameters())
    expected = parameters.count_parameters(here.config, model.tied)
    description = f"The {there:,} numbers in the loaded model's tensors against the arithmetic. Deviation in numbers."
    return Check("Numbers in the tensors = arithmetic", description, float(abs(there - expected)), 0.0)


def drawn_counted(now: Counted, here: Here, parts: Sequence[Part]) -> Check:
    """The count of the configuration that is shown, by its formula, and the sum of the innermost parts drawn, against tensors."""
    there, whose = _tensors(now, here)
    parents = {part.parent for part in parts}
    drawn = sum(part.value for part in parts if part.id not in parents)
    counts = (parameters.count_parameters(now.config, now.tied), by_formula(now.config, now.tied), drawn)
    description = (
        f"The {there:,} numbers in {whose} against the arithmetic, the formula and the parts drawn. Deviation in numbers."
    )
    return Check("Numbers in the tensors = arithmetic", description, float(max(abs(there - count) for count in counts)), 0.0)


def _tensors(now: Counted, here: Here) -> tuple[int, str]:
    """The numbers in the tensors of what is shown, and whose they are: the loaded model's own, or by their shapes."""
    model = here.model.model
    if (now.config, now.tied) == (here.config, model.tied):
        return sum(tensor.numel() for tensor in model.parameters()), "the loaded model's tensors"
    return numbers_in_shapes(now.config, now.tied), f"all tensors of {now.name}, by their shapes,"


def bytes_counted(here: Here) -> Check:
    """The bytes of the weights against those that the loaded model's tensors take."""
    model = here.model.model
    there = sum(tensor.nbytes for tensor in model.parameters())
    expected = parameters.weight_bytes(here.config, model.tied)
    description = f"The {there:,} bytes of the loaded model's tensors against the arithmetic for float32. Deviation in bytes."
    return Check("Bytes of the tensors = arithmetic", description, float(abs(there - expected)), 0.0)


def table_counted(now: Counted, here: Here, table: pd.DataFrame) -> Check:
    """Every line of views.weight_memory against the shapes of all tensors and torch's own size of a number; for the loaded model
    its tensors too."""
    apart = [
        abs(numbers_in_shapes(now.config, row["tied"]) * getattr(torch, row["number_type"]).itemsize - row["bytes"])
        for row in table.to_dict("records")
    ]
    whose = f"all tensors of {now.name}, by their shapes and torch's own size of a number,"
    if (now.config, now.tied) == (here.config, here.model.model.tied):
        apart.append(int(bytes_counted(here).deviation))
        whose = f"the loaded model's own tensors, and of {whose}"
    description = f"The bytes of {whose} against the arithmetic, in every line of the table. Deviation in bytes."
    return Check("Bytes of the tensors = arithmetic", description, float(max(apart)), 0.0)


def work_counted(config: GPTConfig) -> Check:
    """The formula of the blocks against two operations for each number of each matrix in them."""
    n = config.context_length
    matrices = [shape for shape in parameters.tensor_shapes(config) if shape.layer is not None and len(shape.shape) == 2]
    each = 2 * n * sum(prod(shape.shape) for shape in matrices)
    apart = abs(parameters.forward_flops(config, n).blocks - each)
    description = f"24 E² L N against 2 N for each number in the {len(matrices)} matrices of the blocks. Deviation in FLOP."
    return Check("Work of the blocks = 2 for each weight", description, float(apart), 0.0)


def statistics_recounted(name: str, tensor: Tensor, found: WeightStatistics) -> Check:
    """Mean, spread and norm of one tensor against torch in float64, the spread by the distances from the mean."""
    pieces = tensor.detach().split(_ROWS)
    mean = math.fsum(float(piece.double().sum()) for piece in pieces) / tensor.numel()
    spread = math.sqrt(math.fsum(float((piece.double() - mean).square().sum()) for piece in pieces) / tensor.numel())
    norm = math.hypot(*(float(torch.linalg.vector_norm(piece, dtype=torch.float64)) for piece in pieces))
    size = norm / math.sqrt(tensor.numel()) or 1.0
    apart = max(abs(found.mean - mean) / size, abs(found.spread - spread) / size, abs(found.norm - norm) / (norm or 1.0))
    description = (
        f"Of {name}: mean, spread and norm against torch in float64, the spread from each number's distance to the "
        "mean. Deviation as a share of the root mean square."
    )
    return Check("Mean, spread, norm", description, apart, TOLERANCE)
