"""The beat about the first token, on which many heads rest the weight that they do not need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app import focus, palette, state, tellings, ui
from app.beats import Try
from app.chapters.attention import formulas, views
from app.components.map_canvas import prepare, token_map
from app.focus import Found
from app.runtime import Here
from app.writing.markup import NumberBar, code, quoted
from app.writing.numbers import percent, significant
from gptcore import activations

SHORT = 0.75  # of the others' mean length: a value vector below it is called short


def sink(here: Here) -> None:
    """The share of every head on the first token; and what the head in focus takes from there."""
    found = focus.heads_that(here, "first")
    if found is None:
        st.info("There is one token, so every head gives it all of its weight. Add text to see heads choose.")
        return
    left, right = st.columns([3, 2], gap="large")
    n_layers, n_heads = found.share.shape
    with left:
        ui.figure_menu("attention-first-token", lambda: _frame(found))
        token_map(
            prepare(
                found.share,
                row_tokens=[str(layer) for layer in range(n_layers)],
                col_tokens=[str(head) for head in range(n_heads)],
                title=f"Weight on the first token, {quoted(here.tokens[0])}, in each head",
                row_title="layer",
                col_title="head",
                value_title="mean attention weight",
                scale="attention",
                row_positions=False,
                col_positions=False,
            ),
            key="attention_sink",
            row=here.layer,
            column=here.head,
            on_row=lambda layer, head: state.update(layer=layer, head=here.head if head is None else head),
        )
    with right:
        _value(here, found)


def _frame(found: Found) -> pd.DataFrame:
    layer, head = np.indices(found.share.shape)
    return pd.DataFrame({"layer": layer.ravel(), "head": head.ravel(), "first_token_share": found.share.ravel()})


def _value(here: Here, found: Found) -> None:
    """Weight and length of value, of the first token and of the others."""
    share, first, others = taken(here, found)
    longest, tint = max(first, others), palette.colour("attention", ui.mode())
    st.markdown(f"**Layer {here.layer}, head {here.head}**")
    ui.bars(
        ["", "Weight"],
        [
            ["First token", NumberBar(percent(share), 0, share, tint)],
            ["All others", NumberBar(percent(1 - share), 0, 1 - share, tint)],
        ],
    )
    ui.bars(
        ["", "Length of value v"],
        [
            ["First token", NumberBar(significant(first), 0, first / longest, tint)],
            ["Others, mean", NumberBar(significant(others), 0, others / longest, tint)],
        ],
    )
    ui.note(
        "A row of weights must sum to 1, so weight that a head does not need has to go somewhere. "
        f"Means over the queries from position {found.queries[0]} to {found.queries[-1]}; the first token can attend only to itself. "
        "What a head takes from a token is its weight times the value v."
    )


def taken(here: Here, found: Found) -> tuple[float, float, float]:
    """Of the head in focus: its mean weight on the first token; the length of that token's value; the mean length of the others'."""
    lengths = np.linalg.norm(here.trace.attention(here.layer, (len(here.ids) - 1,), (here.head,)).v[0], axis=-1)
    return float(found.share[here.layer, here.head]), float(lengths[0]), float(lengths[1:].mean())


def says_sink(here: Here) -> str:
    """How much lies on the first token, compared with an even spread, and what it brings."""
    if (found := focus.heads_that(here, "first")) is None:
        return "With one token there is nothing to choose: every head gives all its weight to it."
    mean, even = float(found.share.mean()), float((1 / (found.queries + 1)).mean())
    many = found.share.size
    where = f"the first token, {code(here.tokens[0])}"
    heads = f"Over all {many} heads" if many > 1 else "In the only head"
    if mean <= even:
        return (
            f"In this text heads do not favour {where}: {heads.lower()} it gets **{percent(mean)}** of the weight, and an even spread "
            f"would give it {percent(even)}."
        )
    share, first, others = taken(here, found)
    said = f"{heads}, **{percent(mean)}** of the weight goes to {where}, whatever it says; an even spread would give it {percent(even)}. "
    mine = f"Layer {here.layer}, head {here.head} puts {percent(share)} there"
    if first < SHORT * others:
        return f"{said}{mine} and takes little: that token's value has a length of {significant(first)}, the others' {significant(others)}."
    return (
        f"{said}{mine}; that token's value is not short: its length is {significant(first)}, the others' {significant(others)}."
    )


def try_sink(here: Here) -> Sequence[Try]:
    """The head that does it most, one that does not, and the same text with another beginning."""
    if (found := focus.heads_that(here, "first")) is None:
        return ()
    tries = []
    for said, place in (("most", found.share.argmax()), ("least", found.share.argmin())):
        layer, head = (int(index) for index in np.unravel_index(int(place), found.share.shape))
        if (layer, head) != (here.layer, here.head):
            tries.append(
                Try(f"The head that puts {said} on the first token: layer {layer}, head {head}", {"layer": layer, "head": head})
            )
    if changed := tellings.changed("attention", "sink"):
        first = here.model.tokenizer.text_of(here.model.tokenizer.encode(changed)[0])
        tries.append(
            Try(
                f"Begin the text with {code(first)} instead. Does the weight follow the word, or stay in front?",
                {"prompt": changed},
            )
        )
    return tries


def maths(here: Here) -> None:
    """The mean, written out."""
    if (found := focus.heads_that(here, "first")) is None:
        ui.note("With one token there is no mean to take.")
        return
    ui.formula(formulas.mean_on_first(found.weights[here.layer, here.head].tolist(), int(found.queries[0])))
    ui.note(f"a is the weight of query i on position 0, in layer {here.layer}, head {here.head}.")


def checks(here: Here) -> None:
    """The rows that the mean is made of."""
    ui.self_check(views.row_check(here.trace.attention(here.layer, (len(here.ids) - 1,), (here.head,)).pattern))
    ui.source(activations.attend)
