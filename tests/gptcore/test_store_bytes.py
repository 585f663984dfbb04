"""The store keeps within its bytes, and what it drops is right when it is asked for again."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from gptcore import store as store_module
from gptcore.config import NAMED_CONFIGS, GPTConfig
from gptcore.model import GPTModel
from gptcore.store import TraceStore
from tests.gptcore.random_models import TINY, random_ids, random_model, trace_of, traced
from tests.gptcore.stored import MEDIUM, assert_same, bytes_of, digest


def plain_residual(model: GPTModel, ids: tuple[int, ...]) -> np.ndarray:
    """The residual stream after the last block, from a plain pass."""
    with torch.no_grad():
        x = model.embed(torch.tensor([ids]))
        for block in model.blocks:
            x = block(x)
    return x[0].numpy()


def test_the_bytes_stay_within_the_limit_and_the_oldest_goes_first(runs: list[int]) -> None:
    model = random_model(MEDIUM)
    limit = bytes_of(model, 3, 32)
    store, texts = TraceStore(limit), [random_ids(20, seed=seed) for seed in range(5)]
    for text in texts[:3]:
        assert traced(store, model, text).logits.any()
    traced(store, model, texts[0])  # asked for again: now the second is the oldest
    for text in texts[3:]:
        assert traced(store, model, text).logits.any()
        assert store.n_bytes <= limit
    runs.clear()
    for text in (texts[0], texts[3], texts[4]):
        traced(store, model, text)
    assert runs == []
    traced(store, model, texts[1])
    assert runs == [20]


def test_bytes_are_counted_once_and_by_capacity() -> None:
    model, store, ids = random_model(MEDIUM), TraceStore(), random_ids(40)
    per_token = 4 * (4 * 12 + 2 * 3 * 12)  # float32; n_layers + 1 residual streams; keys and values
    for length in range(1, 41):
        traced(store, model, ids[:length])
    assert store.n_bytes == 64 * per_token
    assert traced(store, model, ids).logits.any()
    assert store.n_bytes == 64 * per_token + 4 * 61


def test_who_holds_a_trace_that_was_dropped_still_has_the_right_one() -> None:
    model, ids = random_model(MEDIUM), random_ids(20)
    store = TraceStore(bytes_of(model, 1, 32))
    held = traced(store, model, ids)
    before = digest(held)
    for seed in range(10, 15):
        traced(store, model, random_ids(20, seed=seed)).logits.any()
    assert digest(held) == before
    assert all(check.ok for check in held.check())
    assert_same(held, trace_of(model, ids))
    assert_same(traced(store, model, ids), held)


def test_a_sequence_too_large_to_keep_is_computed_and_sends_no_other_away(runs: list[int]) -> None:
    model = random_model(MEDIUM)
    store = TraceStore(bytes_of(model, 1, 40))
    small, large = random_ids(20), random_ids(80, seed=4)
    traced(store, model, small)
    for _ in range(2):
        assert_same(traced(store, model, large), trace_of(model, large))
    assert runs == [20, 80, 80, 80, 80]
    runs.clear()
    traced(store, model, small)
    assert runs == []


def test_a_sequence_that_outgrows_the_limit_still_finds_what_was_kept_of_it(runs: list[int]) -> None:
    model = random_model(MEDIUM)
    store, ids = TraceStore(bytes_of(model, 1, 40)), random_ids(44)
    for length in (30, 40, 41, 42, 44, 38):
        traced(store, model, ids[:length])
    assert runs == [30, 10, 1, 2, 4]


@pytest.mark.parametrize("config", [*NAMED_CONFIGS.values(), TINY], ids=[*NAMED_CONFIGS, "tiny"])
def test_the_store_of_a_model_holds_at_least_one_text_that_fills_the_context(config: GPTConfig) -> None:
    with torch.device("meta"):
        needed = store_module.Buffer(GPTModel(config), config.context_length).n_bytes
    store = TraceStore.for_config(config)
    assert store._max_buffer_bytes >= needed
    assert store._max_buffer_bytes < needed * 1.001 or store._max_buffer_bytes < store_module.MAX_BYTES


def test_a_buffer_grows_only_as_far_as_it_can_be_kept(runs: list[int]) -> None:
    model = random_model(MEDIUM)
    store, ids = TraceStore(bytes_of(model, 1, 50)), random_ids(50)
    for length in range(30, 51):
        traced(store, model, ids[:length])
    assert runs == [30] + [1] * 20


def test_logits_once_asked_for_are_kept_within_their_share_of_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    model, ids = random_model(MEDIUM), random_ids(60)
    store, calls = TraceStore(8 * 10 * 61 * 4 + 10**6), []
    store._logits = store_module._RowsOfLogits(10 * 61 * 4)  # room for ten rows
    unembed = GPTModel.unembed
    monkeypatch.setattr(GPTModel, "unembed", lambda self, x: (calls.append(1), unembed(self, x))[1])
    for length in range(20, 40):
        traced(store, model, ids[:length]).logits.any()
    assert len(calls) == 20
    for length in range(30, 40):
        traced(store, model, ids[:length]).logits.any()
    assert len(calls) == 20
    traced(store, model, ids[:25]).logits.any()
    assert len(calls) == 21
    assert store._logits.n_bytes == 10 * 61 * 4


def test_models_do_not_mix_and_a_dropped_model_gives_its_bytes_back() -> None:
    store, ids = TraceStore(), random_ids(12)
    first, second = random_model(), random_model(spread=0.5)
    assert_same(traced(store, first, ids), trace_of(first, ids))
    assert_same(traced(store, second, ids), trace_of(second, ids))
    both = store.n_bytes
    del first
    gc.collect()
    traced(store, second, random_ids(12, seed=9))
    assert store.n_bytes < both + store_module.Buffer(second, 20).n_bytes
