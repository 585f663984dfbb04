"""The pictures of the lens page: the grid over all positions, one position layer by layer, what each depth knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import choices, faults, state, ui, windows
from app.chapters.lens import drawing, views
from app.chapters.lens.drawing import COLOURINGS
from app.chapters.lens.views import Column
from app.charts import Figure, grouped_bars, line_over_layers
from app.charts import lens_grid as lens_figure
from app.components.lens_grid import lens_grid
from app.runtime import Here
from app.writing.worked import latex_number, latex_percent, worked
from gptcore.lens import lens

FILLING = 0.1  # seconds between two parts of a grid that is still being computed
TITLE = "The likeliest next token, layer by layer"


def depth_in_focus(here: Here) -> int:
    """Where the stream is read: 0 before block 0, else after the block in focus."""
    return 0 if state.chosen(choices.LENS_INPUT) else here.layer + 1


def colouring(here: Here) -> None:
    """What the grid's colours stand for."""
    st.segmented_control(
        "Colour", list(COLOURINGS), format_func=lambda name: COLOURINGS[name].label, required=True, wrap=True,
        **state.choice(choices.LENS_COLOUR),
    )  # fmt: skip


def every_position(here: Here) -> None:
    """The grid, which fills in parts; then the likeliest tokens of the cell in focus."""
    chosen = state.chosen(choices.LENS_COLOUR)
    focus = column_in_focus(here)
    positions = views.window(len(here.ids), here.position)
    at_once = views.columns_at_once(here.config)
    filling = views.missing(here, positions) > at_once

    def fill() -> None:
        """The columns that are there, and some more; as a fragment, it runs again until all are."""
        found = views.columns(here, positions, at_once)
        if filling and len(found) == len(positions):
            st.rerun()  # the last column: draw the page once more, without a clock
        _grid(here, found, positions, chosen)

    (faults.fragment(fill, run_every=FILLING) if filling else fill)()
    windows.ways(here, positions)
    _likeliest(here, focus)


def column_in_focus(here: Here) -> Column:
    """The lens at the cursor."""
    return views.columns(here, [here.position])[here.position]


def _grid(here: Here, found: Mapping[int, Column], positions: Sequence[int], colouring: str) -> None:
    """The grid, which keeps its size while columns are still missing, and what it leaves out."""
    chosen, vocab_size = COLOURINGS[colouring], here.config.vocab_size
    tokens = [here.tokens[p] for p in positions]

    def pick(depth: int, position: int) -> None:
        state.take(choices.LENS_INPUT, depth == 0)
        state.update(position=position, **({"layer": depth - 1} if depth else {}))

    cells = drawing.cells(here, found, positions)
    names = drawing.depth_names(here.config.n_layers)
    ui.figure_menu("logit-lens", lambda: drawing.table(here, found), lambda: _grid_figure(here, found, positions, colouring))
    lens_grid(
        cells,
        key="lens_grid",
        title=TITLE,
        alt=drawing.alt(cells, names, tokens, chosen.title),
        row_names=names,
        col_tokens=tokens,
        positions=positions,
        measure=colouring,
        value_title=chosen.title,
        top=drawing.scale_top(colouring, vocab_size),
        ticks=drawing.ticks(colouring, vocab_size),
        focus=(depth_in_focus(here), here.position),
        mode=ui.mode(),
        on_pick=pick,
    )
    ui.note(
        f"{chosen.explained} Point at a cell for its ten likeliest tokens, choose it to stay there. "
        + _extent(here, found, positions)
    )


def _grid_figure(here: Here, found: Mapping[int, Column], positions: Sequence[int], colouring: str) -> Figure:
    """The grid as a file of its own."""
    chosen, vocab_size = COLOURINGS[colouring], here.config.vocab_size
    return lens_figure.lens_grid(
        drawing.colour_values(found, positions, here.config.n_layers + 1, colouring),
        texts=drawing.texts(here, found, positions),
        facts=drawing.facts(here, found, positions),
        settled=[found[p].settled if p in found else None for p in positions],
        row_names=drawing.depth_names(here.config.n_layers),
        col_tokens=[here.tokens[p] for p in positions],
        title=TITLE,
        value_title=chosen.title,
        unit=chosen.unit,
        top=drawing.scale_top(colouring, vocab_size),
        ticks=drawing.rank_ticks(vocab_size) if colouring == "rank" else None,
        mode=ui.mode(),
    )


def _extent(here: Here, found: Mapping[int, Column], positions: Sequence[int]) -> str:
    """Which positions are drawn, and where they settled."""
    n_tokens = len(here.ids)
    if len(found) < len(positions):
        return f"{len(found)} of {len(positions)} columns are computed; the others follow."
    if len(positions) == 1:
        return "There is one position so far."
    which = "All positions" if len(positions) == n_tokens else f"Positions {positions[0]} to {positions[-1]} of {n_tokens:,}"
    settled = pd.Series([found[p].settled for p in positions])
    last = here.config.n_layers
    half = drawing.depth_names(last)[int(settled.quantile(0.5, interpolation="lower"))]
    late = int((settled == last).sum())
    return f"{which}. Half of these predictions had settled by {half}; {late} of {len(positions)} changed in the last block."


def cell_in_numbers(here: Here) -> None:
    """What the colour of the cell in focus stands for, in numbers."""
    ui.formula(drawing.reading(column_in_focus(here), depth_in_focus(here), state.chosen(choices.LENS_COLOUR)))
    _what_it_does_not_show()


def cell_checks(here: Here) -> None:
    """The checks of the cell in focus, and the code."""
    measure = state.chosen(choices.LENS_COLOUR)
    ui.self_check(views.checks_of_cell(here.trace, here.position, depth_in_focus(here), column_in_focus(here), measure))
    ui.source(lens)


def _likeliest(here: Here, column: Column) -> None:
    """The likeliest tokens where the stream is read."""
    depth = depth_in_focus(here)
    labels = [here.model.tokenizer.text_of(int(i)) for i in column.token_ids[depth]]
    figure = grouped_bars(
        {"probability": column.probs[depth]},
        labels=labels,
        title=f"Likeliest {drawing.after(depth)}",
        value_title="probability",
        unit="%",
        most_ticks=5,
        mode=ui.mode(),
    )
    data = pd.DataFrame({"token_id": column.token_ids[depth], "token": labels, "probability": column.probs[depth]})
    ui.chart(figure, name="logit-lens-likeliest", data=data)


def depth_controls(here: Here) -> None:
    """Where the stream is read."""
    n_layers = here.config.n_layers
    at_input = st.toggle("Before block 0", **state.choice(choices.LENS_INPUT))
    if n_layers > 1:
        st.slider("Read after block", 0, n_layers - 1, disabled=at_input, **state.widget("layer", n_layers - 1))


def one_position(here: Here) -> None:
    """Probability over the layers, and the likeliest tokens at one depth."""
    column = column_in_focus(here)
    _over_depth(here, column)
    _likeliest(here, column)


def _over_depth(here: Here, column: Column) -> None:
    figure = line_over_layers(
        {
            f"“{here.model.tokenizer.text_of(column.target)}”, the final prediction": column.target_prob,
            "top token at that layer": column.probs[:, 0],
        },
        title="Probability, read after each block",
        value_title="probability",
        unit="%",
        stages=("probability", "reference"),
        layer_names=["in", *(str(layer) for layer in range(here.config.n_layers))],
        layer_title="block (in: the embeddings, before block 0)",
        from_zero=True,
        mode=ui.mode(),
    )
    ui.chart(figure, name="logit-lens-position", data=lambda: drawing.table(here, {here.position: column}))


def formula(here: Here) -> None:
    """The probability of the likeliest token at the depth in focus, with its numbers."""
    column, depth, n = column_in_focus(here), depth_in_focus(here), latex_number
    found = views.by_hand(here.trace, here.position, depth, int(column.token_ids[depth, 0]))
    p = worked(lambda logit, log_sum: math.exp(logit - log_sum), [found.logit, found.log_sum], found.prob, written=latex_percent)
    ui.formula(
        rf"""\begin{{aligned}}
        \text{{logit}}_t &= w_t \cdot \text{{LayerNorm}}(x) \\[0.4em]
        &= {p.inputs[0]} \\[0.4em]
        \text{{mean of }} x &= {n(found.mean)} \\[0.4em]
        \text{{variance of }} x &= {n(found.var)} \\[0.4em]
        p_t &= \frac{{e^{{\text{{logit}}_t}}}}{{\sum_j e^{{\text{{logit}}_j}}}} \\[0.9em]
        &= \frac{{e^{{{p.inputs[0]}}}}}{{e^{{{p.inputs[1]}}}}} {p.out}
        \end{{aligned}}"""
    )
    ui.note(
        f"x is the residual stream {drawing.after(depth)}, w the row of "
        f"“{here.model.tokenizer.text_of(int(column.token_ids[depth, 0]))}” in the output head. The final LayerNorm takes the mean "
        "and variance of this very x, not those of the last layer."
    )
    _what_it_does_not_show()


def formula_checks(here: Here) -> None:
    """The last row and the formula, and the code."""
    column, depth = column_in_focus(here), depth_in_focus(here)
    found = views.by_hand(here.trace, here.position, depth, int(column.token_ids[depth, 0]))
    ui.self_check([views.last_row_check(here.trace, here.position, column), views.formula_check(column, depth, found)])
    ui.source(lens)


def stages(here: Here) -> None:
    """Over the depths: how often the top prediction is the token itself, the commonest guess, and the final one."""
    found, names = views.stages(window_columns(here), here.ids), drawing.depth_names(here.config.n_layers)
    figure = line_over_layers(
        {
            "the token itself": found["itself"],
            "the guess that most tokens share": found["shared"],
            "the final prediction": found["final"],
        },
        title="What stands first after each block, as a share of the tokens",
        value_title="share of the tokens",
        unit="%",
        stages=("tokens", "reference", "probability"),
        layer_names=["in", *(str(layer) for layer in range(here.config.n_layers))],
        layer_title="block (in: the embeddings, before block 0)",
        y_range=(-0.02, 1.02),
        mode=ui.mode(),
    )
    table = found.assign(read_after=names, guess=[here.model.tokenizer.text_of(i) for i in found["guess_id"]])
    ui.chart(figure, name="logit-lens-stages", data=table)


def window_columns(here: Here) -> dict[int, Column]:
    """The lens at the positions of the grid."""
    return views.columns(here, views.window(len(here.ids), here.position))


def stages_checks(here: Here) -> None:
    """The last row at the cursor, and the code."""
    ui.self_check(views.last_row_check(here.trace, here.position, column_in_focus(here)))
    ui.source(lens)


def _what_it_does_not_show() -> None:
    ui.note(
        "What the lens does not show: a layer may hold more than it can say. The output head was trained to read the last layer only, so "
        "a wrong word in an early row does not prove that the model does not know yet."
    )
