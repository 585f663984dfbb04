"""From logits to one token: temperature, top-k, top-p and min-p as separate stages, then one draw.

Order: temperature, top-k (Fan et al. 2018, https://arxiv.org/abs/1805.04833), top-p (Holtzman et al. 2020,
https://arxiv.org/abs/1904.09751), min-p (Nguyen et al. 2024, https://arxiv.org/abs/2407.01082), each on the renormalised rest.
Everything runs over the whole vocabulary in float64. Candidates are ordered by (logit descending, token id ascending): the order
of their probabilities at any temperature, so every stage keeps a beginning of that order and a count says all about it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike

from gptcore.arguments import Number, Whole, real, whole
from gptcore.errors import SamplingError
from gptcore.random_numbers import MAX_SEED, random_number

# Sums of 50,257 rounded numbers miss a threshold that they reach on paper (ten equal tokens, top_p = 0.7): forgive that much.
_SLACK = 1 - 1e-12


@dataclass(frozen=True)
class SamplingSettings:
    """What shapes the choice of the next token.

    temperature: 0 is greedy, 1 leaves the model as it is; top_k: how many candidates stay, None for all; top_p: the smallest set
    whose mass reaches it stays, 1 for all; min_p: candidates at least this share of the best one's probability stay, 0 for all
    (1 leaves the best and what ties with it); seed: 0 to 2**32 - 1, picks the random numbers.

    Raises SamplingError naming the value, the range and what to do.
    """

    temperature: Number = 1.0
    top_k: Whole | None = None
    top_p: Number = 1.0
    min_p: Number = 0.0
    seed: Whole = 0

    def __post_init__(self) -> None:
        temperature, top_p, min_p = (real(value) for value in (self.temperature, self.top_p, self.min_p))
        top_k, seed = whole(self.top_k), whole(self.seed)
        if temperature is None or not 0 <= temperature < math.inf:
            raise SamplingError(f"temperature is {self.temperature!r}; give a number of at least 0 (0 takes the best token).")
        if self.top_k is not None and (top_k is None or top_k < 1):
            raise SamplingError(f"top_k is {self.top_k!r}; give a whole number of at least 1, or None to keep every token.")
        if top_p is None or not 0 < top_p <= 1:
            raise SamplingError(f"top_p is {self.top_p!r}; give a number above 0 and up to 1 (1 keeps every token).")
        if min_p is None or not 0 <= min_p <= 1:
            raise SamplingError(f"min_p is {self.min_p!r}; give a number from 0 to 1 (0 keeps every token).")
        if seed is None or not 0 <= seed <= MAX_SEED:
            raise SamplingError(f"seed is {self.seed!r}; give a whole number from 0 to {MAX_SEED}.")
        plain = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "seed": seed}
        for name, value in plain.items():  # 1 and 1.0 are the same setting, and print the same; numpy's and torch's numbers too
            object.__setattr__(self, name, value)


class Candidates(NamedTuple):
    """The vocabulary in candidate order. order: token ids, int [vocab_size]; logits: theirs, in the type they came in."""

    order: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class Stage:
    """What one stage left. Masses are shares of the whole distribution after temperature, so the cuts of all stages and the mass
    kept at the end add up to 1. Greedy is measured at temperature 1, since at 0 there is no mass left to cut.

    name: "temperature" or "greedy", "top_k", "top_p", "min_p"; kept, cut: candidates;
    share_kept: mass kept of the mass that entered the stage.
    """

    name: str
    kept: int
    cut: int
    mass_kept: float
    mass_cut: float
    share_kept: float


@dataclass(frozen=True)
class Candidate:
    """One row of a shortlist; `Selection` says what the numbers are."""

    rank: int
    token_id: int
    logit: float
    scaled_logit: float
    base_prob: float
    prob: float
    final_prob: float
    kept: bool
    cut_by: str | None


@dataclass(frozen=True, eq=False)
class Selection:
    """One choice with everything that led to it. Arrays are float64 [vocab_size] in candidate order.

    token_ids: int [vocab_size]; logits: as the model gave them; scaled_logits: over temperature (greedy: 0 and -inf, the limit
    relative to the best); base_probs: at temperature 1; probs: after temperature; final_probs: after all cuts, 0 for what is cut.
    entropy, final_entropy: bits, after temperature and after all cuts; `choices`, `final_choices`: as uncertain as a fair choice
    among that many tokens. u: the random number in [0, 1); the chosen token owns [low, high) of the kept probabilities laid end
    to end in candidate order, and low <= u < high.
    """

    settings: SamplingSettings
    position: int
    stages: tuple[Stage, ...]
    token_ids: np.ndarray
    logits: np.ndarray
    scaled_logits: np.ndarray
    base_probs: np.ndarray
    probs: np.ndarray
    final_probs: np.ndarray
    entropy: float
    final_entropy: float
    u: float
    chosen_rank: int
    low: float
    high: float

    @property
    def kept(self) -> int:
        """How many candidates are left at the end."""
        return self.stages[-1].kept

    @property
    def chosen_id(self) -> int:
        return int(self.token_ids[self.chosen_rank])

    @property
    def chosen_prob(self) -> float:
        """Probability with which it was drawn."""
        return float(self.final_probs[self.chosen_rank])

    @property
    def chosen_base_prob(self) -> float:
        """The model's own probability of it, at temperature 1."""
        return float(self.base_probs[self.chosen_rank])

    @property
    def choices(self) -> float:
        return 2.0**self.entropy

    @property
    def final_choices(self) -> float:
        return 2.0**self.final_entropy

    def cut_by(self, rank: int) -> str | None:
        """Name of the stage that cut the candidate, None if it is kept."""
        return next((stage.name for stage in self.stages if rank >= stage.kept), None)

    def shortlist(self, n: Whole) -> tuple[Candidate, ...]:
        """The n best candidates (all, if there are fewer), cut or not."""
        return tuple(
            Candidate(
                rank=rank,
                token_id=int(self.token_ids[rank]),
                logit=float(self.logits[rank]),
                scaled_logit=float(self.scaled_logits[rank]),
                base_prob=float(self.base_probs[rank]),
                prob=float(self.probs[rank]),
                final_prob=float(self.final_probs[rank]),
                kept=rank < self.kept,
                cut_by=self.cut_by(rank),
            )
            for rank in range(min(n, len(self.token_ids)))
        )


def candidates(logits: ArrayLike | torch.Tensor) -> Candidates:
    """[vocab_size] -> the same in candidate order. It depends on nothing but the logits, so a caller may keep it.

    -inf means never. Raises SamplingError for NaN, for +inf, for no logits at all and where every logit is -inf.
    """
    values = logits.detach().cpu() if isinstance(logits, torch.Tensor) else logits
    if isinstance(values, torch.Tensor) and values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    array = np.asarray(values)
    if array.ndim != 1 or not array.size:
        raise SamplingError(f"The logits have shape {array.shape}; give one number for each token, shape [vocab_size].")
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    if np.isnan(array).any():
        raise SamplingError(f"{int(np.isnan(array).sum())} of {array.size} logits are not a number; check the model's weights.")
    order = np.argsort(-array, kind="stable")
    best = array[order[0]]
    if np.isinf(best):
        raise SamplingError(f"The largest logit is {best}; at least one must be finite and none may be +inf.")
    return Candidates(order, array[order])


def select(logits: ArrayLike | torch.Tensor | Candidates, settings: SamplingSettings, position: Whole) -> Selection:
    """Choose the token for `position` (its absolute place in the sequence, zero-based) from logits [vocab_size].

    Settings, logits and position decide, nothing else does. Raises SamplingError as `candidates` does, and for a position that is no
    whole number from 0.
    """
    place = whole(position)
    if place is None or place < 0:
        raise SamplingError(f"position is {position!r:.80}; give the token's place in the sequence, a whole number from 0.")
    ids, given = logits if isinstance(logits, Candidates) else candidates(logits)
    sorted_logits = given.astype(np.float64)
    below_best = sorted_logits - sorted_logits[0]
    base = np.exp(below_best)
    weights, scaled = _temper(sorted_logits, below_best, settings.temperature)
    mass = np.cumsum(weights)  # sums are left to right, as the browser sums them
    stages = _stages(base, weights, mass, settings)
    kept = stages[-1].kept
    bounds = mass[:kept] / mass[kept - 1]  # the last is 1 exactly and u is below 1: the draw cannot fall off the end
    u = random_number(settings.seed, place)
    rank = int(np.searchsorted(bounds, u, side="right"))
    probs = weights / mass[-1]
    final = np.zeros_like(probs)
    final[:kept] = weights[:kept] / mass[kept - 1]
    return Selection(
        settings, place, stages, ids.copy(), sorted_logits, scaled, base / np.cumsum(base)[-1], probs, final,
        _entropy(probs), _entropy(final[:kept]), u, rank, float(bounds[rank - 1]) if rank else 0.0, float(bounds[rank]),
    )  # fmt: skip


def _temper(logits: np.ndarray, below_best: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """(weights, scaled logits): softmax before its division, so that the best has weight 1 and equal logits equal weights."""
    if temperature == 0:
        weights = np.zeros_like(logits)
        weights[0] = 1.0
        return weights, np.where(weights > 0, 0.0, -np.inf)
    with np.errstate(over="ignore"):  # logits over a tiny temperature leave float64: infinitely far below the best is right
        return np.exp(below_best / temperature), logits / temperature


def _stages(base: np.ndarray, weights: np.ndarray, mass: np.ndarray, settings: SamplingSettings) -> tuple[Stage, ...]:
    size = len(weights)
    greedy = settings.temperature == 0
    measured = base if greedy else weights
    stages = [_stage("greedy" if greedy else "temperature", measured, size, 1 if greedy else size)]
    kept = stages[0].kept
    for name, count in (
        ("top_k", lambda n: n if settings.top_k is None else min(n, settings.top_k)),
        ("top_p", lambda n: _reaching(mass[:n], settings.top_p)),
        ("min_p", lambda n: int(np.count_nonzero(weights[:n] >= settings.min_p * _SLACK))),
    ):
        stages.append(_stage(name, measured, kept, count(kept)))
        kept = stages[-1].kept
    return tuple(stages)


def _reaching(mass: np.ndarray, top_p: float) -> int:
    """Length of the shortest beginning whose share of the mass reaches top_p; the candidate that crosses it is in."""
    return len(mass) if top_p == 1 else int(np.searchsorted(mass, top_p * mass[-1] * _SLACK, side="left")) + 1


def _stage(name: str, weights: np.ndarray, entered: int, kept: int) -> Stage:
    whole, before, after = (float(weights[:n].sum()) for n in (len(weights), entered, kept))
    lost = float(weights[kept:entered].sum())  # summed, not subtracted: a tail of 1e-20 is 1e-20
    return Stage(name, kept, entered - kept, after / whole, lost / whole, after / before)


def _entropy(probs: np.ndarray) -> float:
    """Bits; a probability of 0 adds nothing."""
    present = probs[probs > 0]
    return max(0.0, float(-(present * np.log2(present)).sum()))
