"""The part of the parameters page that shows the numbers of the loaded model."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from app import choices, counting, runtime, state, ui
from app.chapters.parameters import checks, views
from app.charts import histogram
from app.recent import MB, keeping
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import counted, percent, significant
from app.writing.worked import in_tex, worked
from gptcore import parameters, weights
from gptcore.checks import Check
from gptcore.config import GPTConfig
from gptcore.parameters import TensorShape
from gptcore.weights import WeightStatistics, weight_statistics

PLACES = {"block": "In a block", "outside": "Outside the blocks"}


@keeping(8 * MB)
def statistics(model: str, tensor_name: str) -> WeightStatistics:
    """The figures of one tensor of a loaded model, by its identity; kept, since weights never change. Not to be changed."""
    return views.tensor_statistics(runtime.named(model), tensor_name)


@keeping(8 * MB)
def checked(model: str, tensor_name: str) -> Check:
    """The figures of one tensor against a second way to them; kept, as they are."""
    return checks.recounted(runtime.named(model), tensor_name, statistics(model, tensor_name))


@keeping(MB)
def _tensors(config: GPTConfig, tied: bool) -> tuple[TensorShape, ...]:
    return parameters.tensor_shapes(config, tied)


def loaded_weights(here: Here) -> None:
    """Histogram and figures of one tensor, beside the others of its block."""
    listed, name = _choose(here)
    found = {short: statistics(here.model.identity, shape.name) for short, shape in listed.items()}
    _histogram(listed[name], found[name])
    _table(listed, found, name)
    _formula(found[name])
    ui.self_check([counting.numbers_counted(here), checked(here.model.identity, listed[name].name)])
    ui.source(weight_statistics)


def _choose(here: Here) -> tuple[dict[str, TensorShape], str]:
    """The tensors of the layer in focus, or those outside the blocks, by their short names; and the one that was chosen."""
    most = here.config.n_layers - 1
    with st.container(horizontal=True, vertical_alignment="bottom", key="weights_choice"):
        place = st.segmented_control(
            "Where", list(PLACES), format_func=lambda name: PLACES[name], required=True, **state.choice(choices.WEIGHTS_PLACE)
        )
        if most:
            st.slider("Layer", 0, most, disabled=place == "outside", width=260, **state.widget("layer", most))
        layer = None if place == "outside" else here.layer
        every = _tensors(here.config, here.model.tied)
        listed = {shape.name.removeprefix(f"blocks.{layer}."): shape for shape in every if shape.layer == layer}
        name = st.selectbox("Tensor", list(listed), width=260, **state.choice(choices.WEIGHTS_TENSOR, among=list(listed)))
    return listed, str(name)


def _histogram(shape: TensorShape, found: WeightStatistics) -> None:
    figure = histogram(
        {shape.name: found.histogram},
        found.edges,
        title=f"Numbers of {shape.name}",
        x_title="value",
        count_title="numbers",
        stages=(views.STAGE_OF[shape.component],),
        mode=ui.mode(),
    )
    frame = pd.DataFrame({"from": found.edges[:-1], "to": found.edges[1:], "numbers": found.histogram})
    ui.chart(figure, name="weights", data=frame)
    lie = counted(found.outside, "number") + (" lies" if found.outside == 1 else " lie")
    ui.note(f"Drawn to {significant(weights.REACH)} standard deviations on either side of the mean; {lie} beyond.")


def _table(listed: dict[str, TensorShape], found: dict[str, WeightStatistics], chosen: str) -> None:
    rows = [
        [
            f"<code>{short}</code>",
            markup.shape(*listed[short].shape),
            f"{f.count:,}",
            *(significant(v) for v in (f.mean, f.spread, f.norm)),
            percent(f.near_zero),
        ]
        for short, f in found.items()
    ]
    heads = ["Tensor", "Shape", "Numbers", "Mean", "Spread", "Norm", "Near zero"]
    ui.table(heads, rows, numeric=(1, 2, 3, 4, 5, 6), marked=list(found).index(chosen))
    ui.export_menu("weight_statistics", lambda: statistics_frame(found))


def statistics_frame(found: dict[str, WeightStatistics]) -> pd.DataFrame:
    """tensor, numbers, mean, spread, norm, near_zero (share, 0 to 1): one line a tensor."""
    return pd.DataFrame(
        [(name, f.count, f.mean, f.spread, f.norm, f.near_zero) for name, f in found.items()],
        columns=["tensor", "numbers", "mean", "spread", "norm", "near_zero"],
    )


def _formula(found: WeightStatistics) -> None:
    """Spread and norm are roots of two sums of squares: around the mean, and around 0."""
    around = found.count * found.spread**2
    norm = worked(math.sqrt, [found.norm**2], found.norm)
    spread = worked(lambda total: math.sqrt(total / found.count), [around], found.spread)
    gap = r"\\[1.3em]"  # counts from a line's foot, not from the fraction's
    ui.formula(
        rf"""\begin{{aligned}}
        \text{{norm}} &= \sqrt{{\textstyle\sum_i w_i^2}} = \sqrt{{{norm.inputs[0]}}} {norm.out} {gap}
        \text{{spread}} &= \sqrt{{\tfrac{{1}}{{n}} \textstyle\sum_i (w_i - \text{{mean}})^2}} {gap}
        &= \sqrt{{\frac{{{spread.inputs[0]}}}{{{in_tex(found.count)}}}}} {spread.out}
        \end{{aligned}}"""
    )
    ui.note(
        "Of the tensor that is drawn. Spread: standard deviation. Norm: root of the sum of squares. Near zero: at most a tenth of the "
        f"spread away from it; a normal distribution around 0 has {percent(weights.NORMAL_NEAR_ZERO)} there."
    )
