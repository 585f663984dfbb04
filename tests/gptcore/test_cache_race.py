"""With and without the cache: the same text, the same logits, within the time and the context."""

from __future__ import annotations

import pytest
import torch

from gptcore import cache_race
from gptcore.cache_race import KeptKeysValues, race
from gptcore.checks import earlier_tokens_unchanged
from gptcore.config import GPTConfig
from gptcore.errors import SequenceLengthError
from gptcore.model import GPTModel

CONFIG = GPTConfig(97, 40, 24, 3, 2, 0.0, True)


@pytest.fixture(scope="module")
def model() -> GPTModel:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = GPTModel(CONFIG)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def greedy(model: GPTModel, ids: list[int], n: int) -> list[int]:
    """The plainest loop: the whole sequence through `forward`, the largest logit of the last row."""
    ids = list(ids)
    for _ in range(n):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids


def test_both_ways_write_what_a_plain_loop_writes(model: GPTModel) -> None:
    found = race(model, [4, 8, 15], seconds=20.0)
    expected = greedy(model, [4, 8, 15], len(found.steps))[3:]
    assert list(found.cached_ids) == list(found.uncached_ids) == expected
    assert found.same_text
    assert max(step.difference for step in found.steps) < 1e-5


def test_it_goes_on_to_the_end_of_the_context_and_no_further(model: GPTModel) -> None:
    found = race(model, [4, 8, 15], seconds=20.0)
    assert [step.n_tokens for step in found.steps] == list(range(3, CONFIG.context_length + 1))


def test_a_full_context_still_leaves_some_steps_to_measure(model: GPTModel) -> None:
    found = race(model, [1] * CONFIG.context_length, seconds=20.0)
    assert found.start == CONFIG.context_length - 8
    assert found.steps[-1].n_tokens == CONFIG.context_length


def test_one_token_is_enough_to_start_from_and_none_is_refused(model: GPTModel) -> None:
    assert race(model, [7], seconds=20.0).steps[0].n_tokens == 1
    with pytest.raises(SequenceLengthError, match="needs at least 1"):
        race(model, [], seconds=1.0)


def test_it_keeps_to_the_time_and_takes_at_least_one_step(model: GPTModel, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, next_logits = 0.0, cache_race._next_logits

    def ten_ms(*given: Any) -> torch.Tensor:
        nonlocal clock
        clock += 0.01
        return next_logits(*given)

    monkeypatch.setattr(cache_race, "_next_logits", ten_ms)
    monkeypatch.setattr(cache_race.time, "perf_counter", lambda: clock)
    assert len(race(model, [1] * 30, seconds=0.0).steps) == 1
    began = clock
    assert 8 <= len(race(model, [1] * 10, seconds=0.2).steps) <= 10
    assert clock - began < 0.3  # with what is tried before, and the step that is not measured


def test_times_are_measured_and_positive(model: GPTModel) -> None:
    found = race(model, [3] * 10, seconds=20.0)
    assert all(step.cached_ms > 0 and step.uncached_ms > 0 for step in found.steps)


@pytest.mark.parametrize("n_tokens", [1, 10])
def test_a_first_pass_that_is_slow_is_not_among_the_measured_ones(
    model: GPTModel, monkeypatch: pytest.MonkeyPatch, n_tokens: int
) -> None:
    clock, passes, next_logits = 0.0, set(), cache_race._next_logits

    def slow_at_first(model: GPTModel, ids: list[int], caches: list[KeptKeysValues] | None = None) -> torch.Tensor:
        nonlocal clock
        kind = (caches is None, len(ids) == 1)
        clock += 0.001 if kind in passes else 0.1
        passes.add(kind)
        return next_logits(model, ids, caches)

    monkeypatch.setattr(cache_race, "_next_logits", slow_at_first)
    monkeypatch.setattr(cache_race.time, "perf_counter", lambda: clock)
    found = race(model, [1] * n_tokens, seconds=1.0)
    assert [step.cached_ms for step in found.steps] == pytest.approx([1.0] * len(found.steps))
    assert found.steps[0].uncached_ms == pytest.approx(1.0) and found.same_text


def test_the_cache_returns_everything_it_was_given_in_order() -> None:
    cache = KeptKeysValues(GPTModel(CONFIG), capacity=5)
    parts = [torch.arange(float(3 * n * 8)).view(1, 3, n, 8) for n in (2, 1)]
    cache.extend(parts[0], -parts[0])
    k, v = cache.extend(parts[1], -parts[1])
    assert torch.equal(k, torch.cat(parts, dim=2)) and torch.equal(v, -k)


def plain_keys_values(model: GPTModel, ids: list[int], layer: int) -> tuple[torch.Tensor, torch.Tensor]:
    """[n_heads, n_tokens, head_dim] each, from the whole sequence, through the layers' own weights."""
    with torch.inference_mode():
        x = model.embed(torch.tensor([ids]))
        for block in model.blocks[:layer]:
            x = block(x)
        qkv = model.blocks[layer].attention.qkv(model.blocks[layer].ln_1(x))[0]
    _, k, v = (part.view(len(ids), CONFIG.n_heads, -1).transpose(0, 1) for part in qkv.chunk(3, dim=-1))
    return k, v


@pytest.mark.parametrize("ids", [[4], [4, 8, 15, 16, 23, 42]])
def test_keys_and_values_of_earlier_tokens_do_not_depend_on_later_ones(model: GPTModel, ids: list[int]) -> None:
    k, v = plain_keys_values(model, ids, layer=1)
    with torch.inference_mode():
        check = earlier_tokens_unchanged(model, ids, 1, k, v, None)
    assert check.ok and check.deviation < 1e-5
    assert f"first {'token' if len(ids) == 1 else '5 tokens'} in layer 1" in check.description


def test_values_that_are_not_those_of_the_model_fail_the_check(model: GPTModel) -> None:
    k, v = plain_keys_values(model, [4, 8, 15], layer=1)
    with torch.inference_mode():
        assert not earlier_tokens_unchanged(model, [4, 8, 15], 1, k, v.flip(1), None).ok
        assert not earlier_tokens_unchanged(model, [4, 8, 15], 0, k, v, None).ok
