"""The two experiments of the LayerNorm page: a class and its exams, and a deep stack."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from app import choices
from app.chapters.layer_norm import lessons as layer_norm_lessons
from gptcore import lessons
from tests.pages.visit_page import ROOT, figure, numbers, open_page, printed


def class_marks() -> np.ndarray:
    """The marks that the classroom begins with."""
    return np.array(choices.CLASSROOM_MARKS.default, dtype=float).reshape(6, 4)


def shown_marks(at: AppTest) -> np.ndarray:
    """The marks in the table, which holds them as they are typed; NaN for none."""
    return at.dataframe[0].value[list(layer_norm_lessons.EXAMS)].replace("", None).astype(float).to_numpy()


def edit(at: AppTest, rows: dict[int, dict[str, str | None]]) -> None:
    """What the browser sends when cells of the marks were edited: all edits so far, each time."""
    edits = json.dumps({"edited_rows": rows, "added_rows": [], "deleted_rows": []})
    (editor,) = at.dataframe
    at._run(WidgetStates(widgets=[WidgetState(id=editor.proto.id, string_value=edits)]))
    assert not at.exception


def test_the_first_student_is_the_same_for_layer_norm_in_any_batch_and_missing_for_batch_norm_alone() -> None:
    exams, marks = layer_norm_lessons.EXAMS, class_marks()
    everybody, few, alone = (layer_norm_lessons.first_student(marks[:n], exams) for n in (6, 2, 1))
    assert np.array_equal(everybody["layer_norm"], alone["layer_norm"])
    assert np.allclose(everybody["layer_norm"], (marks[0] - marks[0].mean()) / np.sqrt(marks[0].var() + 1e-5))
    assert np.allclose(everybody["batch_norm"], (marks[0] - marks.mean(0)) / np.sqrt(marks.var(0) + 1e-5))
    assert np.abs(everybody["batch_norm"] - few["batch_norm"]).max() > 0.1
    assert alone["batch_norm"].isna().all()


def test_the_class_agrees_with_the_models_layer_norm_and_pytorchs_batch_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = class_marks()
    assert [check.name for check in layer_norm_lessons.class_checks(marks)] == ["LayerNorm", "BatchNorm"]
    assert all(check.deviation < 1e-12 for check in layer_norm_lessons.class_checks(marks))
    assert [check.name for check in layer_norm_lessons.class_checks(marks[:1])] == ["LayerNorm"]
    monkeypatch.setattr(lessons, "layer_norm_rows", lambda table: lessons.batch_norm_columns(table))
    assert not layer_norm_lessons.class_checks(marks)[0].ok


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_layer_norm_holds_the_stack_at_1_and_a_stack_without_it_is_found_out(gain: float) -> None:
    frame = layer_norm_lessons.stack_frame(50, gain, 123)
    assert layer_norm_lessons.stack_check(frame["with"].to_numpy()).ok
    assert not layer_norm_lessons.stack_check(frame["without"].to_numpy()).ok


def test_the_lessons_formulas_hold_their_numbers(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    text = printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="classroom"))
    assert r"\frac{62 - 67}{\sqrt{88.5 + 1 \cdot 10^{-5}}}" in text and "= -0.53" in text
    link = {"layer_norm": "stack", "stack_depth": "10", "stack_gain": "0.5"}
    assert r"0.5^{10} = 0.000977" in printed(open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", **link))


def test_edited_marks_are_in_the_link_and_there_after_another_page(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    marks = class_marks()
    marks[0, 0], marks[3, 2], marks[5, 3] = 90, 12.5, np.nan
    text = "_".join("" if np.isnan(mark) else f"{mark:g}" for mark in marks.ravel())
    at = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="classroom")
    edit(at, {0: {"Maths": "90"}})
    edit(at, {0: {"Maths": "90"}, 3: {"History": "12,5"}, 5: {"Art": None}})
    assert np.array_equal(shown_marks(at), class_marks())  # nothing moves under the typing
    assert at.query_params["marks"] == text
    by_link = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="classroom", marks=text)
    at.switch_page(str(ROOT / "pages" / "tokens.py")).run()
    back = at.switch_page(str(ROOT / "pages" / "layer_norm.py")).run()
    for page in (back, by_link):
        assert np.array_equal(shown_marks(page), marks, equal_nan=True)
        expected = layer_norm_lessons.first_student(marks[:5], layer_norm_lessons.EXAMS)  # Farid misses a mark
        for trace, name in zip(figure(page, "Danny's marks")["data"], ("layer_norm", "batch_norm"), strict=True):
            assert np.allclose(numbers(trace["x"]), expected[name])
        assert "1 of 6 students misses a mark and is left out" in printed(page)
    edit(back, {0: {"Maths": "62"}, 3: {"History": "64"}, 5: {"Art": "41"}})
    assert "marks" not in back.query_params  # as it began


@pytest.mark.parametrize("junk", ["1_2", "x", "_".join(["101"] * 24), "_".join(["nan"] * 24), "_".join(["5"] * 25)])
def test_marks_of_a_junk_link_are_those_the_classroom_begins_with(
    monkeypatch: pytest.MonkeyPatch, tiny_folder: Path, junk: str
) -> None:
    at = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="classroom", marks=junk)
    assert np.array_equal(shown_marks(at), class_marks())


def test_danny_alone_keeps_his_layer_norm_and_has_no_batch_norm(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="classroom")
    together = figure(at, "Danny's marks")
    assert [trace["name"] for trace in together["data"]] == ["LayerNorm", "BatchNorm"]
    at.slider(key="widget_choice_students").set_value(1).run()
    alone = figure(at, "Danny's marks")
    assert [trace["name"] for trace in alone["data"]] == ["LayerNorm"]
    assert np.array_equal(numbers(alone["data"][0]["x"]), numbers(together["data"][0]["x"]))
    assert "Danny came alone" in printed(at)


def test_the_stack_shows_the_spread_without_and_with_normalisation(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path) -> None:
    at = open_page(monkeypatch, tiny_folder, "layer_norm", open="maths.checks", layer_norm="stack")
    at.slider(key="widget_choice_stack_depth").set_value(50).run()
    at.slider(key="widget_choice_stack_gain").set_value(0.5).run()
    drawn = figure(at, "Standard deviation of the activations")
    assert drawn["layout"]["yaxis"]["type"] == "log"
    for trace, normalize in zip(drawn["data"], (False, True), strict=True):
        assert np.allclose(numbers(trace["y"]), lessons.stack_spread(normalize, 50, 0.5, choices.STACK_SEED.default))
    assert "it has vanished" in printed(at)
