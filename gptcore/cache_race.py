"""Writing with and without the K/V cache, timed step by step on the machine it runs on.

Without the cache every step sends the whole sequence through the model; with it only the newest token, which reads the keys and
values that the earlier ones left behind. (The idea is implicit in Vaswani et al. 2017; the cost: `gptcore.parameters`.)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from gptcore.arguments import Ids, Number, check_ids
from gptcore.devices import finish
from gptcore.model import GPTModel, check_length

MOST_STEPS = 200
_SHORT = 16  # tokens that are always affordable
_STEPS_WANTED = 8  # a start so late that fewer would fit into the time is moved forward
_PATIENCE = 3  # times the time asked for, after which even fewer steps have to do


class KeptKeysValues:
    """The K/V cache of one layer: room for all tokens at once, filled from the left. A LayerCache of gptcore.model."""

    def __init__(self, model: GPTModel, capacity: int) -> None:
        config, weight = model.config, model.token_embedding.weight
        shape = (1, config.n_heads, capacity, config.head_dim)
        self.k, self.v = (torch.empty(shape, dtype=weight.dtype, device=weight.device) for _ in range(2))
        self.length = 0

    def extend(
        self, k: Float[Tensor, "batch n_heads new head_dim"], v: Float[Tensor, "batch n_heads new head_dim"]
    ) -> tuple[Float[Tensor, "batch n_heads all head_dim"], Float[Tensor, "batch n_heads all head_dim"]]:
        """Keep the new ones behind the earlier ones; return all."""
        end = self.length + k.shape[-2]
        self.k[:, :, self.length : end], self.v[:, :, self.length : end] = k, v
        self.length = end
        return self.k[:, :, :end], self.v[:, :, :end]


@dataclass(frozen=True)
class RaceStep:
    """One token chosen twice. n_tokens: the sequence it continues; milliseconds and the likeliest token, each way; difference:
    the largest between the two rows of logits, as a share of the largest logit."""

    n_tokens: int
    cached_ms: float
    uncached_ms: float
    cached_id: int
    uncached_id: int
    difference: float


@dataclass(frozen=True)
class Race:
    """start: tokens of the given sequence that it began with, fewer than all where one step would have taken too long."""

    start: int
    steps: tuple[RaceStep, ...]

    @property
    def cached_ids(self) -> tuple[int, ...]:
        """The text written with the cache."""
        return tuple(step.cached_id for step in self.steps)

    @property
    def uncached_ids(self) -> tuple[int, ...]:
        """The text written without it."""
        return tuple(step.uncached_id for step in self.steps)

    @property
    def same_text(self) -> bool:
        """Whether both ways chose the same token at every step."""
        return self.cached_ids == self.uncached_ids


def race(model: GPTModel, ids: Ids, seconds: Number = 1.0) -> Race:
    """Let the model continue `ids` greedily, with and without the cache, each step timed, for about `seconds` in all.

    It ends with the time, with the context length, or after MOST_STEPS steps. On a machine that is busy, it goes on for up to three
    times as long to take a few steps, and at least one. Each way goes on with its own text. The first step is taken once before,
    both ways, and not measured: a first pass is slower.
    Raises SequenceLengthError for no ids, or more than the context length; TokenError for one outside the vocabulary.
    """
    ids = check_ids(ids, model.config.vocab_size)
    check_length(len(ids), model.config.context_length)
    with torch.inference_mode():
        start = _affordable_start(model, len(ids), seconds)
        with_cache, without = list(ids[:start]), list(ids[:start])
        room = min(MOST_STEPS, model.config.context_length + 1 - start)
        caches = [KeptKeysValues(model, start + room) for _ in model.blocks]
        if start > 1:
            _next_logits(model, with_cache[:-1], caches)
        _step(model, with_cache, without, caches)
        for cache in caches:
            cache.length -= 1  # as if it had not been
        steps: list[RaceStep] = []
        began = time.perf_counter()
        while len(steps) < room:
            steps.append(_step(model, with_cache, without, caches))
            with_cache.append(steps[-1].cached_id)
            without.append(steps[-1].uncached_id)
            allowed = seconds if len(steps) >= _STEPS_WANTED else _PATIENCE * seconds
            if time.perf_counter() - began + steps[-1].uncached_ms / 1000 > allowed:
                break
    return Race(start, tuple(steps))


def _step(model: GPTModel, with_cache: list[int], without: list[int], caches: list[KeptKeysValues]) -> RaceStep:
    t0 = time.perf_counter()
    again = _next_logits(model, without)
    t1 = time.perf_counter()
    kept = _next_logits(model, with_cache[-1:], caches)
    t2 = time.perf_counter()
    difference = float((kept - again).abs().max() / again.abs().max())
    return RaceStep(len(without), 1000 * (t2 - t1), 1000 * (t1 - t0), int(kept.argmax()), int(again.argmax()), difference)


def _next_logits(model: GPTModel, ids: Sequence[int], caches: list[KeptKeysValues] | None = None) -> Float[Tensor, "vocab_size"]:
    """The logits behind the last of `ids`, which stand behind whatever the caches hold."""
    x = model.embed(torch.tensor([list(ids)], device=model.token_embedding.weight.device), caches[0].length if caches else 0)
    for layer, block in enumerate(model.blocks):
        x = block(x, caches[layer] if caches else None)
    logits = model.unembed(x[0, -1])
    finish(logits.device)
    return logits


def _affordable_start(model: GPTModel, n_tokens: int, seconds: float) -> int:
    """How many of n_tokens to begin with, so that several steps fit into the time and the context: found by doubling."""
    limit = min(n_tokens, max(1, model.config.context_length - _STEPS_WANTED))
    start = min(limit, _SHORT)
    _next_logits(model, [0] * start)  # the first pass after a pause is slow
    while start < limit:
        began = time.perf_counter()
        _next_logits(model, [0] * start)
        longer = min(limit, 2 * start)
        if (time.perf_counter() - began) * longer / start > seconds / _STEPS_WANTED:
            break
        start = longer
    return start
