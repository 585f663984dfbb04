"""The part of the parameters page that shows the numbers of the loaded model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import choices, counting, runtime, state, ui
from app.beats import Try
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


def listed(here: Here) -> tuple[dict[str, TensorShape], str]:
    """The tensors of the layer in focus, or those outside the blocks, by their short names; and the one that was chosen."""
    layer = None if state.chosen(choices.WEIGHTS_PLACE) == "outside" else here.layer
    every = _tensors(here.config, here.model.tied)
    found = {shape.name.removeprefix(f"blocks.{layer}."): shape for shape in every if shape.layer == layer}
    name = state.chosen(choices.WEIGHTS_TENSOR)
    return found, name if name in found else _default(found)


def _default(found: dict[str, TensorShape]) -> str:
    return choices.WEIGHTS_TENSOR.default if choices.WEIGHTS_TENSOR.default in found else next(iter(found))


def figures(here: Here) -> tuple[dict[str, TensorShape], str, dict[str, WeightStatistics]]:
    """As `listed`, and the figures of each tensor."""
    shapes, name = listed(here)
    return shapes, name, {short: statistics(here.model.identity, shape.name) for short, shape in shapes.items()}


def which_tensor(here: Here) -> None:
    """Where, which layer, which tensor."""
    place = st.segmented_control(
        "Where", list(PLACES), format_func=lambda name: PLACES[name], required=True, **state.choice(choices.WEIGHTS_PLACE)
    )
    ui.layer_slider(here, disabled=place == "outside")
    names = list(listed(here)[0])
    st.selectbox("Tensor", names, **state.choice(choices.WEIGHTS_TENSOR, among=names))


def loaded_weights(here: Here) -> None:
    """Histogram and figures of one tensor, beside the others of its block."""
    shapes, name, found = figures(here)
    _histogram(shapes[name], found[name])
    _table(shapes, found, name)


def weights_maths(here: Here) -> None:
    """Spread and norm, worked out."""
    _, name, found = figures(here)
    _formula(found[name])


def weights_checks(here: Here) -> None:
    """The figures again, another way."""
    shapes, name = listed(here)
    ui.self_check([counting.numbers_counted(here), checked(here.model.identity, shapes[name].name)])
    ui.source(weight_statistics)


def says_weights(here: Here) -> str:
    """How the numbers of the tensor spread, against a normal distribution."""
    shapes, name, found = figures(here)
    mine = found[name]
    start = (
        f"The {mine.count:,} numbers of `{shapes[name].name}` have the mean **{significant(mine.mean)}** and the standard deviation "
        f"**{significant(mine.spread)}**."
    )
    if mine.spread == 0:
        return f"The {mine.count:,} numbers of `{shapes[name].name}` are all {significant(mine.mean)}."
    if mine.near_zero > 1.25 * weights.NORMAL_NEAR_ZERO:
        shape = "so more of them are very small than in a bell curve, and a few are large"
    elif mine.near_zero < 0.8 * weights.NORMAL_NEAR_ZERO:
        shape = "so fewer of them are very small than in a bell curve around 0"
    else:
        shape = "much as in a bell curve around 0"
    return (
        f"{start} {percent(mine.near_zero)} lie within a tenth of that around 0, {shape} (normal distribution: "
        f"{percent(weights.NORMAL_NEAR_ZERO)})."
    )


def try_weights(here: Here) -> Sequence[Try]:
    """Other tensors, another layer."""
    _, name = listed(here)
    wanted = {
        "ln_1.scale": "The scale of a LayerNorm. Is it centred on 0 too?",
        "feed_forward.widen.bias": "A bias: how far from 0?",
        choices.WEIGHTS_TENSOR.default: "Queries, keys and values again",
    }
    tries = [
        Try(said, shown=((choices.WEIGHTS_PLACE, "block"), (choices.WEIGHTS_TENSOR, tensor)))
        for tensor, said in wanted.items()
        if tensor != name
    ][:2]
    last = here.config.n_layers - 1
    return [*tries, Try(f"The last layer, {last}", {"layer": last})] if here.layer != last else tries


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


def _table(shapes: dict[str, TensorShape], found: dict[str, WeightStatistics], chosen: str) -> None:
    rows = [
        [
            f"<code>{short}</code>",
            markup.shape(*shapes[short].shape),
            f"{f.count:,}",
            *(significant(v) for v in (f.mean, f.spread, f.norm)),
            percent(f.near_zero),
        ]
        for short, f in found.items()
    ]
    heads = ["Tensor", "Shape", "Numbers", "Mean", "Standard deviation", "Norm", "Near zero"]
    ui.figure_menu("weight_statistics", lambda: statistics_frame(found))
    ui.table(heads, rows, numeric=(1, 2, 3, 4, 5, 6), marked=list(found).index(chosen))


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
