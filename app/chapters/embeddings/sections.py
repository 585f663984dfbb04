"""The parts of the embeddings page, each one question about the two tables and the token in focus."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app import interventions, palette, picture_files, ui, windows
from app.chapters.embeddings import checks, views
from app.charts import curves, grouped_bars, histogram, scatter_2d, strip
from app.components.map_canvas import token_map
from app.runtime import Here
from app.writing import markup
from app.writing.markup import NumberBar
from app.writing.numbers import fixed, percent, significant
from app.writing.worked import added, latex_number, latex_percent, worked
from gptcore import embeddings
from gptcore.checks import Check
from gptcore.model import GPTModel


def the_sum(here: Here) -> None:
    """Token row + position row = what enters, as strips."""
    found = views.entering(here.trace, here.position)
    figure = strip(
        [found.token_row, found.position_row, found.resid],
        row_names=("token row", "+ position row", "= sum"),
        title=f"{here.config.emb_dim:,} numbers for {markup.quoted(here.tokens[here.position])} at position {here.position}",
        mode=ui.mode(),
    )
    ui.chart(figure, name="embedding-sum", data=views.entering_frame(found))


def sum_maths(here: Here) -> None:
    """The sum in one dimension as a formula."""
    found = views.entering(here.trace, here.position)
    d = found.largest
    x = worked(lambda e, p: e + p, [float(found.token_row[d]), float(found.position_row[d])], float(found.resid[d]))
    ui.formula(
        rf"\begin{{gathered}} x_{{{d}}} = E_{{{here.ids[here.position]},\,{d}}} + P_{{{here.position},\,{d}}} \\"
        rf" {x.inputs[0]} {added(x.inputs[1])} {x.out} \end{{gathered}}"
    )
    ui.note(
        f"E is the table of {here.config.vocab_size:,} tokens, P the table of {here.config.context_length:,} positions, and dimension {d} "
        f"the one in which the sum is largest. The cosine between the two rows is {significant(found.cosine)}; at 0 they stand at "
        "right angles."
    )
    if found.is_patched:
        ui.note("This token's sum was put in from another text, so the two rows do not add up to it.")
    elif interventions.is_off(here.run.intervention, "position_embedding"):
        ui.note("The position embedding is off: the position's row is what stands in for it, the same for every token.")


def sum_checks(here: Here) -> None:
    """The sum once more, and the code."""
    ui.self_check(views.self_checks(views.entering(here.trace, here.position)))
    ui.source(GPTModel.embed)


def the_neighbours(here: Here) -> None:
    """The nearest tokens of the one in focus, against all others."""
    found = views.neighbours(here)[here.ids[here.position]]
    data = views.neighbour_frame(here, found)
    figure = grouped_bars(
        {"cosine": data["cosine"]},
        labels=list(data["token"]),
        title=f"The rows most like that of {markup.quoted(here.tokens[here.position])}",
        value_title="cosine",
        unit="",
        stages=("embeddings",),
        mode=ui.mode(),
    )
    ui.chart(figure, name="embedding-neighbours", data=data)
    away = (float(found.cosine[0]) - found.others_mean) / max(found.others_std, 1e-9)
    ui.note(
        "A cosine compares directions: 1 is the same, 0 a right angle. The mean of all other tokens is "
        f"{significant(found.others_mean)}; the longest bar is {fixed(away, 1)} standard deviations above it."
    )


def neighbour_maths(here: Here) -> None:
    """The cosine with the nearest token as a formula."""
    found, rows = _neighbour_rows(here)
    _cosine(f"E_{{{here.ids[here.position]}}},\\, E_{{{int(found.ids[0])}}}", rows[0], rows[1])
    ui.note(
        f"1 is the same direction. The mean cosine with all other tokens is {significant(found.others_mean)}, their standard "
        f"deviation {significant(found.others_std)}."
    )


def neighbour_checks(here: Here) -> None:
    """The cosines once more, and the code."""
    found, rows = _neighbour_rows(here)
    ui.self_check(checks.of_neighbours(rows[0], rows[1:], found))
    ui.source(embeddings.nearest_tokens)


def _neighbour_rows(here: Here) -> tuple[embeddings.Neighbours, np.ndarray]:
    """The nearest tokens of the one in focus; its row, and theirs."""
    found = views.neighbours(here)[here.ids[here.position]]
    return found, checks.token_rows(here.model, [here.ids[here.position], *found.ids])


def _cosine(what: str, first: np.ndarray, second: np.ndarray) -> None:
    """The cosine of two rows as a formula with its numbers; what: LaTeX that names them, such as "E_1, E_2"."""
    of = checks.angle(first, second)
    cosine = worked(lambda dot, a, b: dot / (a * b), [of.product, of.first, of.second], of.cosine)
    ui.formula(
        rf"\begin{{aligned}} \rule{{0pt}}{{1.9em}} \cos({what}) &= \frac{{\sum_i a_i b_i}}{{\lVert a \rVert \, \lVert b \rVert}} \\[1.1em] "
        rf"&= \frac{{{cosine.inputs[0]}}}{{{cosine.inputs[1]} \cdot {cosine.inputs[2]}}} \\[0.9em] &{cosine.out} \end{{aligned}}"
    )


def the_positions(here: Here) -> None:
    """Every position against every other, and the one in focus as a curve."""
    similarity = views.position_similarity(here.model.identity)
    row = similarity[here.position]
    left, right = st.columns([11, 9], gap="large")
    with left:
        ready = views.similarity_map(here.model.identity)
        file = partial(picture_files.of_map, ready, ui.mode())
        ui.figure_menu("position-similarities", lambda: views.similarity_frame(similarity), file)
        token_map(
            ready,
            key="position_similarity",
            row=here.position,
            row_of=similarity.__getitem__,
        )
    with right:
        figure = curves(
            {"cosine": row},
            range(len(row)),
            title=f"Position {here.position} and every position",
            x_title="position",
            value_title="cosine",
            stages=("embeddings",),
            mode=ui.mode(),
        )
        ui.chart(figure, name="position-similarity", data=pd.DataFrame({"position": range(len(row)), "cosine": row}))
    ui.note(
        "The whole table, whatever the text. Of all that enters the first block, only these rows say where a token stands. "
        "With itself each position has the cosine 1: the diagonal."
    )


def position_maths(here: Here) -> None:
    """The cosine of two neighbouring positions as a formula."""
    other = here.position - 1 if here.position else 1 % here.config.context_length
    rows = checks.position_rows(here.model, [here.position, other])
    _cosine(rf"P_{{{here.position}}},\, P_{{{other}}}", rows[0], rows[1])


def position_checks(here: Here) -> None:
    """The curve once more, and the code."""
    ui.self_check(checks.of_positions(here.model, here.position, views.position_similarity(here.model.identity)))
    ui.source(embeddings.position_similarity)


def the_lengths(here: Here) -> None:
    """How long rows are: of the text, of the vocabulary, of the positions."""
    data = _listed(here)[0]
    longest = float(data[["token_row", "position_row", "sum"]].to_numpy().max()) or 1.0
    colours = [palette.colour(stage, ui.mode()) for stage in ("tokens", "reference", "embeddings")]
    rows: list[list[str | NumberBar]] = [
        [
            f"{line.position} {markup.chip(line.token)}",
            *(
                NumberBar(significant(v), 0, v / longest, colour)
                for v, colour in zip((line.token_row, line.position_row, line.sum), colours, strict=True)
            ),
        ]
        for line in data.itertuples()
    ]
    lit = int((data["position"] == here.position).to_numpy().argmax())
    ui.figure_menu("embedding-lengths", data)
    ui.bars(["Position, token", "Token row", "Position row", "Sum"], rows, marked=lit)
    windows.ways(here, views.window(here))
    of_tokens, of_positions = views.lengths(here.model.identity)
    left, right = st.columns(2, gap="large")
    with left:
        counts, edges = views.length_histogram(of_tokens)
        figure = histogram(
            {"tokens": counts}, edges, title="All token rows", x_title="length", count_title="tokens", stages=("tokens",), mode=ui.mode()
        )  # fmt: skip
        ui.chart(figure, name="token-row-lengths", data=pd.DataFrame({"from": edges[:-1], "to": edges[1:], "tokens": counts}))
    with right:
        figure = curves(
            {"position row": of_positions}, range(len(of_positions)), title="All position rows", x_title="position",
            value_title="length", stages=("reference",), mode=ui.mode(),
        )  # fmt: skip
        ui.chart(
            figure, name="position-row-lengths", data=pd.DataFrame({"position": range(len(of_positions)), "length": of_positions})
        )


def _listed(here: Here) -> tuple[pd.DataFrame, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The lengths that are listed, and the vectors that have them, as from `views.rows_at`."""
    vectors = views.rows_at(here.trace, views.window(here))
    return views.lengths_in_text(here, vectors[2]), vectors


def length_maths(here: Here) -> None:
    """The length of the sum in focus as a formula."""
    data, vectors = _listed(here)
    x = vectors[2][data["position"].tolist().index(here.position)].astype(np.float64)
    squares = x**2
    length = worked(math.sqrt, [float(squares.sum())], math.sqrt(squares.sum()))
    rest = r" + \cdots" if len(x) > 2 else ""
    ui.formula(
        rf"\begin{{aligned}} \lVert x \rVert &= \sqrt{{\textstyle\sum_i x_i^2}} \\[0.4em] "
        rf"&= \sqrt{{{' + '.join(map(latex_number, squares[:2].tolist()))}{rest}}} \\[0.4em] "
        rf"&= \sqrt{{{length.inputs[0]}}} {length.out} \end{{aligned}}"
    )


def length_checks(here: Here) -> None:
    """All listed lengths again, and the code."""
    data, vectors = _listed(here)
    given = data[["token_row", "position_row", "sum"]].to_numpy().T.ravel()
    ui.self_check(checks.of_lengths(np.concatenate(vectors), given))
    ui.source(embeddings.lengths)


def the_plane(here: Here) -> None:
    """The tokens of the text and their neighbours in two dimensions."""
    drawn = views.plane(here)
    table = drawn.table
    figure = scatter_2d(
        table[["x", "y"]].to_numpy(),
        labels=list(table["token"]),
        title="Tokens of the text and their nearest neighbours",
        x_title=f"first direction, {percent(drawn.kept[0])} of the variance",
        y_title=f"second direction, {percent(drawn.kept[1])}",
        named=[f"{token} · id {i}" for token, i in zip(table["token"], table["token_id"], strict=True)],
        groups=list(table["group"]),
        stages={"in the text": "tokens", "neighbour": "embeddings"},
        highlight=0,  # the token in focus comes first
        mode=ui.mode(),
    )
    ui.chart(figure, name="embedding-plane", data=table)
    ui.note(
        f"Of all planes this one keeps most of the spread of these {len(table)} rows: {percent(sum(drawn.kept))} of their variance. The "
        f"other {percent(1 - sum(drawn.kept))} lies in directions that are not drawn, so points that seem close may be far apart."
        + (f" Other tokens of the text left out: {drawn.left_out}." if drawn.left_out else "")
    )


def plane_maths(here: Here) -> None:
    """The share of the variance that the plane keeps, as a formula."""
    drawn, kept, whole, _ = _checked_plane(here)
    share = worked(lambda kept, whole: kept / whole, [kept, whole], sum(drawn.kept), written=latex_percent)
    ui.formula(
        rf"\rule{{0pt}}{{1.9em}} \frac{{\sum x^2 + \sum y^2}}{{\sum \lVert E_t - \bar{{E}} \rVert^2}} "
        rf"= \frac{{{share.inputs[0]}}}{{{share.inputs[1]}}} {share.out}"
    )


def plane_checks(here: Here) -> None:
    """The share once more, and the code."""
    ui.self_check(_checked_plane(here)[3])
    ui.source(embeddings.project)


def _checked_plane(here: Here) -> tuple[views.Plane, float, float, Check]:
    drawn = views.plane(here)
    return drawn, *checks.of_plane(checks.token_rows(here.model, drawn.table["token_id"].tolist()), drawn)
