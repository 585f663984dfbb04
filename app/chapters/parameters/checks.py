"""What the arithmetic of the parameters page is checked against: the loaded model's tensors, or the shapes of those of another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from app.chapters.parameters.controls import Counted
from app.charts import Area
from app.counting import bytes_counted, numbers_in_shapes
from app.engine import queued
from app.engine.methods import tensor_sizes
from app.runtime import Here
from gptcore import by_torch, parameters
from gptcore.checks import TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.language_model import LanguageModel
from gptcore.weights import WeightStatistics


def by_formula(config: GPTConfig, tied: bool) -> int:
    """The count by the formula that the page prints."""
    emb, vocab = config.emb_dim, config.vocab_size
    block = 12 * emb**2 + (13 if config.qkv_bias else 10) * emb
    return (1 if tied else 2) * vocab * emb + config.context_length * emb + config.n_layers * block + 2 * emb


def drawn_counted(now: Counted, here: Here, parts: Sequence[Area]) -> Check:
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
    if (now.config, now.tied) == (here.config, here.model.tied):
        return tensor_sizes(here.model)[0], "the loaded model's tensors"
    return numbers_in_shapes(now.config, now.tied), f"all tensors of {now.name}, by their shapes,"


def table_counted(now: Counted, here: Here, table: pd.DataFrame) -> Check:
    """Every line of views.weight_memory against the shapes of all tensors and torch's own size of a number; for the loaded model
    its tensors too."""
    apart = [
        abs(numbers_in_shapes(now.config, row["tied"]) * by_torch.number_bytes(row["number_type"]) - row["bytes"])
        for row in table.to_dict("records")
    ]
    whose = f"all tensors of {now.name}, by their shapes and torch's own size of a number,"
    if (now.config, now.tied) == (here.config, here.model.tied):
        apart.append(int(bytes_counted(here).deviation))
        whose = f"the loaded model's own tensors, and of {whose}"
    description = f"The bytes of {whose} against the arithmetic, in every line of the table. Deviation in bytes."
    return Check("Bytes of the tensors = arithmetic", description, float(max(apart)), 0.0)


@queued
def recounted(model: LanguageModel, name: str, found: WeightStatistics) -> Check:
    """`statistics_recounted` of one of the model's tensors."""
    return statistics_recounted(name, found, by_torch.moments(model.model.get_parameter(name)))


def statistics_recounted(name: str, found: WeightStatistics, again: by_torch.Moments) -> Check:
    """Mean, spread and norm of one tensor against torch in float64."""
    size = again.norm / math.sqrt(found.count) or 1.0
    apart = max(
        abs(found.mean - again.mean) / size,
        abs(found.spread - again.spread) / size,
        abs(found.norm - again.norm) / (again.norm or 1.0),
    )
    description = (
        f"Of {name}: mean, spread and norm against torch in float64, the spread from each number's distance to the "
        "mean. Deviation as a share of the root mean square."
    )
    return Check("Mean, spread, norm", description, apart, TOLERANCE)
