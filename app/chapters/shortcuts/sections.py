"""The part of the shortcuts page that shows the model in view: its residual stream over the layers, and one layer's sum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from app import ui
from app.chapters.shortcuts import views
from app.charts import Figure, line_over_layers
from app.runtime import Here
from app.writing.markup import quoted
from app.writing.numbers import percent, significant
from app.writing.worked import worked
from gptcore.effects import part_effects
from gptcore.model import TransformerBlock


class StreamFigure(NamedTuple):
    """One figure over the layers. columns: name in the legend -> column of views.stream; start: the column that has, in its
    first line, what enters layer 0, where that is drawn too."""

    name: str
    title: str
    value_title: str
    unit: str
    log: bool
    columns: dict[str, str]
    stages: tuple[str, ...]
    start: str = ""


PICTURES = (
    StreamFigure(
        "length", "Length of the stream and of what is added", "length of the vector", "", True,
        {"residual stream": "norm_out", "attention": "norm_attention", "feed-forward": "norm_feed_forward"},
        ("residual", "attention", "feed_forward"), "norm_in",
    ),
    StreamFigure(
        "share", "Share of each block's output that is new", "share of the output", "%", False,
        {"attention": "share_attention", "feed-forward": "share_feed_forward"}, ("attention", "feed_forward"),
    ),
    StreamFigure(
        "cosine", "Cosine similarity: block input to output", "cosine", "", False,
        {"cosine between input and output": "cosine"}, ("residual",),
    ),
)  # fmt: skip


def stream(here: Here) -> None:
    """The stream of the token in focus over all layers."""
    table = views.stream(views.blocks(here.trace, here.position))
    figures = [_figure(picture, table) for picture in PICTURES]
    ui.figure_menu("residual-stream", table, figures)
    whole, (left, right) = st.container(), st.columns(2, gap="large")
    for place, picture, figure in zip((whole, left, right), PICTURES, figures, strict=True):
        with place:
            ui.draw(figure, name=f"residual-{picture.name}")
    ui.note(
        "The share is measured along the block's output: shortcut, attention and feed-forward together make exactly 100 %. Below 0 a "
        "part points against the whole. A cosine of 1 means that the block left the direction as it was."
    )


def sum_in_numbers(here: Here) -> None:
    """The sum of the layer in focus."""
    _sum(here.layer, views.stream(views.blocks(here.trace, here.position)))


def stream_checks(here: Here) -> None:
    """The sums of all layers; the code."""
    blocks = views.blocks(here.trace, here.position)
    ui.self_check(views.self_checks(blocks, views.stream(blocks)))
    ui.source(TransformerBlock)


def left_out(here: Here) -> None:
    """The probability of the top prediction, with one block at a time left out, beside the whole model's."""
    found = views.left_out(here.trace)
    layers = len(found.without)
    figure = line_over_layers(
        {"with this block left out": found.without, "whole model": np.full(layers, found.whole)},
        title=f"Probability of {quoted(here.model.tokenizer.text_of(found.target))} when x alone goes past one block",
        value_title="probability",
        unit="%",
        stages=("ablation", "residual"),
        layer_names=[str(layer) for layer in range(layers)],
        layer_title="block that is left out",
        from_zero=True,
        mode=ui.mode(),
    )
    data = pd.DataFrame(
        {"layer": range(layers), "without": found.without, "whole": found.whole, "top_id": found.top,
         "top": [here.model.tokenizer.text_of(int(token)) for token in found.top]}
    )  # fmt: skip
    ui.chart(figure, name="blocks-left-out", data=data)
    if not here.is_newest:
        ui.note("The token predicted is the one after the newest, wherever the cursor is.")


def difference_in_numbers(here: Here) -> None:
    """H(x) = F(x) + x: what is left to learn."""
    ui.formula(r"H(x) = F(x) + x \quad\Longleftrightarrow\quad F(x) = H(x) - x")
    ui.note(
        "A layer without a shortcut has to learn the whole output H(x), even where it should leave x as it is. With one it only has to "
        "learn the difference F(x): to leave x alone, its weights only have to be 0. That is how the paper on residual networks argues "
        "(Kaiming He and others, “Deep Residual Learning for Image Recognition”, 2016, section 3.1)."
    )


def left_out_checks(here: Here) -> None:
    """One block off, run anew; the code."""
    ui.self_check(views.left_out_check(here))
    ui.source(part_effects)


def _figure(picture: StreamFigure, table: pd.DataFrame) -> Figure:
    drawn = table[list(picture.columns.values())]
    names = [str(layer) for layer in table["layer"]]
    if picture.start:  # what attention and feed-forward add has no place there
        first = pd.DataFrame([[table[picture.start].iloc[0]] + [np.nan] * (len(picture.columns) - 1)], columns=drawn.columns)
        drawn, names = pd.concat([first, drawn], ignore_index=True), ["in", *names]
    if picture.log:
        drawn = drawn.replace(0.0, np.nan)  # a logarithmic axis has no place for 0
    return line_over_layers(
        {label: drawn[column] for label, column in picture.columns.items()},
        title=picture.title,
        value_title=picture.value_title,
        unit=picture.unit,
        stages=picture.stages,
        layer_names=names,
        layer_title="layer (in: the embeddings, before layer 0)" if picture.start else "",
        log_y=picture.log,
        y_range=(-1.05 if table["cosine"].min() < 0 else 0, 1.05) if picture.name == "cosine" else None,
        mode=ui.mode(),
    )


def _sum(layer: int, table: pd.DataFrame) -> None:
    """What the block in focus adds to the token's vector, as lengths and shares, and its cosine worked out."""
    st.header("The sum, with these numbers", anchor=False)
    line = table.iloc[layer]
    dot = float(line.cosine * line.norm_in * line.norm_out)
    cosine = worked(lambda dot, x, h: dot / (x * h), [dot, line.norm_in, line.norm_out], float(line.cosine))
    dot_tex, x, h = cosine.inputs
    ui.formula(
        rf"""\begin{{aligned}}
        H(x) &= F(x) + x, \qquad \frac{{\partial H}}{{\partial x}} = \frac{{\partial F}}{{\partial x}} + 1 \\[0.9em]
        \text{{cosine}} &= \frac{{x \cdot H(x)}}{{|x|\,|H(x)|}} \\[1.2em]
        &= \frac{{{dot_tex}}}{{{x} \cdot {h}}} \\[0.9em]
        &{cosine.out}
        \end{{aligned}}"""
    )
    ui.table(
        [f"Layer {layer}", "Length", "Share of the output"],
        [
            ["x, on the shortcut", significant(line.norm_in), percent(line.share_shortcut)],
            ["+ attention", significant(line.norm_attention), percent(line.share_attention)],
            ["+ feed-forward", significant(line.norm_feed_forward), percent(line.share_feed_forward)],
            ["= H(x)", significant(line.norm_out), "100.0 %"],
        ],
        numeric=(1, 2),
        marked=3,
    )
    ui.note("Lengths do not add up, since the vectors point in different directions; the vectors do, number by number.")
