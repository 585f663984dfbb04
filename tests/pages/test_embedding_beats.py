"""What the beats of the embeddings page say of the two tables, worked out once more; and that each thing to try changes something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import gptcore
from app import choices
from app.tellings import THREE
from app.writing.numbers import fixed, percent, significant
from gptcore.checkpoints import LanguageModel
from tests.pages.visit_page import everything, finding, open_page, printed


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, part: str, **query: str) -> AppTest:
    return open_page(monkeypatch, folder, "embeddings", embeddings=part, **query)


def tables(model: LanguageModel) -> tuple[np.ndarray, np.ndarray]:
    """The rows of tokens and of positions, from the published names."""
    return tuple(
        table.weight.detach().numpy().astype(np.float64)
        for table in (model.model.token_embedding, model.model.position_embedding)
    )  # type: ignore[return-value]


def test_the_text_of_the_chapter_ends_in_a_token_with_near_relatives(storyteller: LanguageModel) -> None:
    tokens, _ = tables(storyteller)
    unit = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
    last = storyteller.tokenizer.encode(THREE)[-1]
    others = np.delete(unit @ unit[last], last)
    assert (others.max() - others.mean()) / others.std() > 5


@pytest.mark.parametrize("position", [0, 4])
def test_the_sum_says_which_row_is_the_longer(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, storyteller: LanguageModel, position: int
) -> None:
    for name, model in (("storyteller", storyteller), (str(tiny_folder), tiny_model)):
        said = finding(opened(monkeypatch, tiny_folder, "sum", model=name, prompt=THREE, position=str(position)))
        tokens, positions = tables(model)
        a, b = (np.linalg.norm(row) for row in (tokens[model.tokenizer.encode(THREE)[position]], positions[position]))
        assert f"**{significant(max(a, b) / min(a, b), 2)} times**" in said
        assert ("which token it is" in said) == (a >= b) and ("where it stands" in said) == (a < b)


def test_the_nearest_row_is_told_by_its_cosine_and_how_far_it_stands_out(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, storyteller: LanguageModel
) -> None:
    for name, model in (("storyteller", storyteller), (str(tiny_folder), tiny_model)):
        at = opened(monkeypatch, tiny_folder, "similar", model=name, prompt=THREE)
        said = finding(at)
        tokens, _ = tables(model)
        unit = tokens / np.linalg.norm(tokens, axis=1, keepdims=True)
        last = model.tokenizer.encode(THREE)[-1]
        cosine = unit @ unit[last]
        others = np.delete(cosine, last)
        away = (others.max() - others.mean()) / others.std()
        assert f"**{significant(float(others.max()))}**" in said
        assert f"{fixed(float(away), 1)} standard deviations above" in printed(at) and "deviations" not in said
        assert ("mostly the same way" in said) == (others.max() > 0.5) and ("mostly elsewhere" in said) == (others.max() <= 0.5)


def test_near_positions_are_alike_where_the_model_has_learned_it(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, storyteller: LanguageModel
) -> None:
    for name, model, learned in (("storyteller", storyteller, True), (str(tiny_folder), tiny_model, False)):
        said = finding(opened(monkeypatch, tiny_folder, "positions", model=name))
        _, rows = tables(model)
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        near = (unit[:-1] * unit[1:]).sum(1).mean()
        assert f"**{significant(float(near))}**" in said or f"**{significant(float(near), 2)}" in said
        assert ("has learned which places are near" in said) == learned


def test_mean_lengths_and_the_share_that_the_plane_keeps_are_those_of_the_tables(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, storyteller: LanguageModel
) -> None:
    tokens, positions = tables(storyteller)
    said = finding(opened(monkeypatch, tiny_folder, "lengths", model="storyteller", prompt=THREE))
    assert f"**{significant(float(np.linalg.norm(tokens, axis=1).mean()))}**" in said
    assert f"position {int(np.linalg.norm(positions, axis=1).argmax())}" in said
    at = opened(monkeypatch, tiny_folder, "plane", model="storyteller", prompt=THREE)
    share = next(float(part.split(" ")[0]) for part in finding(at).split("**")[1:2])
    assert percent(share / 100) in printed(at).replace("\\", "") and ("less than half" in finding(at)) == (share <= 50)


@pytest.mark.parametrize("part", choices.EMBEDDINGS_PART.options)
def test_everything_to_try_changes_what_is_said_or_shown(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, part: str) -> None:
    place = {"model": "storyteller", "prompt": THREE}
    keys = [
        each.key for each in opened(monkeypatch, tiny_folder, part, **place).button if str(each.key).startswith(f"try_{part}_")
    ]
    assert len(keys) >= 2
    for key in keys:
        at = opened(monkeypatch, tiny_folder, part, **place)
        before = (everything(at), dict(at.query_params))
        at = at.button(key=key).click().run()
        assert not at.exception and not at.error
        assert everything(at) != before[0] and dict(at.query_params) != before[1], key


def test_questions_are_answered_with_these_tables_numbers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel
) -> None:
    said = printed(opened(monkeypatch, tiny_folder, "plane", prompt="the the cat"))
    tokens, positions = tables(tiny_model)
    assert f"{tokens.size:,}" in said and f"{positions.size:,}" in said
