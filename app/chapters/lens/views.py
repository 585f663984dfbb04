"""The logit lens of a few positions, column by column, kept and filled in; and one number of it worked out by hand.

A column depends on nothing but the tokens up to its position, so that a step needs one new column and a class shares them all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from app import windows
from app.engine import queued
from app.recent import MB, Recent
from app.runtime import Here
from gptcore.checks import OF_LARGEST, TOLERANCE, Check
from gptcore.config import GPTConfig
from gptcore.lens import Lens
from gptcore.run import Run
from gptcore.trace import Trace

TOP = 10
BITS_TOLERANCE = 1e-3  # a logit's rounding is a share of the logit, which is larger than the bits
WINDOW = 16  # positions in the grid: as many as leave room for a word in each cell
_WORK = 2.5e9  # multiplications of one turn in the model's queue: some 0.2 s, four positions of GPT-2 small


@dataclass(frozen=True, eq=False)
class Column:
    """The lens at one position; the arrays are as in gptcore.lens.Lens, without its first axis.

    settled: the depth from which on the likeliest token is the final one and stays it (0: from the embeddings on).
    """

    token_ids: np.ndarray
    probs: np.ndarray
    entropy: np.ndarray
    target: int
    rank: np.ndarray
    target_prob: np.ndarray
    divergence: np.ndarray

    @property
    def settled(self) -> int:
        others = np.flatnonzero(self.token_ids[:, 0] != self.target)
        return int(others[-1]) + 1 if others.size else 0


KEPT: Recent[Column] = Recent(24 * MB)  # by the tokens that they depend on: 2 to 6 KB a column


def window(n_tokens: int, focus: int) -> range:
    """The positions in the grid."""
    return windows.window(n_tokens, focus, WINDOW)


def columns_at_once(config: GPTConfig) -> int:
    """How many columns one turn in the model's queue may compute, at least one."""
    return max(1, int(_WORK / ((config.n_layers + 1) * config.emb_dim * config.vocab_size)))


def columns(here: Here, positions: Sequence[int], most: int | None = None) -> dict[int, Column]:
    """The columns of these positions: those that are kept, and at most `most` new ones, the newest position first."""
    keys = _keys(here.run, positions)
    found = {p: column for p in positions if (column := KEPT.find(keys[p])) is not None}
    missing = sorted(set(positions) - set(found), reverse=True)[:most]
    step = columns_at_once(here.config)
    for start in range(0, len(missing), step):
        some = missing[start : start + step]
        lens = here.trace.lens(some, top=TOP)
        for i, position in enumerate(some):
            found[position] = KEPT.keep(keys[position], _column(lens, i))
    return found


def missing(here: Here, positions: Sequence[int]) -> int:
    """How many of these columns are still to be computed."""
    return sum(KEPT.find(key) is None for key in _keys(here.run, positions).values())


def _keys(run: Run, positions: Sequence[int]) -> dict[int, Run]:
    """Position -> the run of the tokens up to there."""
    return {position: run.beginning(position + 1) for position in positions}


def _column(lens: Lens, i: int) -> Column:
    """A copy: a view would keep the columns that were computed with it as long as its own."""
    return Column(
        lens.token_ids[i].copy(), lens.probs[i].copy(), lens.entropy[i].copy(), int(lens.targets[i]), lens.target_rank[i].copy(),
        lens.target_prob[i].copy(), lens.divergence[i].copy(),
    )  # fmt: skip


def stages(found: Mapping[int, Column], ids: Sequence[int]) -> pd.DataFrame:
    """One line a depth, shares of the positions of `found`: itself (the likeliest next token is the token that stands there), shared
    (it is the one that is likeliest at most positions), final (it is the likeliest at the end), and guess_id, the shared one."""
    tops = np.stack([column.token_ids[:, 0] for column in found.values()])  # [position, depth]
    own, target = np.array([ids[position] for position in found]), np.array([column.target for column in found.values()])
    lines = []
    for top in tops.T:
        values, counts = np.unique(top, return_counts=True)
        lines.append(
            {
                "itself": float((top == own).mean()),
                "shared": float(counts.max() / len(top)),
                "final": float((top == target).mean()),
                "guess_id": int(values[counts.argmax()]),
            }
        )
    return pd.DataFrame(lines)


@dataclass(frozen=True)
class LogitByHand:
    """One logit of the lens worked out in float64 from the kept residual stream. mean, var: of the stream; logit: of the token;
    log_sum: logarithm of the sum of all exponentials; prob: of the token."""

    mean: float
    var: float
    logit: float
    log_sum: float
    prob: float


@queued
def by_hand(trace: Trace, position: int, depth: int, token_id: int) -> LogitByHand:
    """The formula of the page: LayerNorm with this depth's own mean and variance, dot products, softmax."""
    mean, var, logits = _logits_by_hand(trace, position, depth)
    best = logits.max()
    log_sum = float(best + np.log(np.exp(logits - best).sum()))
    logit = float(logits[token_id])
    return LogitByHand(mean, var, logit, log_sum, math.exp(logit - log_sum))


def _logits_by_hand(trace: Trace, position: int, depth: int) -> tuple[float, float, np.ndarray]:
    """Mean and variance of the stream, and the logits of all tokens after the final LayerNorm."""
    norm = trace.model.final_norm
    x = trace.resid(depth)[position].astype(np.float64)
    mean, var = float(x.mean()), float(x.var())
    scale, shift = (p.detach().cpu().double().numpy() for p in (norm.scale, norm.shift))
    normalized = (x - mean) / math.sqrt(var + norm.eps) * scale + shift
    # The dot products in the model's own number type: a head of GPT-2 in float64 would be 309 MB.
    head = trace.model.output_head.weight.detach()
    return mean, var, (head @ head.new_tensor(normalized)).cpu().double().numpy()


@queued
def last_row_check(trace: Trace, position: int, column: Column) -> Check:
    """The last row against the model's own output."""
    own = trace.logits_at([position])[0].astype(np.float64)
    own = np.exp(own - own.max())
    own /= own.sum()
    apart = float(np.abs(column.probs[-1] - own[column.token_ids[-1]]).max() / own.max())
    description = "Probabilities of the last row against the softmax of the model's own logits, in float64." + OF_LARGEST
    return Check("Last row", description, apart, TOLERANCE)


@queued
def checks_of_cell(trace: Trace, position: int, depth: int, column: Column, measure: str) -> list[Check]:
    """The last row, and the cell's own measure."""
    return [last_row_check(trace, position, column), *measure_check(trace, position, depth, column, measure)]


def formula_check(column: Column, depth: int, worked: LogitByHand) -> Check:
    """The probability in the formula against the lens."""
    apart = abs(worked.prob - float(column.probs[depth, 0])) / max(worked.prob, 1e-30)
    # A logit's rounding is a share of the logit, and the exponential turns it into a share of the probability.
    return Check(
        "Formula",
        "The probability in the formula, worked out step by step, against the lens. Deviation as a share of it.",
        apart,
        1e-3,
    )


def measure_check(trace: Trace, position: int, depth: int, column: Column, measure: str) -> list[Check]:
    """Entropy, rank or divergence of one cell, counted another way, from logits worked out in float64. The probabilities of a cell
    have a check of their own."""
    if measure == "probability":
        return []
    logits = _logits_by_hand(trace, position, depth)[2]
    logits -= logits.max()
    powers = np.exp(logits)
    log_sum, probs = math.log(powers.sum()), powers / powers.sum()
    where = "of the cell in focus, from logits worked out in float64"
    if measure == "rank":
        ahead, slack = (
            logits - logits[column.target],
            TOLERANCE * float(np.ptp(logits)),
        )  # within it they are equal but for rounding
        least, most = int((ahead > slack).sum()), int((ahead >= -slack).sum()) - 1
        rank = int(column.rank[depth])
        said = f"Tokens with a larger logit, counted, against the rank {where}; equals may stand either way. Deviation in places."
        return [Check("Rank", said, float(max(least - rank, rank - most, 0)), 0.0)]
    if measure == "entropy":
        bits, given = (log_sum - float(probs @ logits)) / math.log(2), float(column.entropy[depth])
        said = f"Logarithm of the sum of exponentials, less the mean logit, against the entropy {where}. Deviation in bits."
    else:
        last = _logits_by_hand(trace, position, trace.config.n_layers)[2]
        last -= last.max()
        final = np.exp(last) / np.exp(last).sum()
        bits = (float(final @ (last - logits)) - math.log(np.exp(last).sum()) + log_sum) / math.log(2)
        given = float(column.divergence[depth])
        said = f"Mean difference of the logits, and of the logarithms of their sums, against the divergence {where}. Deviation in bits."
    return [Check(measure.capitalize(), said, abs(bits - given), BITS_TOLERANCE)]
