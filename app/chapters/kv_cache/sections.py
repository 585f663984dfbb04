"""The parts of the K/V cache page that follow from the sequence: what is kept, its size, and the work it saves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, counting, runtime, ui
from app.beats import Question, Try
from app.chapters.kv_cache import views
from app.charts import VerticalLine, curves, parted_strip
from app.recent import MB, keeping
from app.runtime import Here
from app.windows import ways, window
from app.writing.markup import code, quoted
from app.writing.numbers import counted, in_bytes, in_flops, significant, work_unit
from app.writing.worked import braced, bracketed, in_tex, latex_percent, worked
from gptcore import cache_race, parameters
from gptcore.activations import AttentionActivations
from gptcore.checks import Check
from gptcore.run import Run

ROWS = 24  # tokens drawn
PARTS = ("query", "key", "value")


def _attention(here: Here) -> AttentionActivations:
    """The newest query in the head in focus."""
    return here.trace.attention(here.layer, heads=(here.head,), positions=(len(here.ids) - 1,))


def kept(here: Here) -> None:
    """The newest query beside all keys and values of one head."""
    positions = window(len(here.ids), here.position, ROWS)
    _strip(here, _attention(here), positions)
    ways(here, positions)
    ui.note(
        f"One row per token, {counted(here.config.head_dim, 'number')} in each part. Each part has a scale of its own: "
        "100 % is its largest number, whatever the sign, which is written below it. The queries of earlier tokens are not there: "
        "each was used once, when its token was the newest. No later token asks with it again, but every later token attends to the "
        "earlier keys and values."
    )


def says_kept(here: Here) -> str:
    """How many keys and values are kept, and how much memory that takes beside the weights."""
    config, n = here.config, len(here.ids)
    total = parameters.kv_cache_bytes(config, n)
    return (
        f"For {counted(n, 'token')}, each head keeps {counted(n, 'key')} and {counted(n, 'value')}, and only the newest query is needed. All "
        f"{counted(config.n_layers * config.n_heads, 'head')} together take **{in_bytes(total)}**; the weights take "
        f"{in_bytes(parameters.weight_bytes(config, here.model.tied))}."
    )


def try_kept(here: Here) -> Sequence[Try]:
    """Another layer, another token's key."""
    tries, n_layers = [], here.config.n_layers
    for layer, said in ((0, "Layer 0: are the rows of equal tokens equal?"), (n_layers - 1, "The last layer")):
        if layer != here.layer:
            tries.append(Try(said, {"layer": layer}))
    if here.position:
        tries.append(
            Try(
                f"Compare with the key of the first token, {code(here.tokens[0])}",
                {"position": 0},
                ((choices.OPEN_FOLDS, ["maths"]),),
            )
        )
    return tries


def kept_in_numbers(here: Here) -> None:
    """One comparison worked out; the bytes of all layers."""
    _one_comparison(here, _attention(here))
    _size(here)


def kept_checks(here: Here) -> None:
    """Whether earlier keys and values stay as they are; the code."""
    ui.self_check(_unchanged(here.run, here.layer))
    ui.source(cache_race.KeptKeysValues.extend, parameters.kv_cache_bytes)


@keeping(2 * MB)
def _unchanged(run: Run, layer: int) -> Check:
    """Whether the keys and values of earlier tokens are the same without those behind them; it runs the model once more."""
    return runtime.trace(run).check_earlier_tokens(layer)


def _strip(here: Here, attention: AttentionActivations, positions: range) -> None:
    """The rows of these positions; the newest query stands in its own row, where that is drawn."""
    rows, newest = list(positions), len(here.ids) - 1
    query = np.full((len(rows), here.config.head_dim), np.nan)
    if rows[-1] == newest:
        query[-1] = attention.q[0, 0]
    parts = dict(zip(PARTS, (query, attention.k[0, rows], attention.v[0, rows]), strict=True))
    figure = parted_strip(
        parts,
        row_names=[f"{here.tokens[position]} ({position})" for position in rows],
        title=f"Query, keys and values of layer {here.layer}, head {here.head}",
        mode=ui.mode(),
    )
    values = np.hstack(list(parts.values()))
    ui.chart(figure, name="keys-and-values", data=lambda: _kept_frame(here, values, rows[0]))


def _kept_frame(here: Here, values: np.ndarray, first: int) -> pd.DataFrame:
    """position, token, part (of PARTS), dimension, value: what the strip draws, without its gaps."""
    width = here.config.head_dim
    rows, columns = np.nonzero(~np.isnan(values))
    return pd.DataFrame(
        {
            "position": rows + first,
            "token": [here.tokens[first + i] for i in rows],
            "part": np.array(PARTS)[columns // width],
            "dimension": columns % width,
            "value": values[rows, columns],
        }
    )


def _one_comparison(here: Here, attention: AttentionActivations) -> None:
    """The newest query with the kept key of the token in focus: what the next token needs of it."""
    newest, at = len(here.ids) - 1, here.position
    row = attention.scaled[0, 0].astype(np.float64)
    scaled, largest, total = float(row[at]), float(row.max()), float(np.exp(row - row.max()).sum())
    share = worked(
        lambda s, m, total: math.exp(s - m) / total,
        [scaled, largest, total],
        float(attention.pattern[0, 0, at]),
        written=latex_percent,
    )
    root = worked(
        lambda score: score / math.sqrt(here.config.head_dim),
        [float(attention.scores[0, 0, at])],
        scaled,
        digits=share.digits,
    )
    s, m, below = share.inputs
    ui.formula(
        r"\begin{aligned} "
        rf"q_{{{newest}}} \cdot k_{{{at}}} &= {root.inputs[0]} \\[0.4em] "
        rf"{root.inputs[0]} \,/\, \sqrt{{{here.config.head_dim}}} &{root.out} \\[0.4em] "
        rf"\text{{weight}} &= \frac{{e^{{{s} - {bracketed(m)}}}}}{{{below}}} \\[1.1em] &{share.out} \end{{aligned}}"
    )
    ui.note(
        f"The newest query against the kept key of {quoted(here.tokens[at])} at position {at}, divided by the root of a head's width. Then the "
        f"softmax over {counted(len(row), 'kept key')}: {significant(largest)} is the largest of the numbers so made, "
        "taken off to keep the powers of e small; below the line is the sum of the powers of all. The weight says how much of this "
        "token's value is taken. Choose another token in the text above."
    )


def _size(here: Here) -> None:
    """The bytes of the cache for this sequence."""
    st.header("How large it is", anchor=False)
    config, n = here.config, len(here.ids)
    total, full = parameters.kv_cache_bytes(config, n), parameters.kv_cache_bytes(config, config.context_length)
    ui.formula(
        rf"\underbrace{{2}}_{{K, V}} \cdot {braced(config.n_layers, 'layer')} \cdot "
        rf"\underbrace{{{in_tex(config.emb_dim)}}}_{{\text{{width}}}} \cdot {braced(n, 'token')} \cdot "
        rf"{braced(4, 'byte')} \ = {in_tex(total)}"
    )
    st.markdown(
        f"The width holds {counted(config.n_heads, 'head')} of {counted(config.head_dim, 'number')}. That is {in_bytes(total)} for "
        f"this sequence, and {in_bytes(full)} for the longest one of {counted(config.context_length, 'token')}. The weights take "
        f"{in_bytes(parameters.weight_bytes(config, here.model.tied))}."
    )


def work(here: Here) -> None:
    """FLOPs for the next token with and without the cache, over the length of the sequence."""
    config, n = here.config, len(here.ids)
    frame = views.next_token_work(config)
    unit, flops = work_unit(float(frame.without_cache.max()))
    figure = curves(
        {"Without the cache": frame.without_cache / flops, "With the cache": frame.with_cache / flops},
        frame.n_tokens,
        title="Work for the next token, by the length of the sequence",
        x_title="tokens in the sequence",
        value_title="work for the next token",
        unit=unit,
        stages=("reference", "attention"),
        vertical_lines=[VerticalLine(n)],
        mode=ui.mode(),
    )
    ui.chart(figure, name="work_next_token", data=frame)
    cached, again = (parameters.next_token_flops(config, n, cached=c) for c in (True, False))
    rows = [
        [name, *(in_flops(getattr(flops, place)) for flops in (again, cached))]
        for name, place in (("The blocks' matrices", "blocks"), ("Attention's products", "attention"),
                            ("Output head", "head"), ("All", "total"))
    ]  # fmt: skip
    ui.table(["Next token", "Without cache", "With cache"], rows, numeric=(1, 2), marked=len(rows) - 1)
    ui.note(
        f"For the sequence in view of {counted(n, 'token')}, the dotted line. Counted, not measured, in FLOP "
        "(floating-point operations): multiplications and additions of the matrices and of attention's two products, the output head "
        "at the last position only."
    )


def says_work(here: Here) -> str:
    """How many times the work the next token is without the cache."""
    without, kept = (parameters.next_token_flops(here.config, len(here.ids), cached=c).total for c in (False, True))
    full = [parameters.next_token_flops(here.config, here.config.context_length, cached=c).total for c in (False, True)]
    return (
        f"After {counted(len(here.ids), 'token')}, the next one takes {in_flops(kept)} with the cache and {in_flops(without)} without: "
        f"**{significant(without / kept)} times** the work. With a full context it is {significant(full[0] / full[1])} times."
    )


def work_checks(here: Here) -> None:
    """The count by another way; the code."""
    ui.self_check(counting.work_counted(here.config))
    ui.source(parameters.next_token_flops)


def says_measured(here: Here) -> str:
    """What is to be expected of a measurement."""
    without, kept = (parameters.next_token_flops(here.config, len(here.ids), cached=c).total for c in (False, True))
    return (
        f"Counted, the next token is {significant(without / kept)} times the work without the cache. How much time that is depends on the "
        "machine: measure it."
    )


def try_work(here: Here) -> Sequence[Try]:
    """The other parts."""
    return [
        Try("Measure it: how much time is it on this machine?", shown=((choices.CACHE_PART, "measured"),)),
        Try("See the keys and values that are kept", shown=((choices.CACHE_PART, "kept"),)),
    ]


def _memory(here: Here) -> str:
    config = here.config
    full, weights = parameters.kv_cache_bytes(config, config.context_length), parameters.weight_bytes(config, here.model.tied)
    return (
        f"Memory, which grows with every token: {in_bytes(parameters.kv_cache_bytes(config, len(here.ids)))} now, {in_bytes(full)} with a full "
        f"context of {counted(config.context_length, 'token')}, beside {in_bytes(weights)} of weights."
    )


QUESTIONS = (
    Question(
        "Why are queries not kept?",
        lambda here: (
            f"A query is used once, when its token is the newest. {code(here.tokens[-1])} asks now; the next token brings a query of its own, "
            f"and looks at the {counted(len(here.ids), 'key')} and values that are there."
        ),
    ),
    Question("What does the cache cost?", _memory),
)


def saved_work(here: Here) -> None:
    """The formula of how many times the work the next token is without the cache, as counted."""
    without, kept = (parameters.next_token_flops(here.config, len(here.ids), cached=c).total for c in (False, True))
    saved = worked(lambda without, kept: without / kept, [without, kept], without / kept)
    ui.formula(
        rf"\frac{{\text{{without}}}}{{\text{{with}}}} = \frac{{{saved.inputs[0]}}}{{{saved.inputs[1]}}} "
        rf"{saved.out}"
    )
