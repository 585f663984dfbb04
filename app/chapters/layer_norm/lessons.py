"""The two experiments of the LayerNorm page that need no model: a class and its exams, and a deep stack of linear layers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, faults, state, ui
from app.charts import grouped_bars, line_over_layers
from app.components.address_line import address_line
from app.recent import MB, keeping
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import counted, fixed, significant
from app.writing.worked import bracketed, worked
from gptcore import by_torch, lessons
from gptcore.checks import TOLERANCE, Check
from gptcore.model import LayerNorm

STUDENT = "Student"
STACK_TOLERANCE = 1e-3  # at the smallest weight scale a row's variance before LayerNorm is about 0.25, beside an ε of 0.00001
STUDENTS = ("Danny", "Amira", "Ben", "Chen", "Elena", "Farid")
EXAMS = ("Maths", "Physics", "History", "Art")
Marks = tuple[float | None, ...]  # student by student, as app.choices.CLASSROOM_MARKS has them; None where one is missing


_MARK = re.compile(
    r"(100([.,]0{1,6})?|[0-9]{1,2}([.,][0-9]{1,6})?)?"
)  # 0 to 100, with a point or a comma; nothing for a missing one


def marks_table(marks: Marks) -> pd.DataFrame:
    """A student a row, an exam a column; NaN where a mark is missing."""
    table = pd.DataFrame(np.array(marks, dtype=float).reshape(len(STUDENTS), len(EXAMS)), columns=list(EXAMS))
    table.insert(0, STUDENT, STUDENTS)
    return table


def edited_marks(marks: Marks, edits: Mapping[int, Mapping[str, Any]]) -> Marks:
    """The marks with the editor's edits: row -> exam -> mark, None where one was deleted."""
    changed = list(marks)
    for row, line in edits.items():
        for exam, mark in line.items():
            if exam in EXAMS and 0 <= row < len(STUDENTS) and (mark is None or (isinstance(mark, str) and _MARK.fullmatch(mark))):
                changed[row * len(EXAMS) + EXAMS.index(exam)] = float(mark.replace(",", ".")) if mark else None
    return tuple(changed)


def written_marks(marks: Marks) -> pd.DataFrame:
    """The table as the editor takes it: marks as text, so that what is no mark is refused by `_MARK` where it is typed. An editor of
    numbers takes -3 as 3, 120 as 100, and 78,5 as 100, without a word."""
    table = marks_table(marks)
    return table.assign(**{exam: [("" if math.isnan(mark) else choices.exact(mark)) for mark in table[exam]] for exam in EXAMS})


def normalized_table(columns: Sequence[str], names: Sequence[str], found: lessons.Normalized, by_row: bool) -> None:
    """The table after, with the mean and variance that were taken: beside each row, or under each column."""
    cells = [[markup.escape_html(name), *(decimals(v) for v in row)] for name, row in zip(names, found.values, strict=True)]
    statistics = [("mean", found.mean), ("variance", found.variance)]
    if by_row:
        for i, row in enumerate(cells):
            row += [decimals(values[i]) for _, values in statistics]
        columns = [*columns, "mean", "variance"]
    else:
        cells += [[f"<i>{name}</i>", *(decimals(v) for v in values)] for name, values in statistics]
    ui.table([STUDENT, *columns], cells, numeric=range(1, len(columns) + 1), marked=0)


def decimals(value: float) -> str:
    """Two decimals and a real minus sign, so that the numbers of a table stand under each other."""
    return fixed(value, 2)


def first_student(marks: np.ndarray, exams: Sequence[str]) -> pd.DataFrame:
    """The first row after LayerNorm and after BatchNorm, one line an exam: exam, mark, layer_norm, batch_norm (NaN if the batch
    is one row and has no statistics)."""
    alone = len(marks) < 2
    return pd.DataFrame(
        {
            "exam": list(exams),
            "mark": marks[0],
            "layer_norm": lessons.layer_norm_rows(marks).values[0],
            "batch_norm": np.full(len(exams), np.nan) if alone else lessons.batch_norm_columns(marks).values[0],
        }
    )


def batch_size(_: Here) -> None:
    """How many students are in the batch."""
    st.slider("Students in the batch, from the top", 1, len(STUDENTS), **state.choice(choices.CLASSROOM_STUDENTS))


@faults.fragment
def classroom() -> None:
    """Students in rows, exams in columns: the marks can be edited."""
    exams = list(EXAMS)
    picture = st.container()
    st.markdown("Students are rows, exams are columns. Change a mark in the table.")
    handed, tied = state.editor(choices.CLASSROOM_MARKS, edited_marks)
    st.data_editor(
        written_marks(handed),
        hide_index=True,
        width="stretch",
        disabled=[STUDENT],
        column_config={
            exam: st.column_config.TextColumn(validate=f"^{_MARK.pattern}$", alignment="right", help="A number from 0 to 100.")
            for exam in exams
        },
        **tied,
    )
    address_line()
    size = state.chosen(choices.CLASSROOM_STUDENTS)
    batch = marks_table(state.chosen(choices.CLASSROOM_MARKS)).head(size)
    complete = batch.dropna()
    if len(complete) < len(batch):
        missing = len(batch) - len(complete)
        said = "misses a mark and is" if missing == 1 else "miss a mark and are"
        ui.note(f"{missing} of {counted(len(batch), 'student')} {said} left out.")
    names = [str(name) for name in complete[STUDENT]]
    if not names:
        ui.note("Every student misses a mark. Fill in one row.")
        return
    with picture:
        _first_student(complete[exams].to_numpy(float), exams, names)
    _compare(complete[exams].to_numpy(float), exams, names)


def _first_student(marks: np.ndarray, exams: list[str], names: list[str]) -> None:
    """The first student's marks after either normalisation."""
    data = first_student(marks, exams)
    series = {"LayerNorm": data["layer_norm"], "BatchNorm": data["batch_norm"]}
    figure = grouped_bars(
        series if len(marks) > 1 else {"LayerNorm": data["layer_norm"]},
        labels=exams,
        title=f"{names[0]}'s marks after normalisation, in a batch of {len(names)}",
        value_title="normalised mark",
        unit="",
        label_title="exam",
        stages=("layer_norm", "reference"),
        row_height=44,
        mode=ui.mode(),
    )
    ui.chart(figure, name="layer-norm-against-batch-norm", data=data)


def _compare(marks: np.ndarray, exams: list[str], names: list[str]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**LayerNorm**: each row by itself")
        normalized_table(exams, names, lessons.layer_norm_rows(marks), by_row=True)
    with right:
        st.markdown("**BatchNorm**: each column over the batch")
        if len(marks) < 2:
            ui.note(
                f"{names[0]} came alone. Each column holds one number: its mean is that number, its variance is 0, and whatever "
                "the mark was, the difference from the mean is 0. There are no statistics, so there is no BatchNorm."
            )
        else:
            normalized_table(exams, names, lessons.batch_norm_columns(marks), by_row=False)
    ui.note(
        "LayerNorm's bars depend on this row alone and stay where they are. BatchNorm's move with everybody else in the batch. In use "
        "it uses running averages from training, which come from other students. A language model often writes one token of one "
        "text at a time: a batch of one row, like Danny alone. LayerNorm is unaffected."
    )
    _danny(marks, names[0], exams[0])
    ui.self_check(class_checks(marks))
    ui.source(lessons.layer_norm_rows, lessons.batch_norm_columns)


def _danny(marks: np.ndarray, name: str, exam: str) -> None:
    """The first mark of the first student, normalised along the row, with its numbers."""
    found = lessons.layer_norm_rows(marks)
    y = worked(
        lambda x, mean, variance, eps: (x - mean) / math.sqrt(variance + eps),
        [float(marks[0, 0]), float(found.mean[0]), float(found.variance[0]), LayerNorm.eps],
        float(found.values[0, 0]),
    )
    x, mean, variance, eps = y.inputs
    st.header(f"The formula, for {markup.escape_markdown(name)}'s {markup.escape_markdown(exam)}", anchor=False)
    ui.formula(
        ui.latex_lines(
            r"y &= \frac{x - \text{mean}}{\sqrt{\text{variance} + \varepsilon}}",
            rf"&= \frac{{{x} - {bracketed(mean)}}}{{\sqrt{{{variance} + {eps}}}}} {y.out}",
        )
    )


def class_checks(marks: np.ndarray) -> list[Check]:
    """The rows against the class of the model's LayerNorms; the columns, if a batch has statistics, against PyTorch's BatchNorm."""
    apart = float(np.abs(by_torch.layer_norm_rows(marks) - lessons.layer_norm_rows(marks).values).max())
    checks = [
        Check(
            "LayerNorm",
            "The rows against LayerNorm, the class that the model uses, with scale 1 and shift 0. Deviation in normalised marks.",
            apart,
            TOLERANCE,
        )
    ]
    if len(marks) > 1:
        apart = float(np.abs(by_torch.batch_norm_columns(marks) - lessons.batch_norm_columns(marks).values).max())
        checks.append(
            Check(
                "BatchNorm",
                "The columns against PyTorch's BatchNorm, in training. Deviation in normalised marks.",
                apart,
                TOLERANCE,
            )
        )
    return checks


def stack_frame(depth: int, gain: float, seed: int) -> pd.DataFrame:
    """layer (0: the input), spread without and with normalisation: standard deviation of all activations there."""
    return pd.DataFrame(
        {
            "layer": range(depth + 1),
            "without": lessons.stack_spread(False, depth, gain, seed),
            "with": lessons.stack_spread(True, depth, gain, seed),
        }
    )


def stack_controls(_: Here) -> None:
    """Depth, weights and chance of the stack."""
    st.slider("Linear layers", *lessons.STACK_DEPTHS, **state.choice(choices.STACK_DEPTH))
    st.slider(
        "Weight scale", 0.5, 1.5, step=0.05, **state.choice(choices.STACK_GAIN),
        help=f"Standard deviation of a weight, times √{lessons.STACK_WIDTH}",
    )  # fmt: skip
    st.number_input("Seed", 0, 9999, step=1, **state.choice(choices.STACK_SEED))


@keeping(MB)
def _stack_frame(depth: int, gain: float, seed: int) -> pd.DataFrame:
    """As `stack_frame`, kept, since no model has a part in it; not to be changed."""
    return stack_frame(depth, gain, seed)


def chosen_stack() -> pd.DataFrame:
    """The stack that the controls stand for."""
    return _stack_frame(state.chosen(choices.STACK_DEPTH), state.chosen(choices.STACK_GAIN), state.chosen(choices.STACK_SEED))


def stack(_: Here) -> None:
    """A stack of random linear layers: how the standard deviation of the activations grows or fades, and how LayerNorm holds it."""
    data = chosen_stack()
    figure = line_over_layers(
        {"without normalisation": data["without"], "LayerNorm after each layer": data["with"]},
        title="Standard deviation of the activations, layer by layer",
        value_title="standard deviation",
        stages=("reference", "layer_norm"),
        log_y=True,
        mode=ui.mode(),
    )
    ui.chart(figure, name="deep-stack", data=data)
    ui.note(
        "Untrained demonstration: random vectors through random linear layers. None of it comes from the model in view. "
        "Each layer multiplies the standard deviation by about the weight scale, and fifty layers do so fifty times."
    )


def says_stack(_: Here) -> str:
    """What became of the standard deviation without normalisation, and with it."""
    data = chosen_stack()
    last = float(data["without"].iloc[-1])
    word = "exploded" if last > 100 else "vanished" if last < 0.01 else "stayed in reach"
    return (
        f"After {len(data) - 1} layers without normalisation, the standard deviation is **{significant(last)}**: it has {word}. "
        f"With LayerNorm after each layer it is **{significant(float(data['with'].iloc[-1]))}**."
    )


def stack_in_numbers(_: Here) -> None:
    """The weight scale's power."""
    depth, gain = state.chosen(choices.STACK_DEPTH), state.chosen(choices.STACK_GAIN)
    last = float(chosen_stack()["without"].iloc[-1])
    power = worked(lambda base: base**depth, [gain], gain**depth)
    ui.formula(rf"\text{{std}}_{{{depth}}} \approx \text{{scale}}^{{{depth}}} = {power.inputs[0]}^{{{depth}}} {power.out}")
    ui.note(
        "The scale's power is what an infinitely wide stack would come to; chance adds the rest, a little in every layer, "
        f"and here it comes to {significant(last)}."
    )


def stack_checks(_: Here) -> None:
    """Held at 1; the code."""
    ui.self_check(stack_check(chosen_stack()["with"].to_numpy()))
    ui.source(lessons.stack_spread)


def stack_check(spreads: np.ndarray) -> Check:
    """spreads: with LayerNorm, the input's first."""
    said = "The spread after each LayerNorm against 1, of which ε takes less than the allowed part. Deviation in spread, of 1."
    return Check("Held at 1", said, float(np.abs(spreads[1:] - 1).max()), STACK_TOLERANCE)
