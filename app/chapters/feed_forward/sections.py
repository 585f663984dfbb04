"""The parts of the feed-forward page that show the model in view."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from app import ui
from app.chapters.feed_forward import views
from app.chapters.feed_forward.activations import inside_tanh
from app.chapters.feed_forward.views import NeuronByHand, Silenced, Strongest
from app.charts import Figure, grouped_bars, histogram, strip
from app.distribution import distribution
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import counted, percent, significant
from app.writing.worked import added, as_printed, latex_number, worked
from gptcore import lessons, neurons
from gptcore.activations import FeedForwardActivations
from gptcore.model import GELU, FeedForward


def seen(here: Here) -> FeedForwardActivations:
    """What the network of the layer in focus does at the cursor."""
    return here.trace.feed_forward(here.layer, (here.position,))


def expand_activate_project(here: Here) -> None:
    """The four vectors as strips, shapes and counts."""
    found = seen(here)
    emb_dim = found.mlp_in.shape[1]
    names, values = views.strips(found)
    cells, size = views.pooled(values)
    figure = strip(
        cells,
        row_names=names,
        title=f"From {emb_dim:,} to {4 * emb_dim:,} numbers, and back",
        x_title="dimension" if size == 1 else f"group of {size} dimensions",
        value_title="activation",
        top=float(np.nanquantile(np.abs(values), 0.99)),  # so that one large number does not make all others pale
        mode=ui.mode(),
    )
    ui.chart(
        figure,
        name="expand-activate-project",
        data=lambda: pd.DataFrame(values.T, columns=names).rename_axis("dimension").reset_index(),
    )
    ui.note(
        "Colours are clipped at the ends of the scale. "
        + (
            f"Each cell is the number farthest from 0 among {size} neighbours; the figure's menu (⋯) has all of them."
            if size > 1
            else ""
        )
    )
    table = views.steps(emb_dim)
    rows = [
        [row.step, f"<code>{row.shape_in:,} → {row.shape_out:,}</code>", f"{row.weights + row.biases:,}"]
        for row in table.itertuples()
    ]
    total = int((table["weights"] + table["biases"]).sum())
    ui.table(["Step", "Values per token", "Parameters"], [*rows, ["<b>Total</b>", "", f"{total:,}"]], numeric=(1, 2))


def network_in_numbers(here: Here) -> None:
    """The formula of the network, and its most active neuron in numbers."""
    _one_neuron(views.in_numbers(here.trace, here.layer, seen(here))[0])


def network_checks(here: Here) -> None:
    """GELU and the sum of all neurons; the code."""
    ui.self_check(views.in_numbers(here.trace, here.layer, seen(here))[1])
    ui.source(FeedForward, GELU)


def _one_neuron(found: NeuronByHand) -> None:
    """The formula of the network, and one neuron of it in numbers."""
    i, gelu = found.neuron, worked(_gelu, [found.before], found.after)
    before = worked(lambda product, bias: product + bias, [found.product, found.bias], found.before, digits=gelu.digits)
    ui.formula(
        rf"""\begin{{aligned}}
        a &= W_1\, x + b_1 \\[0.4em]
        \text{{out}} &= W_2\; \text{{GELU}}(a) + b_2 \\[0.4em]
        a_{{{i}}} &= {before.inputs[0]} {added(before.inputs[1])} \\[0.4em]
        &{before.out} \\[0.4em]
        \text{{GELU}}(a_{{{i}}}) &{gelu.out}
        \end{{aligned}}"""
    )
    ui.note(
        f"Neuron {i} is the most active one here: row {i} of W₁ times the input, and its bias. What it gives is multiplied by column {i} "
        "of W₂; the output is the sum of such columns over all neurons, and b₂."
    )


def before_and_after_gelu(here: Here) -> None:
    """Two histograms."""
    found = seen(here)
    pictures = [(name, distribution({name: values})) for name, values in (("before", found.mlp_pre), ("after", found.mlp_post))]
    figures: list[Figure] = []
    ui.figure_menu(
        "activations-gelu", lambda: pd.concat([drawn.frame() for _, drawn in pictures], ignore_index=True), lambda: figures
    )
    for column, (name, drawn) in zip(st.columns(2, gap="large"), pictures, strict=True):
        figure = histogram(
            drawn.counts,
            drawn.edges,
            title=f"{name.capitalize()} GELU",
            x_title="activation",
            count_title="neurons",
            stages=("residual" if name == "before" else "feed_forward",),
            mode=ui.mode(),
        )
        with column:
            ui.draw(figure, name=f"activations-{name}-gelu")
        figures.append(figure)
    outside = sum(drawn.outside for _, drawn in pictures)
    ui.note(f"{counted(outside, 'number')} {'lies' if outside == 1 else 'lie'} outside the plots.")


def gelu_in_numbers(here: Here) -> None:
    """GELU of the neuron whose output is lowest, and what GELU lets through of all negative ones."""
    found = seen(here)
    lowest = int(found.mlp_post[0].argmin())
    ui.note(f"{let_through(views.silenced(found))} What leaves GELU lowest comes from neuron {lowest}:")
    _gelu_in_numbers(lowest, float(found.mlp_pre[0, lowest]), float(found.mlp_post[0, lowest]))


def gelu_checks(here: Here) -> None:
    """GELU by its formula; the code."""
    ui.self_check(views.self_checks(seen(here)))
    ui.source(GELU, lessons.gelu_tanh)


def let_through(seen: Silenced) -> str:
    """What a ReLU would have silenced, and what GELU lets through of it."""
    if not seen.negative:
        return f"None of the {seen.neurons:,} neurons is negative here: a ReLU would have silenced none."
    share, passed = percent(seen.negative / seen.neurons), percent(seen.passed)
    if seen.negative == 1:
        return (
            f"1 of {seen.neurons:,} neurons ({share}) is negative here: a ReLU would have silenced it. GELU lets a little of it "
            f"through, {significant(seen.mean)}: {passed} of GELU's total absolute output."
        )
    return (
        f"{seen.negative:,} of {seen.neurons:,} neurons ({share}) are negative here: a ReLU would have silenced them all. GELU lets a "
        f"little of each through: {significant(seen.mean)} on average, {significant(seen.lowest)} at the lowest. "
        f"Together they make {passed} of GELU's total absolute output."
    )


def _gelu(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(inside_tanh(x)))


def _gelu_in_numbers(neuron: int, x: float, y: float) -> None:
    """GELU in two steps: t as it follows from the printed x, then y from both as printed."""
    digits = 5
    whole = worked(lambda x: 0.5 * x * (1 + math.tanh(as_printed(inside_tanh(x), digits))), [x], y)
    printed_x = as_printed(x, whole.digits)
    ui.formula(
        rf"""\begin{{aligned}}
        \rule{{0pt}}{{1.1em}} x_{{{neuron}}} &= {whole.inputs[0]} \\[0.3em]
        t &= \sqrt{{2/\pi}}\,(x + 0.044715\, x^3) \\[0.3em]
        &= {latex_number(inside_tanh(printed_x), digits)} \\[0.3em]
        \text{{GELU}}(x) &= \tfrac{{1}}{{2}}\, x\, (1 + \tanh t) \\[0.3em]
        &{whole.out}
        \end{{aligned}}"""
    )


def _changed(here: Here, token_id: int, change: float) -> str:
    """A token, and by how much its logit changes; never on two lines."""
    sign = "+" if change > 0 else ""
    return f'<span class="pair">{markup.chip(here.model.tokenizer.text_of(token_id))} {sign}{significant(change)}</span>'


def _strongest(here: Here) -> Strongest:
    return views.strongest(here.trace, here.layer, here.position, seen(here))


def strongest_neurons(here: Here) -> None:
    """The neurons that write most, and the tokens that they raise and lower."""
    data = _strongest(here).table
    each = data.drop_duplicates("neuron")
    figure = grouped_bars(
        {"norm of contribution": each["written"]},
        labels=[f"neuron {neuron}" for neuron in each["neuron"]],
        title="The neurons that write most, and the norm of what each writes",
        value_title="norm of contribution",
        unit="",
        label_title="",
        stages=("feed_forward",),
        row_height=26,
        mode=ui.mode(),
    )

    def frame() -> pd.DataFrame:
        return data.assign(token=[here.model.tokenizer.text_of(i) for i in data["token_id"]])

    ui.figure_menu("strongest-neurons", frame, [figure])
    ui.draw(figure, name="strongest-neurons")
    rows = []
    for neuron, lines in data.groupby("neuron", sort=False):
        chips = {
            direction: '<div class="chips">'
            + " ".join(_changed(here, line.token_id, line.logit_change) for line in part.itertuples())
            + "</div>"
            for direction, part in lines.groupby("direction")
        }
        line = lines.iloc[0]
        before, after, written = (significant(line[c]) for c in ("before", "after", "written"))
        name = f'{neuron}<span class="narrow">before {before}<br>after {after}<br>length {written}</span>'
        rows.append([name, chips["promotes"], chips["suppresses"], before, after, written])
    ui.table(["Neuron", "Promotes", "Suppresses", "Before GELU", "After", "Norm"], rows, numeric=(3, 4, 5))


def contribution_in_numbers(here: Here) -> None:
    """The norm of what the first of them writes, and how the list is made."""
    found = _strongest(here)
    data = found.table
    first, last = data.iloc[0], here.config.n_layers - 1
    i = int(first["neuron"])
    other = ", which is this one" if here.layer == last else f" ({last}), not after this one ({here.layer})"
    length = worked(
        lambda a, column: a * column,
        [abs(float(first["after"])), found.column],
        float(first["written"]),
    )
    ui.formula(
        rf"""\begin{{aligned}}
        v_i &= \text{{GELU}}(a_i) \cdot \text{{column}}_i(W_2) \\[0.4em]
        |v_{{{i}}}| &= {length.inputs[0]} \cdot {length.inputs[1]} \\[0.4em]
        &{length.out}
        \end{{aligned}}"""
    )
    ui.note(
        "Ordered by the length of the vector v that a neuron adds to the residual stream. Before and after are "
        "of GELU. Promoted and suppressed are the tokens whose logits this vector alone raises and lowers most, through the final "
        f"LayerNorm, which divides it by {significant(found.spread)}: the spread of this token's whole "
        f"vector after the last block{other}. The number is the change of the logit, less the mean change of all "
        "tokens. What later layers make of the vector is not in it, and a list of words is not a proof of what a neuron means."
    )


def neuron_checks(here: Here) -> None:
    """The sum of all neurons, and the listed changes worked out another way; the code."""
    ui.self_check(_strongest(here).checks)
    ui.source(neurons.strongest_neurons, neurons.direct_effects)
