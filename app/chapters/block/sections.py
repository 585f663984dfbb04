"""The parts of the block page: the way through the block, the two sums in numbers, and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from app import choices, state, tellings, ui
from app.chapters.block import views
from app.chapters.block.views import Dropped
from app.charts import Figure, grouped_bars, strip
from app.components.block_path import Strip, block_path
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import significant
from app.writing.worked import added, latex_number, worked
from gptcore.dropout import dropped, zeroed
from gptcore.model import TransformerBlock

SCALES = {"own": "Each strip by itself", "one": "One for all"}


def stations(here: Here) -> None:
    """Station by station: name, mean, spread, largest value and strip. A click on a name opens its page."""
    found = here.trace.block(here.layer, (here.position,))
    listed = views.stations(found, here.layer, here.config.n_layers)
    scale = state.chosen(choices.BLOCK_SCALE)
    largest = [float(np.abs(s.values).max()) for s in listed]
    limits = largest if scale == "own" else [max(largest)] * len(listed)
    shape = markup.shape(here.config.emb_dim)
    strips = [
        Strip(
            s.name,
            f"{s.variable} {shape}",
            s.stage,
            [significant(float(v)) for v in (s.values.mean(dtype=np.float64), s.values.std(dtype=np.float64), top)],
            s.values,
            limit or 1.0,
            s.place,
            s.link,
        )
        for s, top, limit in zip(listed, largest, limits, strict=True)
    ]
    title = f"Layer {here.layer}, position {here.position}: from station to station"
    ui.figure_menu(
        "block",
        lambda: views.table(listed),
        lambda: strip(
            np.stack([s.values for s in listed]),
            row_names=[f"{s.name} ({s.variable})" for s in listed],
            title=title,
            mode=ui.mode(),
        ),
    )
    link = block_path(
        strips,
        key="block_path",
        title=f"Layer {here.layer}, position {here.position}",
        columns=("Mean", "Spread", "Largest"),
        pages=[s.link for s in listed],
        pointed=views.moved_most(found),
    )
    if link:
        station = next(s for s in listed if s.link == link)
        if station.layer is not None:
            state.update(layer=station.layer)
        tellings.stay()  # it is opened for the sake of this text
        ui.open_page(station.page, station.shown)
    size = markup.shape(1, len(here.ids), here.config.emb_dim).replace(" ", "\N{NO-BREAK SPACE}")
    ui.note(
        f"{size} goes in and {size} comes out, which is why blocks can be stacked. "
        "Point at a strip: one dimension is read out at every station. Spread: standard deviation. Largest: farthest from 0, "
        + ("where the colours of each strip end." if scale == "own" else "the largest of all is where the colours end.")
    )


def scale_control(here: Here) -> None:
    """Layer and token, and where the colours end."""
    ui.layer_and_token(here)
    st.segmented_control(
        "Colour scale", list(SCALES), format_func=SCALES.__getitem__, required=True, **state.choice(choices.BLOCK_SCALE)
    )


def sums(here: Here) -> None:
    """The dimension that moved most, added up twice."""
    found = here.trace.block(here.layer, (here.position,))
    i = views.moved_most(found)
    pre, attn, mid, mlp, post = (
        float(values[0, i]) for values in (found.resid_pre, found.attn_out, found.resid_mid, found.mlp_out, found.resid_post)
    )
    second = worked(lambda a, b: a + b, [mid, mlp], post)
    first = worked(lambda a, b: a + b, [pre, attn], mid, digits=second.digits)
    ui.formula(
        rf"""\begin{{aligned}}
        \text{{mid}}_i &= \text{{pre}}_i + \text{{attention}}_i \\
        \text{{mid}}_{{{i}}} &= {first.inputs[0]} {added(first.inputs[1])} \\
        &{first.out} \\[0.7em]
        \text{{post}}_i &= \text{{mid}}_i + \text{{feed-forward}}_i \\
        \text{{post}}_{{{i}}} &= {second.inputs[0]} {added(second.inputs[1])} \\
        &{second.out}
        \end{{aligned}}"""
    )
    ui.note(f"Dimension {i} is the one that this block changes most for this token. The sums hold for every dimension.")


def checks(here: Here) -> None:
    """Both sums once more, and the code."""
    ui.self_check(views.self_checks(here.trace.block(here.layer, (here.position,))))
    ui.source(TransformerBlock)


def layers(here: Here) -> None:
    """What attention and feed-forward add in every layer, as lengths."""
    found = views.written(here.trace, here.position)
    figure = grouped_bars(
        {"attention": found.attention, "feed-forward": found.feed_forward},
        labels=[str(layer) for layer in range(len(found.attention))],
        label_title="layer",
        title=f"Length of what each layer adds to {markup.quoted(here.tokens[here.position])}",
        value_title="length of the vector",
        unit="",
        stages=("attention", "feed_forward"),
        mode=ui.mode(),
    )
    ui.chart(figure, name="block-lengths", data=views.written_table(found))


def layers_maths(here: Here) -> None:
    """The lengths of the layer in focus as a formula."""
    found, n = views.written(here.trace, here.position), latex_number
    at = here.layer
    ui.formula(
        rf"\begin{{aligned}} \lVert \text{{before}} \rVert &= {n(float(found.before[at]))} \\"
        rf"\lVert \text{{attention}} \rVert &= {n(float(found.attention[at]))} \\"
        rf"\lVert \text{{feed-forward}} \rVert &= {n(float(found.feed_forward[at]))} \\"
        rf"\cos(\text{{before}}, \text{{after}}) &= {n(float(found.cosine[at]))} \end{{aligned}}"
    )
    ui.note(f"Layer {at}. Lengths do not add up: the vectors point in different directions.")


def dropout(here: Here) -> None:
    """Off at inference; a switch shows what one training step would have zeroed."""
    own = here.config.drop_rate
    on, rate, seed = views.dropout_choice()
    would = views.dropout_places(here.trace, here.layer, here.head, here.position, rate, seed)
    places = would if on else [replace(p, gone=np.zeros_like(p.gone), after=p.before) for p in would]
    strips = [
        Strip(
            p.name,
            p.where,
            p.stage,
            [f"{p.gone.sum():,} of {len(p.gone):,}"],
            p.after,
            float(np.abs(p.after).max()) or 1.0,
            gone=p.gone,
            counted=p.counted,
            scale="attention" if p.counted == "position" else "signed",
        )
        for p in places
    ]
    title = "Dropout of one training step" if on else "As it runs: nothing is dropped"
    ui.figure_menu("dropout", views.dropout_table(places), lambda: _dropout_figure(places, title))
    block_path(strips, key="block_dropout_path", title=title, columns=("Zeroed",), pages=())
    ui.note(
        f"This model's dropout rate is {significant(own)}"
        + (": a training by it zeroes nothing either. " if own == 0 else ". ")
        + "GPT-2 has dropout at three places: on the embeddings, on the attention weights, and on what a block adds to a shortcut. It adds "
        "twice, so the third place has two strips: out of attention, and out of feed-forward."
    )
    ui.note(
        "A mark below a strip: zeroed. Training draws anew at every step; the seed stands for one such step. Each strip is shown by "
        "itself, on the values without dropout: what one changes would reach all later ones. The weights are those of one head."
    )


def dropout_maths(here: Here) -> None:
    """What becomes of the largest attention weight."""
    on, rate, seed = views.dropout_choice()
    weights = views.dropout_places(here.trace, here.layer, here.head, here.position, rate, seed)[1]
    _dropout_formula(weights if on else replace(weights, gone=np.zeros_like(weights.gone), after=weights.before), rate, on)
    if not on:
        ui.note(
            "The strips are as the model runs: nothing is zeroed. The formula says what one step of training at a dropout rate of "
            f"{significant(rate)} would make of the largest attention weight: "
            + ("it leaves it as it is." if rate == 0 else "0, or more than it was, so that its mean stays what it is.")
        )


def dropout_checks(here: Here) -> None:
    """What is left, made smaller again, and the code."""
    _, rate, seed = views.dropout_choice()
    ui.self_check(views.dropout_check(views.dropout_places(here.trace, here.layer, here.head, here.position, rate, seed), rate))
    ui.source(zeroed, dropped)


def dropout_controls(here: Here) -> None:
    """The switch, the rate and the seed; layer and head."""
    n_heads, own = here.config.n_heads, here.config.drop_rate
    ui.layer_slider(here)
    on = st.toggle("Show what training would have zeroed", **state.choice(choices.DROPOUT))
    st.slider(
        "Share of values set to 0", 0.0, 0.9, step=0.05, disabled=not on, **state.choice(choices.DROP_RATE),
        help=f"In a configuration: drop_rate. This model: {significant(own)}. GPT-2's training: {significant(choices.DROP_RATE.default)}.",
    )  # fmt: skip
    st.number_input("Seed", 0, 9999, step=1, disabled=not on, **state.choice(choices.DROPOUT_SEED))
    if n_heads > 1:
        st.slider("Head", 0, n_heads - 1, **state.widget("head", n_heads - 1))


def _dropout_formula(weights: Dropped, rate: float, on: bool) -> None:
    """What becomes of the largest attention weight: with the switch on, in the step that the seed stands for; else either fate, and
    their mean, which is the weight of inference again."""
    i = int(weights.before.argmax())
    rule = (
        rf"\rule{{0pt}}{{1.6em}} \text{{kept}} &= \text{{value}} \cdot \frac{{1}}{{1 - {latex_number(rate)}}} \\[0.8em]"
        r"\text{zeroed} &= 0 \\[0.6em]"
    )
    fate = _one_step(weights, i, rate) if on else _either_fate(float(weights.before[i]), rate)
    ui.formula(rf"\begin{{aligned}} {rule} \text{{weight}}_{{{i}}} &= {fate} \end{{aligned}}")


def _one_step(weights: Dropped, i: int, rate: float) -> str:
    """A weight and what a step of training makes of it, and the sum of them all."""
    before, fate, n = latex_number(float(weights.before[i])), "0", latex_number
    if not weights.gone[i]:
        kept = worked(lambda weight, rate: weight / (1 - rate), [float(weights.before[i]), rate], float(weights.after[i]))
        before, fate = kept.inputs[0], rf"\frac{{{kept.inputs[0]}}}{{1 - {kept.inputs[1]}}} {kept.out}"
    return (
        rf"{before} \\[0.5em] &\to\; {fate} \\[0.9em]"
        rf"\textstyle\sum \text{{weights}} &= {n(float(weights.before.sum()))} \;\to\; {n(float(weights.after.sum()))}"
    )


def _either_fate(weight: float, rate: float) -> str:
    """A weight as it runs, what it would become where it is kept, and the mean over both fates."""
    mean = worked(lambda kept, rate: (1 - rate) * kept + rate * 0, [weight / (1 - rate), rate], weight)
    kept = worked(lambda weight, rate: weight / (1 - rate), [weight, rate], weight / (1 - rate), digits=mean.digits)
    return (
        rf"{mean.result} \text{{ as it runs}} \\[0.5em]"
        rf"\text{{if kept}} &= \frac{{{kept.inputs[0]}}}{{1 - {kept.inputs[1]}}} {kept.out} \\[0.9em]"
        rf"\text{{mean}} &= (1 - {mean.inputs[1]}) \cdot {kept.result} + {mean.inputs[1]} \cdot 0 \\[0.4em] &{mean.out}"
    )


def _dropout_figure(places: Sequence[Dropped], title: str) -> Figure:
    """The four strips as one figure for a file: they differ in length and size, so each is drawn as shares of its largest value."""
    rows = np.full((len(places), max(len(p.after) for p in places)), np.nan)
    for row, p in zip(rows, places, strict=True):
        row[: len(p.after)] = p.after / (np.abs(p.after).max() or 1.0)
    return strip(
        rows,
        row_names=[p.name for p in places],
        title=title,
        x_title="dimension, or position of the token read",
        value_title="value as a share of the strip's largest",
        mode=ui.mode(),
    )
