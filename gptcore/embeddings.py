"""What the two embedding tables hold: the row of each token and of each position, how alike rows are, and a plane to see them in.

Rows are compared by cosine, the angle between them without regard to their length (1: same direction, 0: at right angles). The
plane is that of principal component analysis (Pearson 1901, https://doi.org/10.1080/14786440109462720): of all planes the one in
which the points keep most of their spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from gptcore.activations import owned
from gptcore.arguments import Ids, Whole, at_least_one, check_id, check_ids, whole
from gptcore.devices import in_float64
from gptcore.errors import OutOfRangeError
from gptcore.model import GPTModel

_SMALLEST = 1e-30  # a row of zeros has no direction: its cosine with anything is 0


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The tokens whose rows point most nearly in the same direction as one token's row, nearest first; that token is not among them.

    others_mean, others_std: cosine with all other tokens of the vocabulary, to see how much nearer the nearest are.
    """

    ids: Int[np.ndarray, "top"]
    cosine: Float[np.ndarray, "top"]
    others_mean: float
    others_std: float


@dataclass(frozen=True, eq=False)
class Projection:
    """points: the rows in the plane of their largest spread; kept: share of the variance along each of its two directions."""

    points: Float[np.ndarray, "rows 2"]
    kept: tuple[float, float]


@torch.inference_mode()
def rows_of(
    model: GPTModel, token_id: Whole, position: Whole
) -> tuple[Float[np.ndarray, "emb_dim"], Float[np.ndarray, "emb_dim"]]:
    """The row of a token and the row of a position, whose sum enters the first block.

    Raises TokenError or OutOfRangeError for one that the tables do not have.
    """
    token_id, place = check_id(token_id, model.config.vocab_size), whole(position)
    if place is None or not 0 <= place < model.config.context_length:
        raise OutOfRangeError(
            f"position is {position!r:.80}; the table has rows for the positions 0 to {model.config.context_length - 1}, so give one of these."
        )
    return owned(model.token_embedding.weight[token_id]), owned(model.position_embedding.weight[place])


@torch.inference_mode()
def lengths(model: GPTModel) -> tuple[Float[np.ndarray, "vocab_size"], Float[np.ndarray, "context_length"]]:
    """The length (Euclidean norm) of every token's row and of every position's row."""
    return owned(_lengths(model.token_embedding.weight)), owned(_lengths(model.position_embedding.weight))


@torch.inference_mode()
def nearest_tokens(model: GPTModel, ids: Ids, top: Whole = 10) -> tuple[Neighbours, ...]:
    """The nearest neighbours of each of `ids` in the token embedding. Each call reads the whole table, so ask for several at once.

    Raises TokenError for an id outside the vocabulary, OutOfRangeError for less than one neighbour.
    """
    ids = check_ids(ids, model.config.vocab_size)
    top = at_least_one("top", top, OutOfRangeError, "ask for at least 1 neighbour")
    table = model.token_embedding.weight
    wanted = torch.tensor(ids, dtype=torch.long, device=table.device)
    cosines = _directions(table[wanted]) @ table.T / _lengths(table).clamp_min(_SMALLEST)
    return tuple(_neighbours(row, token_id, top) for row, token_id in zip(cosines, wanted, strict=True))


def _neighbours(cosine: Float[Tensor, "vocab_size"], token_id: Tensor, top: int) -> Neighbours:
    others = torch.ones_like(cosine, dtype=torch.bool)
    others[token_id] = False
    rest = in_float64(cosine[others])
    ids = cosine.masked_fill(~others, -torch.inf).topk(min(top, len(rest))).indices
    spread = float(rest.std(correction=0)) if len(rest) else 0.0
    return Neighbours(owned(ids), owned(cosine[ids]), float(rest.mean()) if len(rest) else 0.0, spread)


@torch.inference_mode()
def position_similarity(model: GPTModel) -> Float[np.ndarray, "context_length context_length"]:
    """Cosine between the rows of every two positions."""
    directions = _directions(model.position_embedding.weight)
    return owned(directions @ directions.T)


@torch.inference_mode()
def project(model: GPTModel, ids: Ids) -> Projection:
    """The rows of some tokens in the plane in which they keep most of their variance, their mean at the origin.

    An axis has no direction of its own: it is turned so that the point farthest out is on its positive side.
    Raises TokenError for an id outside the vocabulary, OutOfRangeError for no token.
    """
    ids = check_ids(ids, model.config.vocab_size)
    if not ids:
        raise OutOfRangeError("No token was given to project; name at least one.")
    rows = owned(in_float64(model.token_embedding.weight[list(ids)]))
    rows -= rows.mean(0)
    # The products of all rows with each other have the same spreads as the covariance, and are few where the rows are few.
    variance, directions = np.linalg.eigh(rows @ rows.T)
    variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
    points = np.zeros((len(rows), 2))
    points[:, : len(rows)] = (directions * np.sqrt(variance))[:, :2]
    farthest = points[np.abs(points).argmax(0), (0, 1)]
    shares = [*(variance / max(variance.sum(), _SMALLEST)), 0.0]
    return Projection(np.where(farthest < 0, -points, points), (float(shares[0]), float(shares[1])))


def _lengths(rows: Float[Tensor, "rows emb_dim"]) -> Float[Tensor, "rows"]:
    """Summed over a few columns at a time: a tied table is stored by columns, for the output head, and `norm` is 5 times slower there."""
    squares = [part.square().sum(-1) for part in rows.split(64, dim=-1)]
    return torch.stack(squares).sum(0).sqrt()


def _directions(rows: Float[Tensor, "rows emb_dim"]) -> Float[Tensor, "rows emb_dim"]:
    return rows / _lengths(rows)[:, None].clamp_min(_SMALLEST)
