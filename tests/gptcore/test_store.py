"""TraceStore: any way to the same ids gives the same trace, nobody's rows are touched, and it keeps to its bytes."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from gptcore import store as store_module
from gptcore.errors import GPTCoreError, SequenceLengthError, TokenError
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.run import Patch
from gptcore.store import TraceStore
from tests.gptcore.random_models import TINY, random_ids, random_model, trace_of, traced
from tests.gptcore.stored import MEDIUM, assert_same, bytes_of, digest


@pytest.mark.parametrize(
    "lengths",
    [
        range(1, 81),  # token by token
        (80,),
        (1, 80),
        (79, 80),
        (31, 32, 33, 34, 63, 64, 65, 80),  # around the ends of a buffer
        (13, 40, 41, 77, 80),
    ],
    ids=str,
)
def test_any_split_of_a_sequence_gives_what_one_plain_pass_gives(lengths: Sequence[int]) -> None:
    model, ids, store = random_model(MEDIUM), random_ids(80), TraceStore()
    with torch.no_grad():
        expected = model(torch.tensor([ids]))[0].numpy()
    for length in lengths:
        logits = traced(store, model, ids[:length]).logits
        assert float(abs(logits - expected[length - 1]).max()) <= 1e-5 * float(abs(expected).max())
    assert_same(traced(store, model, ids), trace_of(model, ids))


def test_random_splits_agree_for_many_shapes() -> None:
    chance = random.Random(1)
    for config in (TINY, replace(TINY, qkv_bias=False), MEDIUM, replace(TINY, n_heads=1, n_layers=1)):
        model = random_model(config)
        for seed in range(4):
            ids, store = random_ids(config.context_length, seed=seed), TraceStore()
            for length in sorted(chance.sample(range(1, len(ids)), 4)):
                traced(store, model, ids[:length])
            assert_same(traced(store, model, ids), trace_of(model, ids))


def test_a_step_runs_one_token_and_a_rewind_none(runs: list[int]) -> None:
    model, ids, store = random_model(MEDIUM), random_ids(60), TraceStore()
    for length in range(20, 61):
        traced(store, model, ids[:length])
    assert runs == [20] + [1] * 40
    runs.clear()
    for length in (60, 3, 45, 1):
        assert traced(store, model, ids[:length]).n_tokens == length
    assert runs == []


def test_a_step_copies_no_earlier_row_until_its_buffer_is_full() -> None:
    model, ids, store = random_model(MEDIUM), random_ids(60), TraceStore()
    pointers = [traced(store, model, ids[:length])._resid.data_ptr() for length in range(32, 61)]
    assert len(set(pointers)) == 1


def test_a_branch_runs_only_its_own_tokens_and_leaves_the_others_as_they_are(runs: list[int]) -> None:
    model, ids, store = random_model(MEDIUM), random_ids(40), TraceStore()
    trunk = traced(store, model, ids)
    before = digest(trunk)
    branches = {}
    for start in (39, 20, 5, 1):
        for token in (3, 4):
            branch = (*ids[:start], token if ids[start] != token else 5, *random_ids(6, seed=start))
            trace = traced(store, model, branch)
            branches[branch] = trace, digest(trace)
    assert runs == [40] + [7] * 8
    for branch, (trace, expected) in branches.items():
        assert digest(trace) == expected
        assert_same(trace, trace_of(model, branch))
    assert digest(trunk) == before == digest(traced(store, model, ids))


def test_two_continuations_of_one_beginning_grow_side_by_side(runs: list[int]) -> None:
    model, store, prompt = random_model(MEDIUM), TraceStore(), random_ids(10)
    texts = [prompt, prompt]
    for step in range(20):
        for which in (0, 1):
            texts[which] = (*texts[which], (step * 7 + which) % 61)
            traced(store, model, texts[which])
    assert runs == [10 + 1] + [1] * 39
    for text in texts:
        assert_same(traced(store, model, text), trace_of(model, text))


def test_what_a_branch_shares_stays_when_the_trunk_is_dropped(runs: list[int]) -> None:
    model, ids = random_model(MEDIUM), random_ids(40)
    branch = (*ids[:30], (ids[30] + 1) % 61)
    store = TraceStore(bytes_of(model, 2, 64))
    traced(store, model, ids)
    traced(store, model, branch)
    traced(store, model, random_ids(40, seed=9))  # needs the place of the trunk
    runs.clear()
    traced(store, model, ids[:30])
    assert runs == []
    traced(store, model, ids[:31])
    assert runs == [1]


@pytest.mark.parametrize("room_for", [100, 3], ids=["with room for all", "while buffers go all the time"])
def test_threads_that_ask_at_once_all_get_the_right_trace(room_for: int) -> None:
    model, trunk, chance = random_model(MEDIUM), random_ids(80), random.Random(2)
    wanted = [
        (*trunk[: chance.randrange(1, 60)], *(chance.randrange(4) for _ in range(chance.randrange(20)))) for _ in range(240)
    ]
    expected = {ids: plain_residual(model, ids) for ids in set(wanted)}
    limit = bytes_of(model, room_for, 80)
    store, started = TraceStore(limit), threading.Barrier(8)

    def ask(share: int) -> list[tuple[int, ...]]:
        started.wait()
        held = []
        for ids in wanted[share::8]:
            held.append(traced(store, model, ids))
            assert store.n_bytes <= limit
        return [t.ids for t in held if not np.allclose(t.resid(3), expected[t.ids], rtol=1e-4, atol=1e-4)]

    with ThreadPoolExecutor(8) as pool:
        assert [ids for faults in pool.map(ask, range(8)) for ids in faults] == []


def plain_residual(model: GPTModel, ids: tuple[int, ...]) -> np.ndarray:
    """The residual stream after the last block, from a plain pass."""
    with torch.no_grad():
        x = model.embed(torch.tensor([ids]))
        for block in model.blocks:
            x = block(x)
    return x[0].numpy()


def test_two_who_ask_for_the_same_ids_at_once_have_them_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, store, ids = random_model(), TraceStore(), random_ids(12)
    inside, go_on, counts = threading.Event(), threading.Event(), []
    run = store_module.run_tokens

    def slow(model: GPTModel, buffer: store_module.Buffer, new_ids: Sequence[int]) -> None:
        counts.append(len(new_ids))
        inside.set()
        assert go_on.wait(10)
        run(model, buffer, new_ids)

    monkeypatch.setattr(store_module, "run_tokens", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(traced, store, model, ids)
        assert inside.wait(10)
        second = pool.submit(traced, store, model, ids)
        go_on.set()
        assert digest(first.result()) == digest(second.result())
    assert counts == [12]


def test_who_asks_for_what_is_there_does_not_wait_for_who_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    model, store, ids = random_model(), TraceStore(), random_ids(12)
    traced(store, model, ids)
    inside, go_on = threading.Event(), threading.Event()
    run = store_module.run_tokens

    def slow(model: GPTModel, buffer: store_module.Buffer, new_ids: Sequence[int]) -> None:
        inside.set()
        assert go_on.wait(10)
        run(model, buffer, new_ids)

    monkeypatch.setattr(store_module, "run_tokens", slow)
    with ThreadPoolExecutor(1) as pool:
        longer = pool.submit(traced, store, model, (*ids, 1))
        assert inside.wait(10)
        before = digest(traced(store, model, ids))  # while a row is being written behind it
        assert not longer.done()
        go_on.set()
        longer.result()
    assert digest(traced(store, model, ids)) == before


def test_a_run_that_breaks_off_leaves_nothing_wrong_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    model, store, ids = random_model(), TraceStore(), random_ids(14)
    traced(store, model, ids[:10])
    with monkeypatch.context() as patch:
        patch.setattr(model.blocks[1].feed_forward, "forward", lambda x: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            traced(store, model, ids)
    assert_same(traced(store, model, ids), trace_of(model, ids))


@pytest.mark.parametrize(
    ("ids", "error", "words"),
    [
        ((), SequenceLengthError, "no token to start from; the model needs at least 1"),
        (
            tuple(range(21)),
            SequenceLengthError,
            "21 tokens are more than this model's context length of 20; shorten the text by 1",
        ),
        ((3, 61), TokenError, r"Token id 61 is not in this model's vocabulary of 61 \(0 to 60\)"),
        ((-1, 3), TokenError, "Token id -1"),
    ],
)
def test_ids_that_do_not_fit_are_refused_with_value_and_limit(ids: tuple[int, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        trace_of(random_model(), ids)


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(GPTCoreError, match=r"training mode.*model.eval\(\)"):
        trace_of(random_model().train(), (1, 2))


def test_weights_are_never_written() -> None:
    model = random_model()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    store = TraceStore()
    for length in (3, 9, 10):
        trace = traced(store, model, random_ids(length))
        trace.check()
        trace.lens()
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())


def test_a_run_that_is_extended_in_pieces_is_the_run_as_a_whole(tiny_model: LanguageModel) -> None:
    model = replace(tiny_model, store=TraceStore())
    run = model.run(tuple(range(20)))
    left = [model.store.missing(run)] + [model.store.extend(run, 6) for _ in range(4)]
    assert left == [20, 14, 8, 2, 0] and model.store.missing(run) == 0
    assert len(model.store._kept) == 1, "room for the whole is taken at the beginning"
    pieces, whole = model.store.trace(run), replace(tiny_model, store=TraceStore()).trace(run.ids)
    for layer in range(tiny_model.config.n_layers):
        np.testing.assert_allclose(pieces.resid(layer + 1), whole.resid(layer + 1), atol=1e-5)
    with pytest.raises(SequenceLengthError):
        model.store.extend(model.run((1,) * 65), 6)


def test_what_is_too_large_to_be_kept_says_that_extending_it_leads_nowhere(tiny_model: LanguageModel) -> None:
    model = replace(tiny_model, store=TraceStore(max_bytes=20_000))
    run = model.run(tuple(range(60)))
    assert {model.store.extend(run, 50) for _ in range(3)} == {10}
    assert model.store.trace(run).logits.shape == (290,)


def test_a_patch_is_extended_at_once_since_its_places_are_those_of_the_whole(tiny_model: LanguageModel) -> None:
    model = replace(tiny_model, store=TraceStore())
    run = model.run(tuple(range(20)), Patch((1, 2, 3), frozenset({(1, 2, 19)})))
    assert model.store.extend(run, 6) == 0
