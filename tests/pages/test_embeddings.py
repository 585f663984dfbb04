"""The embeddings page: its numbers against transformers and numpy, and the page itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from transformers import GPT2LMHeadModel

from app.chapters.embeddings import checks, views
from app.charts import escape
from app.writing.worked import latex_number
from gptcore import embeddings
from gptcore.checkpoints import LanguageModel
from tests.pages.place import place
from tests.pages.visit_page import JUNK, figure, figures, numbers, open_page, printed

PROMPT = "the cat and the hat"


@pytest.fixture(scope="module")
def published(tiny_folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Token and position embedding as transformers reads them from the same folder."""
    body = GPT2LMHeadModel.from_pretrained(tiny_folder).transformer
    return body.wte.weight.detach().double().numpy(), body.wpe.weight.detach().double().numpy()


def cosines(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit @ unit.T


def test_the_strips_are_the_published_rows_and_their_sum(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, published: tuple[np.ndarray, np.ndarray]
) -> None:
    token_id = tiny_model.tokenizer.encode(PROMPT)[3]
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="3")
    rows = numbers(figure(at, "32 numbers for")["data"][0]["z"])
    token_row, position_row = published[0][token_id], published[1][3]
    assert np.allclose(rows, [token_row, position_row, token_row + position_row], rtol=1e-5, atol=1e-7)
    largest = int(np.abs(token_row + position_row).argmax())
    assert f"E_{{{token_id},\\,{largest}}} + P_{{3,\\,{largest}}}" in printed(at)


def test_the_bars_are_the_nearest_rows(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, published: tuple[np.ndarray, np.ndarray]
) -> None:
    token_id = tiny_model.tokenizer.encode(PROMPT)[1]
    cosine = cosines(published[0])[token_id]
    order = [i for i in np.argsort(-cosine, kind="stable") if i != token_id][: views.NEIGHBOURS]
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="1", embeddings="similar")
    drawn = figure(at, "The rows most like that of")
    assert np.allclose(numbers(drawn["data"][0]["x"]), cosine[order], atol=1e-5)
    assert [label.replace("&lt;", "<") for label in drawn["layout"]["yaxis"]["ticktext"]][:3] == [
        tiny_model.tokenizer.text_of(int(i)) for i in order[:3]
    ]


def test_the_curves_are_the_similarity_and_the_length_of_positions(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, published: tuple[np.ndarray, np.ndarray]
) -> None:
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="2", embeddings="positions")
    assert np.allclose(numbers(figure(at, "Position 2 and every")["data"][0]["y"]), cosines(published[1])[2], atol=1e-5)
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="2", embeddings="lengths")
    assert np.allclose(numbers(figure(at, "All position rows")["data"][0]["y"]), np.linalg.norm(published[1], axis=1), rtol=1e-5)
    counts = numbers(figure(at, "All token rows")["data"][0]["y"])
    assert counts.sum() == len(published[0])


def test_the_plane_holds_the_tokens_and_their_neighbours_and_says_what_it_keeps(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, published: tuple[np.ndarray, np.ndarray]
) -> None:
    ids = list(dict.fromkeys(reversed(tiny_model.tokenizer.encode(PROMPT))))
    cosine = cosines(published[0])
    np.fill_diagonal(cosine, -np.inf)
    near = [int(i) for token_id in ids for i in np.argsort(-cosine[token_id], kind="stable")[: views.AROUND]]
    everything = list(dict.fromkeys(ids + near))
    rows = published[0][everything]
    spreads = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, embeddings="plane")
    drawn = figure(at, "Tokens of the text")
    in_text, neighbours = drawn["data"][0], drawn["data"][1]
    assert in_text["name"] == "in the text" and neighbours["name"] == "neighbour"
    assert len(numbers(in_text["x"])) == len(ids)
    assert len(numbers(in_text["x"])) + len(numbers(neighbours["x"])) == len(everything)
    assert f"{100 * spreads[:2].sum() / spreads.sum():.1f} % of their variance" in printed(at)
    hovered = [found[0] for trace in (in_text, neighbours) for found in trace["customdata"]]
    assert sorted(hovered) == sorted(f"{escape(tiny_model.tokenizer.text_of(i))} · id {i}" for i in everything)
    points = np.concatenate([np.stack([numbers(t["x"]), numbers(t["y"])], 1) for t in (in_text, neighbours)])
    assert np.allclose(np.sort(points.var(0))[::-1] * len(points), spreads[:2], rtol=1e-6)


def test_lengths_are_listed_around_the_token_in_focus(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt="a" * 40, position="20", embeddings="lengths")
    assert any(each.value.endswith(" of 40") for each in at.caption)
    table = next(t for t in printed(at).split("<table") if "Position row" in t)
    places = [row.split("<td>")[1].split(" ")[0] for row in table.split("<tr")[2:]]
    assert places == [str(i) for i in range(14, 26)]
    assert '<tr class="marked"><td>20 <' in table
    at.button(key="window_earlier").click().run()
    assert "Positions 2 to 13 of 40" in [each.value for each in at.caption]


def test_a_sum_that_does_not_add_up_fails_its_check() -> None:
    rows = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    right = views.Entering(*rows, np.array([1.5, 1.0]))
    wrong = views.Entering(*rows, np.array([1.5, 1.001]))
    assert views.self_checks(right)[0].ok and not views.self_checks(wrong)[0].ok


def test_the_angle_between_a_token_and_its_position_is_that_of_their_rows() -> None:
    rows = np.array([3.0, 4.0], np.float32), np.array([4.0, 3.0], np.float32)
    assert views.Entering(*rows, rows[0] + rows[1]).cosine == pytest.approx(24 / 25)


def test_the_plane_of_many_different_tokens_has_the_one_in_focus_and_counts_those_left_out(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path
) -> None:
    at = open_page(monkeypatch, tiny_folder, "embeddings", prompt="0123456789ABCDEFGHIJ", position="0", embeddings="plane")
    in_text, *_, ring = figure(at, "Tokens of the text")["data"]
    shown = len(numbers(in_text["x"]))
    assert views.IN_PLANE <= shown < 20
    assert f"Other tokens of the text left out: {20 - shown}." in printed(at)
    assert ring["text"] == ["0"] and ring["meta"] == {"always": True}, "labelled wherever it stands"
    assert ring["textfont"]["color"] == ring["marker"]["line"]["color"], "no neighbour's label is taken for its own"
    assert numbers(ring["x"])[0] == numbers(in_text["x"])[0] and in_text["text"][0] == "", "once"


def test_the_formulas_hold_the_published_rows_numbers(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, tiny_model: LanguageModel, published: tuple[np.ndarray, np.ndarray]
) -> None:
    tokens, positions = published
    token_id = tiny_model.tokenizer.encode(PROMPT)[2]
    cosine = cosines(tokens)[token_id].copy()
    cosine[token_id] = -2
    nearest = int(cosine.argmax())
    similar = printed(open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="2", embeddings="similar"))
    assert rf"\cos(E_{{{token_id}}},\, E_{{{nearest}}})" in similar and f"= {latex_number(float(cosine[nearest]))}" in similar
    alike = printed(open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="2", embeddings="positions"))
    assert r"\cos(P_{2},\, P_{1})" in alike and f"= {latex_number(float(cosines(positions)[2, 1]))}" in alike
    length = float(np.linalg.norm(tokens[token_id] + positions[2]))
    long = printed(open_page(monkeypatch, tiny_folder, "embeddings", prompt=PROMPT, position="2", embeddings="lengths"))
    assert rf"\sqrt{{{latex_number(length**2)}}} = {latex_number(length)}" in long


def test_the_checks_fail_on_numbers_that_were_changed(tiny_model: LanguageModel) -> None:
    (found,) = embeddings.nearest_tokens(tiny_model.model, (40,), 5)
    rows = checks.token_rows(tiny_model, [40, *found.ids])
    for wrong, ok in ((0, True), (1e-4, False)):
        changed = replace(found, cosine=found.cosine + wrong)
        assert checks.of_neighbours(rows[0], rows[1:], changed).ok == ok
        similarity = embeddings.position_similarity(tiny_model.model) + wrong
        assert checks.of_positions(tiny_model, 3, similarity).ok == ok
        assert checks.of_lengths(rows, np.linalg.norm(rows, axis=1) * (1 + wrong)).ok == ok
        projected = embeddings.project(tiny_model.model, (40, *map(int, found.ids)))
        table = pd.DataFrame(projected.points, columns=["x", "y"])
        plane = views.Plane(table, (projected.kept[0] + wrong, projected.kept[1]), 0)
        assert checks.of_plane(rows, plane)[2].ok == ok


def test_the_page_opens_on_a_junk_link(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    assert figures(open_page(monkeypatch, tiny_folder, "embeddings", embeddings="no such part", **JUNK))


def test_the_lengths_are_those_of_the_rows_and_of_their_sum(
    tiny_model: LanguageModel, published: tuple[np.ndarray, np.ndarray]
) -> None:
    here = place(tiny_model, tuple(tiny_model.tokenizer.encode(PROMPT)), position=3)
    rows, places = published[0][list(here.ids)], published[1][: len(here.ids)]
    table = views.lengths_in_text(here, rows + places)
    for name, vectors in (("token_row", rows), ("position_row", places), ("sum", rows + places)):
        assert np.allclose(table[name], np.sqrt((vectors**2).sum(1)), rtol=1e-5)
