"""A second count of the memory that the scale page draws: array by array, where the page has formulas."""

from __future__ import annotations

from math import prod

import pandas as pd

from app.counting import ModelFacts, numbers_in_shapes
from gptcore.by_torch import number_bytes
from gptcore.checks import Check
from gptcore.config import GPTConfig
from gptcore.hardware import beside

_HALF, _FLOAT, _MASK = map(number_bytes, ("float16", "float32", "bool"))


def memory_recounted(compared: tuple[ModelFacts, ...], number_type: str, batch_size: int, drawn: pd.DataFrame) -> Check:
    """Every part of every model of views.hardware, and every total, against this second count."""
    apart = 0
    for i, model in enumerate(compared):  # by place: two models may have one name
        running, training = _running(model, number_type, batch_size), _training(model, batch_size)
        expected = [*running, sum(running), *training, sum(training)]
        rows = drawn.bytes.iloc[i * len(expected) : (i + 1) * len(expected)]
        apart = max(apart, *(abs(ours - int(there)) for ours, there in zip(expected, rows, strict=True)))
    description = (
        f"Each part and total of the {len(compared)} models: weights by the shapes of all tensors, keys and values and "
        "activations array by array, each with torch's own size of a number; totals as the sum of the parts. Deviation in bytes."
    )
    return Check("Parts and totals counted twice", description, float(apart), 0.0)


def _running(model: ModelFacts, number_type: str, batch_size: int) -> list[int]:
    """weights, kv_cache, working."""
    config, n_tokens = model.config, model.config.context_length
    weight, other = map(number_bytes, (number_type, beside(number_type)))
    cache = [(batch_size, config.n_heads, n_tokens, config.head_dim) for _ in range(config.n_layers) for _ in ("k", "v")]
    stream, widened, logits = (
        (batch_size, n_tokens, config.emb_dim),
        (batch_size, n_tokens, 4 * config.emb_dim),
        (batch_size, config.vocab_size),
    )
    working = other * sum(map(prod, (stream, widened, widened))) + _FLOAT * prod(logits)
    return [weight * numbers_in_shapes(config, model.tied), other * sum(map(prod, cache)), working]


def _training(model: ModelFacts, batch_size: int) -> list[int]:
    """weights, gradients, optimizer (the weights once more, and Adam's two means), activations."""
    count = numbers_in_shapes(model.config, model.tied)
    return [_HALF * count, _HALF * count, 3 * _FLOAT * count, _activations(model.config, batch_size)]


def _activations(config: GPTConfig, batch_size: int) -> int:
    """Korthikanti et al. 2022, section 4.1, item by item."""
    stream = batch_size * config.context_length * config.emb_dim
    square = batch_size * config.n_heads * config.context_length**2
    attention = [
        _HALF * stream,  # what query, key and value are made of
        *[_HALF * stream] * 3,  # queries, keys, values
        _HALF * square,  # the softmax
        _MASK * square,  # its dropout
        _HALF * square,  # what the dropout leaves
        _HALF * stream,  # what the output projection reads
        _MASK * stream,  # its dropout
    ]
    feed_forward = [
        _HALF * stream,  # what is widened
        _HALF * 4 * stream,  # before GELU
        _HALF * 4 * stream,  # after it
        _MASK * stream,  # the last dropout
    ]
    norms = [_HALF * stream] * 2  # what the two LayerNorms read
    logits = _FLOAT * batch_size * config.context_length * config.vocab_size
    ends = [_MASK * stream, _HALF * stream, _HALF * stream, logits]  # dropout of the embeddings, last LayerNorm, output head
    return config.n_layers * sum([*attention, *feed_forward, *norms]) + sum(ends)
