"""The parts of the block page: the way through the block, the two sums in numbers, and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from app import choices, state, ui
from app.chapters.block import views
from app.chapters.block.views import Dropped
from app.charts import Figure, strip
from app.components.block_path import Strip, block_path
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import significant
from app.writing.worked import added, latex_number, worked
from gptcore.activations import BlockActivations
from gptcore.dropout import dropped, zeroed
from gptcore.model import TransformerBlock

SCALES = {"own": "Each strip by itself", "one": "One for all"}


def stations(here: Here) -> None:
    """The way through the block, and its two sums."""
    found = here.trace.block(here.layer, (here.position,))
    _way(here, found)
    _sums(found)
    ui.source(TransformerBlock)


def _way(here: Here, found: BlockActivations) -> None:
    """Station by station: name, mean, spread, largest value and strip. A click on a name opens its page."""
    listed = views.stations(found, here.layer, here.config.n_layers)
    scale = st.segmented_control(
        "Colour scale", list(SCALES), format_func=SCALES.__getitem__, required=True, **state.choice(choices.BLOCK_SCALE)
    )
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
        ui.open_page(station.page, station.shown)
    title = f"Layer {here.layer}, position {here.position}: from station to station"
    ui.export_menu(
        "block",
        lambda: views.table(listed),
        lambda: strip(
            np.stack([s.values for s in listed]),
            row_names=[f"{s.name} ({s.variable})" for s in listed],
            title=title,
            mode=ui.mode(),
        ),
    )
    ui.note(
        "Point at a strip: one dimension is read out at every station. Spread: standard deviation. Largest: farthest from 0, "
        + ("where the colours of each strip end." if scale == "own" else "the largest of all is where the colours end.")
    )


def _sums(found: BlockActivations) -> None:
    """The dimension that moved most, added up twice."""
    st.subheader("The two sums, in numbers", anchor=False)
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
    ui.self_check(views.self_checks(found))


def dropout(here: Here) -> None:
    """Off at inference; a switch shows what one training step would have zeroed."""
    own = here.config.drop_rate
    st.markdown(
        "In training, dropout sets some values to 0 at random, and makes the others larger, so that no part relies on a single number. "
        f"When text is written it does nothing: all that the app shows was computed without it. This model's drop_rate is {significant(own)}"
        + (": a training by it zeroes nothing either. " if own == 0 else ". ")
        + "GPT-2 has dropout at three places: on the embeddings, on the attention weights, and on what a block adds to a shortcut. It adds "
        "twice, so the third place has two strips: out of attention, and out of feed-forward."
    )
    on, rate, seed = _dropout_controls(here, own)
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
    block_path(strips, key="block_dropout_path", title=title, columns=("Zeroed",), pages=())
    ui.export_menu("dropout", views.dropout_table(places), lambda: _dropout_figure(places, title))
    _dropout_formula(places[1], rate, on)
    if not on:
        ui.note(
            "The strips are as the model runs: nothing is zeroed. The formula says what one step of training at a drop_rate of "
            f"{significant(rate)} would make of the largest attention weight: "
            + ("it leaves it as it is." if rate == 0 else "0, or more than it was, so that its mean stays what it is.")
        )
    ui.note(
        "A mark below a strip: zeroed. Training draws anew at every step; the seed stands for one such step. Each strip is shown by "
        "itself, on the values without dropout: what one changes would reach all later ones. The weights are those of one head."
    )
    ui.self_check(views.dropout_check(would, rate))
    ui.source(zeroed, dropped)


def _dropout_controls(here: Here, own: float) -> tuple[bool, float, int]:
    """The switch, the rate and the seed."""
    n_heads = here.config.n_heads
    on = st.toggle("Show what training would have zeroed", **state.choice(choices.DROPOUT))
    rate_at, seed_at, head_at = st.columns(3, gap="medium")
    rate = rate_at.slider(
        "drop_rate", 0.0, 0.9, step=0.05, disabled=not on, **state.choice(choices.DROP_RATE),
        help=f"This model: {significant(own)}. The book's configuration: {significant(choices.DROP_RATE.default)}.",
    )  # fmt: skip
    seed = seed_at.number_input("Seed", 0, 9999, step=1, disabled=not on, **state.choice(choices.DROPOUT_SEED))
    if n_heads > 1:
        head_at.slider("Head", 0, n_heads - 1, **state.widget("head", n_heads - 1))
    return on, float(rate), int(seed)


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
