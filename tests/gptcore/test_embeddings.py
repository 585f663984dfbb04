"""The embedding tables against numpy: rows, neighbours, similarity, lengths, and the plane of largest spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from gptcore.config import GPTConfig
from gptcore.embeddings import lengths, nearest_tokens, position_similarity, project, rows_of
from gptcore.errors import OutOfRangeError, TokenError
from gptcore.model import GPTModel

if TYPE_CHECKING:
    from gptcore.checkpoints import LanguageModel

IDS = (7, 42, 13, 42, 99)


def tables(model: GPTModel) -> tuple[np.ndarray, np.ndarray]:
    """Token and position embedding, in float64."""
    return tuple(table.weight.detach().double().numpy() for table in (model.token_embedding, model.position_embedding))


def cosines(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (rows @ others.T) / np.outer(np.linalg.norm(rows, axis=1), np.linalg.norm(others, axis=1))


def small_model(rows: list[list[float]]) -> GPTModel:
    """A model whose token embedding begins with `rows`, the rest zeros."""
    model = GPTModel(GPTConfig(12, 4, 4, 1, 1, 0.0, True)).eval().requires_grad_(False)
    model.token_embedding.weight.zero_()
    model.token_embedding.weight[: len(rows)] = torch.tensor(rows)
    return model


def test_token_row_and_position_row_add_up_to_what_enters_the_first_block(tiny_model: LanguageModel) -> None:
    entered = tiny_model.trace(IDS).resid(0)
    for position, token_id in enumerate(IDS):
        token_row, position_row = rows_of(tiny_model.model, token_id, position)
        assert np.allclose(token_row + position_row, entered[position], rtol=1e-6)
    assert not np.allclose(rows_of(tiny_model.model, 42, 1)[1], rows_of(tiny_model.model, 42, 3)[1])


def test_neighbours_are_those_of_the_largest_cosine_without_the_token_itself(tiny_model: LanguageModel) -> None:
    table, _ = tables(tiny_model.model)
    for token_id, found in zip(IDS, nearest_tokens(tiny_model.model, IDS, top=8), strict=True):
        cosine = cosines(table[[token_id]], table)[0]
        order = [i for i in np.argsort(-cosine, kind="stable") if i != token_id]
        assert list(found.ids) == order[:8]
        assert np.allclose(found.cosine, cosine[order[:8]], atol=1e-5)
        assert found.others_mean == pytest.approx(cosine[order].mean(), abs=1e-5)
        assert found.others_std == pytest.approx(cosine[order].std(), abs=1e-5)


def test_length_does_not_make_a_neighbour_and_a_row_of_zeros_is_none() -> None:
    model = small_model([[1, 0, 0, 0], [9, 9, 0, 0], [0.1, 0.01, 0, 0], [-5, 0, 0, 0]])
    (found,) = nearest_tokens(model, (0,), top=3)
    assert list(found.ids[:2]) == [2, 1] and 3 not in found.ids
    assert found.cosine[2] == 0 and found.cosine[1] == pytest.approx(2**-0.5)
    (of_zeros,) = nearest_tokens(model, (11,), top=3)
    assert (of_zeros.cosine == 0).all()


def test_more_neighbours_than_there_are_tokens_gives_all_others() -> None:
    (found,) = nearest_tokens(small_model([[1, 2, 3, 4]]), (0,), top=100)
    assert sorted(found.ids) == list(range(1, 12))


def test_positions_are_compared_by_cosine(tiny_model: LanguageModel) -> None:
    _, table = tables(tiny_model.model)
    found = position_similarity(tiny_model.model)
    assert found.shape == (64, 64)
    assert np.allclose(found, cosines(table, table), atol=1e-5)


def test_lengths_are_euclidean(tiny_model: LanguageModel) -> None:
    for found, table in zip(lengths(tiny_model.model), tables(tiny_model.model), strict=True):
        assert np.allclose(found, np.sqrt((table**2).sum(1)), rtol=1e-5)


def test_the_plane_keeps_the_two_largest_variances_of_the_covariance(tiny_model: LanguageModel) -> None:
    ids = tuple(range(20, 60))
    rows = tables(tiny_model.model)[0][list(ids)]
    variances, directions = np.linalg.eigh(np.cov(rows.T))
    found = project(tiny_model.model, ids)
    assert np.allclose(found.kept, variances[::-1][:2] / variances.sum(), rtol=1e-6)
    for axis in range(2):
        expected = (rows - rows.mean(0)) @ directions[:, -1 - axis]
        assert np.allclose(np.abs(found.points[:, axis]), np.abs(expected), atol=1e-6)
        assert found.points[np.abs(found.points[:, axis]).argmax(), axis] > 0
    assert np.allclose(found.points.mean(0), 0, atol=1e-9)


def test_three_rows_lie_in_one_plane_with_their_true_distances() -> None:
    rows = np.array([[1.0, 0, 2, 0], [0, 3, 0, 1], [2, 2, 2, 2]])
    found = project(small_model(rows.tolist()), (0, 1, 2))
    assert sum(found.kept) == pytest.approx(1)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert np.linalg.norm(found.points[i] - found.points[j]) == pytest.approx(np.linalg.norm(rows[i] - rows[j]))


def test_one_row_and_equal_rows_stand_at_the_origin_and_keep_nothing() -> None:
    model = small_model([[1, 2, 3, 4], [1, 2, 3, 4]])
    for ids in ((0,), (0, 1)):
        found = project(model, ids)
        assert np.allclose(found.points, 0) and found.points.shape == (len(ids), 2)
        assert found.kept == (0, 0)


def test_what_is_given_out_is_a_copy(tiny_model: LanguageModel) -> None:
    before = [table.copy() for table in tables(tiny_model.model)]
    for array in (*rows_of(tiny_model.model, 5, 5), *lengths(tiny_model.model), position_similarity(tiny_model.model)):
        array.fill(77)
    assert all(np.array_equal(a, b) for a, b in zip(before, tables(tiny_model.model), strict=True))


def test_what_is_not_in_the_tables_is_refused(tiny_model: LanguageModel) -> None:
    model = tiny_model.model
    with pytest.raises(TokenError, match="290 is not in this model's vocabulary"):
        rows_of(model, 290, 0)
    with pytest.raises(OutOfRangeError, match="position is 64; the table has rows for the positions 0 to 63"):
        rows_of(model, 0, 64)
    with pytest.raises(TokenError):
        nearest_tokens(model, (-1,))
    with pytest.raises(OutOfRangeError, match="top is 0; ask for at least 1"):
        nearest_tokens(model, (0,), top=0)
    with pytest.raises(OutOfRangeError, match="No token was given to project"):
        project(model, ())
