"""Sampling by law: what each stage must keep, and how the draw follows the probabilities."""

from __future__ import annotations

import math

import jaxtyping
import numpy as np
import pytest
import torch

from gptcore.errors import SamplingError
from gptcore.random_numbers import MAX_SEED, random_number
from gptcore.sampling import Candidates, SamplingSettings, Selection, candidates, select

WORDS = ["closer", "every", "effort", "forward", "inches", "moves", "pizza", "toward", "you"]
DEMO = np.array([4.51, 0.89, -1.90, 6.75, 1.63, -1.62, -1.89, 6.28, 1.79])


def normal_logits(size: int = 500, seed: int = 0, spread: float = 3.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, size).astype(np.float32)


def kept_ids(selection: Selection) -> set[int]:
    return {int(i) for i in selection.token_ids[: selection.kept]}


def test_candidates_are_ordered_by_logit_and_ties_by_token_id() -> None:
    order, logits = candidates(np.array([1.0, 3.0, 3.0, -np.inf, 2.0, 3.0], dtype=np.float32))
    assert order.tolist() == [1, 2, 5, 4, 0, 3]
    assert logits.tolist() == [3, 3, 3, 2, 1, -math.inf]
    assert logits.dtype == np.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_tensor_gives_the_same_candidates_as_its_numbers(dtype: torch.dtype) -> None:
    tensor = torch.tensor(DEMO, dtype=dtype, requires_grad=True)
    assert candidates(tensor).order.tolist() == candidates(tensor.detach().double().numpy()).order.tolist()


def test_candidates_made_once_give_the_same_selection_as_the_logits() -> None:
    logits, settings = normal_logits(), SamplingSettings(0.7, 30, 0.9, 0.01, 5)
    once = candidates(logits)
    assert isinstance(once, Candidates)
    a, b = select(once, settings, 8), select(logits, settings, 8)
    assert (a.chosen_id, a.stages, a.u) == (b.chosen_id, b.stages, b.u)
    assert np.array_equal(a.final_probs, b.final_probs)


def test_without_cuts_the_probabilities_are_the_softmax_over_the_whole_vocabulary() -> None:
    logits = normal_logits(50257)
    selection = select(logits, SamplingSettings(temperature=0.6), 0)
    reference = torch.softmax(torch.from_numpy(logits).double() / 0.6, dim=0).numpy()
    assert np.allclose(selection.probs, reference[selection.token_ids], rtol=1e-12, atol=0)
    assert np.array_equal(selection.probs, selection.final_probs)
    assert selection.final_probs.sum() == pytest.approx(1, abs=1e-12)


def test_the_published_demo_at_temperature_5_gives_pizza_4_3_percent() -> None:
    selection = select(DEMO, SamplingSettings(temperature=5), 0)
    probs = dict(zip((WORDS[i] for i in selection.token_ids), selection.final_probs, strict=True))
    assert round(100 * probs["pizza"], 1) == 4.3


def test_the_published_demo_with_top_k_3_keeps_three_words() -> None:
    selection = select(DEMO, SamplingSettings(top_k=3), 0)
    assert [WORDS[i] for i in selection.token_ids[:3]] == ["forward", "toward", "closer"]
    assert selection.final_probs[:3] == pytest.approx([0.5775, 0.3610, 0.0615], abs=5e-5)
    assert (selection.final_probs[3:] == 0).all()


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7, 500])
def test_k_means_exactly_k_and_ties_go_to_the_lower_token_id(k: int) -> None:
    logits = np.zeros(500)
    logits[[3, 9]] = 1.0
    selection = select(logits, SamplingSettings(top_k=k), 0)
    assert selection.kept == k
    assert kept_ids(selection) == set([3, 9, *(i for i in range(500) if i not in (3, 9))][:k])


def test_k_beyond_the_vocabulary_keeps_all_of_it() -> None:
    assert select(DEMO, SamplingSettings(top_k=1_000_000), 0).kept == len(DEMO)


@pytest.mark.parametrize("top_p", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_top_p_keeps_the_smallest_set_that_reaches_p_with_the_crossing_token(top_p: float) -> None:
    selection = select(normal_logits(), SamplingSettings(temperature=1.3, top_p=top_p), 0)
    assert selection.probs[: selection.kept].sum() >= top_p
    assert selection.probs[: selection.kept - 1].sum() < top_p


def test_top_p_1_keeps_everything_even_what_has_no_probability_left() -> None:
    logits = np.array([0.0, -1e4, -np.inf])  # of these two it has none
    assert select(logits, SamplingSettings(top_p=1), 0).kept == 3


@pytest.mark.parametrize("size", [3, 7, 10, 100])
def test_top_p_is_met_by_equal_tokens_that_reach_it_on_paper(size: int) -> None:
    for n in range(1, size):
        assert select(np.zeros(size), SamplingSettings(top_p=n / size), 0).kept == n


def test_top_p_works_on_what_top_k_left_renormalised() -> None:
    selection = select(np.log([0.4, 0.3, 0.2, 0.1]), SamplingSettings(top_k=2, top_p=0.5), 0)
    assert selection.kept == 1  # 0.4 of 0.7 is 57 %; of the whole it would be 40 %, and two tokens would stay
    assert selection.stages[2].share_kept == pytest.approx(4 / 7)
    assert selection.stages[2].mass_kept == pytest.approx(0.4)


def test_min_p_is_relative_to_the_best_candidate() -> None:
    logits = np.log([0.4, 0.21, 0.2, 0.19])
    assert select(logits, SamplingSettings(min_p=0.5), 0).kept == 3
    assert select(logits, SamplingSettings(min_p=0.501), 0).kept == 2
    assert select(np.array([1.0, 1.0, 0.999]), SamplingSettings(min_p=1), 0).kept == 2


def test_every_stage_reports_what_it_kept_and_cut_and_it_adds_up() -> None:
    selection = select(normal_logits(50257, seed=3), SamplingSettings(0.9, 400, 0.8, 0.02), 0)
    names, sizes = [s.name for s in selection.stages], [s.kept for s in selection.stages]
    assert names == ["temperature", "top_k", "top_p", "min_p"]
    assert sizes[0] == 50257 and sizes[1] == 400 and 50257 > 400 > sizes[2] > sizes[3] > 0
    assert sum(s.cut for s in selection.stages) + selection.kept == 50257
    assert sum(s.mass_cut for s in selection.stages) + selection.stages[-1].mass_kept == pytest.approx(1, abs=1e-12)
    assert selection.stages[2].share_kept >= 0.8
    edges = (sizes[3] - 1, sizes[3], sizes[2], 400)
    assert [selection.shortlist(500)[rank].cut_by for rank in edges] == [None, "min_p", "top_p", "top_k"]


def test_a_shortlist_says_what_the_arrays_say() -> None:
    logits = normal_logits()
    selection = select(logits, SamplingSettings(temperature=2, top_k=3), 0)
    rows = selection.shortlist(5)
    assert [row.rank for row in rows] == [0, 1, 2, 3, 4]
    for row in rows:
        assert row.logit == logits[row.token_id]
        assert row.scaled_logit == row.logit / 2
        assert row.kept == (row.rank < 3) == (row.final_prob > 0) == (row.cut_by is None)
    assert sum(row.final_prob for row in rows) == pytest.approx(1)
    assert len(selection.shortlist(10_000)) == len(logits)


@pytest.mark.parametrize("seed", range(5))
def test_temperature_0_takes_the_best_and_of_equals_the_lowest_token_id(seed: int) -> None:
    selection = select(np.array([1.0, 2.0, 2.0]), SamplingSettings(temperature=0, seed=seed), 4)
    assert (selection.chosen_id, selection.kept, selection.chosen_prob) == (1, 1, 1.0)
    assert [s.name for s in selection.stages] == ["greedy", "top_k", "top_p", "min_p"]
    assert selection.final_entropy == 0
    assert selection.cut_by(1) == "greedy"
    assert selection.stages[0].mass_kept == pytest.approx(selection.chosen_base_prob)
    assert sum(s.mass_cut for s in selection.stages) + selection.stages[-1].mass_kept == pytest.approx(1)


@pytest.mark.parametrize("temperature", [1e-3, 1e-12, 1e-300, 5e-324])
def test_a_temperature_near_0_tends_to_greedy(temperature: float) -> None:
    selection = select(normal_logits(50257), SamplingSettings(temperature=temperature, seed=MAX_SEED), 7)
    assert selection.chosen_rank == 0
    assert selection.chosen_prob == pytest.approx(1)
    assert np.isfinite(selection.final_probs).all()


def test_a_temperature_near_infinity_tends_to_a_fair_choice() -> None:
    selection = select(normal_logits(1000), SamplingSettings(temperature=1e300), 0)
    assert np.allclose(selection.final_probs, 1 / 1000)
    assert selection.entropy == pytest.approx(math.log2(1000))
    assert selection.choices == pytest.approx(1000)


def test_temperature_never_changes_the_order() -> None:
    logits = normal_logits()
    orders = [select(logits, SamplingSettings(temperature=t), 0).token_ids.tolist() for t in (0, 0.1, 1, 5)]
    assert all(order == orders[0] for order in orders)


def test_entropy_counts_a_fair_coin_as_one_bit_and_two_choices() -> None:
    selection = select(np.array([0.0, 0.0, -np.inf, -5.0]), SamplingSettings(top_k=2), 0)
    assert selection.final_entropy == pytest.approx(1)
    assert selection.final_choices == pytest.approx(2)
    assert selection.entropy > 1


def test_extreme_logits_stay_exact() -> None:
    selection = select(np.array([1e4, 1e4 - 1, -1e4, -np.inf]), SamplingSettings(), 0)
    assert selection.final_probs == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0, 0])
    assert np.isfinite(selection.entropy)


@pytest.mark.parametrize("size", [1, 2, 9, 50257])
@pytest.mark.parametrize("u", [0.0, 0.5, 1 - 2**-53])
def test_every_u_lands_on_a_token_that_has_probability(size: int, u: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptcore.sampling.random_number", lambda seed, position: u)
    logits = np.append(normal_logits(size, spread=9), [-np.inf, -np.inf])
    selection = select(logits, SamplingSettings(), 0)
    assert selection.chosen_prob > 0
    assert selection.low <= u < selection.high
    assert selection.high - selection.low == pytest.approx(selection.chosen_prob, abs=1e-12)


def test_a_u_on_a_boundary_belongs_to_the_token_that_begins_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptcore.sampling.random_number", lambda seed, position: 0.5)
    selection = select(np.zeros(2), SamplingSettings(), 0)
    assert (selection.chosen_rank, selection.low, selection.high) == (1, 0.5, 1.0)


def test_the_same_seed_and_position_choose_the_same_token_and_others_do_not() -> None:
    logits = normal_logits(spread=0.1)
    chosen = {(seed, at): select(logits, SamplingSettings(seed=seed), at).chosen_id for seed in range(8) for at in range(8)}
    assert chosen == {(seed, at): select(logits, SamplingSettings(seed=seed), at).chosen_id for seed, at in chosen}
    for fixed in range(8):
        assert len({chosen[fixed, at] for at in range(8)}) > 4
        assert len({chosen[seed, fixed] for seed in range(8)}) > 4


def test_the_random_numbers_are_pinned_so_that_a_link_gives_the_same_text_tomorrow() -> None:
    assert [random_number(0, 0), random_number(0, 1), random_number(42, 1023)] == [
        0.6524484863740322,
        0.7012121095215252,
        0.5211071874211061,
    ]


def test_random_numbers_spread_evenly_over_positions_and_over_seeds() -> None:
    for numbers in ([random_number(7, i) for i in range(20_000)], [random_number(i, 7) for i in range(20_000)]):
        counts, _ = np.histogram(numbers, bins=50, range=(0, 1))
        assert chi_square(counts, np.full(50, 400.0)) < 100  # 49 degrees of freedom: chance exceeds 100 once in 40,000
        assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03


def test_neighbouring_seeds_are_not_shifted_copies_of_each_other() -> None:
    first, second = ({random_number(seed, i) for i in range(1000)} for seed in (1, 2))
    assert not first & second


def test_draws_follow_the_probabilities() -> None:
    settings = SamplingSettings(temperature=1.5, top_k=6, top_p=0.95, seed=11)
    once = candidates(DEMO)
    draws = [select(once, settings, at).chosen_rank for at in range(5000)]
    final = select(once, settings, 0).final_probs
    kept = np.count_nonzero(final)
    counts = np.bincount(draws, minlength=len(DEMO))
    assert counts[kept:].sum() == 0
    assert chi_square(counts[:kept], 5000 * final[:kept]) < 30  # at most 5 degrees of freedom: chance exceeds 30 once in 70,000


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    return float(((counts - expected) ** 2 / expected).sum())


def test_a_selection_cannot_write_into_the_candidates_it_was_made_from() -> None:
    once = candidates(DEMO)
    before = once.order.copy(), once.logits.copy()
    selection = select(once, SamplingSettings(), 0)
    for array in (selection.token_ids, selection.logits, selection.scaled_logits, selection.base_probs, selection.final_probs):
        array[:] = 0
    assert np.array_equal(once.order, before[0]) and np.array_equal(once.logits, before[1])


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("temperature", -0.1, "at least 0"),
        ("temperature", math.nan, "at least 0"),
        ("temperature", math.inf, "at least 0"),
        ("temperature", "hot", "at least 0"),
        ("top_k", 0, "at least 1"),
        ("top_k", 2.5, "whole number"),
        ("top_k", True, "whole number"),
        ("top_p", 0, "above 0 and up to 1"),
        ("top_p", 1.01, "above 0 and up to 1"),
        ("top_p", math.nan, "above 0 and up to 1"),
        ("min_p", -0.01, "from 0 to 1"),
        ("min_p", 1.1, "from 0 to 1"),
        ("min_p", None, "from 0 to 1"),
        ("seed", -1, "from 0 to 4294967295"),
        ("seed", 2**32, "from 0 to 4294967295"),
        ("seed", 1.0, "whole number"),
    ],
)
def test_a_setting_outside_its_range_is_refused_with_value_range_and_advice(
    setting: str, value: object, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as in the app, where a link may hold anything
    with pytest.raises(SamplingError) as caught:
        SamplingSettings(**{setting: value})  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{setting} is {value!r}; give")
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.array([0.0, np.nan, np.nan]), "2 of 3 logits are not a number"),
        (np.array([0.0, np.inf]), "largest logit is inf"),
        (np.array([-np.inf, -np.inf]), "largest logit is -inf"),
        (np.zeros(0), "shape (0,)"),
        (np.zeros((2, 3)), "shape (2, 3)"),
    ],
)
def test_logits_that_are_no_distribution_are_refused(logits: np.ndarray, message: str) -> None:
    with pytest.raises(SamplingError) as caught:
        select(logits, SamplingSettings(), 0)
    assert message in str(caught.value)
