"""The parts of the LayerNorm page that show the model in view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.layer_norm import views
from app.chapters.layer_norm.views import SITES
from app.charts import Figure, grouped_bars, histogram, line_over_layers
from app.distribution import Distribution, distribution
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import counted, significant
from app.writing.worked import added, bracketed, worked
from gptcore.activations import LayerNormActivations
from gptcore.model import LayerNorm
from gptcore.trace import Site

DEPTH_WINDOW = 32  # tokens whose way through all layers is averaged


@dataclass(frozen=True)
class Looked:
    """Which LayerNorm is looked at, and at which tokens. one: at the cursor; found: at the tokens drawn; token: the cursor's, named."""

    one: LayerNormActivations
    found: LayerNormActivations
    token: str


def looked(here: Here) -> Looked:
    """What the visitor chose: one LayerNorm of one layer, at the cursor or over the newest tokens."""
    site, all_tokens = chosen_site(), of_all_tokens(here)
    layer = None if site == "final" else here.layer
    token = f"{markup.quoted(here.tokens[here.position])} at position {here.position}"
    one = found = here.trace.layer_norm(layer, site, (here.position,))
    if all_tokens:
        found = here.trace.layer_norm(layer, site, looked_at(here))
    return Looked(one, found, token)


def looked_at(here: Here) -> Sequence[int]:
    """The positions that are drawn: the cursor's, or the newest."""
    return range(_first(here), len(here.ids)) if of_all_tokens(here) else (here.position,)


def _first(here: Here) -> int:
    return max(0, len(here.ids) - views.WINDOW)


def chosen_site() -> Site:
    """Which of a block's two LayerNorms, or the final one."""
    return cast(Site, state.chosen(choices.LAYER_NORM_SITE))


def of_all_tokens(here: Here) -> bool:
    """Whether the newest tokens are drawn together."""
    return state.chosen(choices.LAYER_NORM_TOKENS) == "all" and len(here.ids) > 1


def place(here: Here) -> str:
    """Which LayerNorm, in words."""
    site = chosen_site()
    return SITES[site].capitalize() if site == "final" else f"Layer {here.layer}, {SITES[site]}"


def one_token(here: Here) -> None:
    """Before, normalised, after."""
    before_and_after(looked(here).found)
    _said(here)


def stand_out(here: Here) -> None:
    """The dimensions farthest from the mean."""
    outlier_dimensions(looked(here).found)
    _said(here)


def _said(here: Here) -> None:
    """Where, and of which tokens."""
    first, n_tokens = _first(here), len(here.ids)
    if not of_all_tokens(here):
        ui.note(f"{place(here)}, token {looked(here).token}. Choose another in the text above.")
        return
    which = f"the newest {n_tokens - first} of {n_tokens:,} tokens." if first else f"all {n_tokens} tokens."
    away = f" The token of the formula, at position {here.position}, is not among them." if here.position < first else ""
    ui.note(f"{place(here)}, {which}{away}")


def in_numbers(here: Here) -> None:
    """The formula, and why the variance is not quite 1."""
    outliers_in_numbers(here)
    variance_after(looked(here).one)


def outliers_in_numbers(here: Here) -> None:
    """The formula at the dimension farthest from the mean."""
    seen = looked(here)
    formula(seen.one, seen.token)


def checks(here: Here) -> None:
    """The formula again in float64; the code."""
    ui.self_check(views.self_checks(looked(here).found))
    ui.source(LayerNorm)


def before_and_after(found: LayerNormActivations) -> None:
    """Three histograms; the last two share their axis, the first is often many times wider. Then the numbers."""
    both = distribution({"normalised": found.normalized, "after scale and shift": found.after})
    pictures = (
        ("Before", distribution({"before": found.before}), "before", "residual"),
        ("Mean 0, variance 1", both, "normalised", "layer_norm"),
        ("After scale and shift", both, "after scale and shift", "layer_norm"),
    )
    figures: list[Figure] = []
    ui.figure_menu("layer-norm", lambda: pd.concat([pictures[0][1].frame(), both.frame()], ignore_index=True), lambda: figures)
    for column, (title, drawn, name, stage) in zip(st.columns(3), pictures, strict=True):
        figure = histogram(
            {name: drawn.counts[name]},
            drawn.edges,
            title=title,
            x_title="value",
            count_title="dimensions" if len(found.before) == 1 else "numbers",
            stages=(stage,),
            mode=ui.mode(),
        )
        with column:
            ui.draw(figure, name=f"layer-norm-{name.replace(' ', '-')}")
        figures.append(figure)
    ui.note(left_out(found, pictures[0][1], both))
    rows = [
        [str(station), *(significant(float(v)) for v in values)]
        for station, *values in views.statistics(found).itertuples(index=False, name=None)
    ]
    columns = ["This token", "Mean", "Variance", "Smallest", "Largest"]
    if (n_tokens := len(found.before)) > 1:
        columns = [f"{n_tokens} tokens", "Mean of means", "Mean of variances", "Smallest of all", "Largest of all"]
    ui.table(columns, rows, numeric=(1, 2, 3, 4))


def left_out(found: LayerNormActivations, before: Distribution, after: Distribution) -> str:
    """What the plots do not show; and what the standard deviation would be without it, where that is why it looks smaller in them."""
    values, (low, high) = found.normalized, after.edges[[0, -1]]
    inside = values[(values >= low) & (values <= high)]
    if not (missing := values.size - inside.size):
        outside = before.outside + after.outside
        lie = "value lies" if outside == 1 else "values lie"
        return f"{outside or 'No'} {lie} outside the plots; the table has the smallest and the largest."
    spread = float(inside.std(dtype=np.float64)) if inside.size else 0.0
    farthest = float(values.flat[int(np.abs(values).argmax())])
    return (
        f"The plots show the middle. The second leaves out {missing} of {counted(values.size, 'number')}, as far off as "
        f"{significant(farthest)}; the others alone would have a standard deviation of {significant(spread)}. "
        "The table has the smallest and the largest."
    )


def outlier_dimensions(found: LayerNormActivations) -> None:
    """The dimensions farthest from the mean, by name, and whether that is far."""
    count, far = views.far_dimensions(found), f"{significant(views.FAR)} standard deviations"
    n_tokens, width = found.before.shape
    farthest = views.outliers(found)
    figure = grouped_bars(
        {"distance": farthest["normalized"].abs()},
        labels=[f"dimension {dimension}" for dimension in farthest["dimension"]],
        title="The dimensions farthest from the mean",
        value_title="distance from the mean, in standard deviations",
        unit="",
        label_title="",
        stages=("layer_norm",),
        mode=ui.mode(),
    )
    ui.chart(figure, name="layer-norm-outliers", data=farthest)
    means = f" The columns Before, Standard deviations and After are means over these {n_tokens} tokens." if n_tokens > 1 else ""
    said = (
        f"{count} of {width:,} dimensions {'lies' if count == 1 else 'lie'} more than {far} from the mean. "
        "In a bell curve of this size there would be none."
        if count
        else f"No dimension lies more than {far} from the mean. These are the farthest."
    )
    ui.note(said + means)
    rows = [
        [str(dimension), *(significant(float(v)) for v in values)]
        for dimension, *values in farthest.itertuples(index=False, name=None)
    ]
    ui.table(["Dimension", "Before", "Standard deviations", "Scale", "Shift", "After"], rows, numeric=tuple(range(6)))


def formula(found: LayerNormActivations, token: str) -> None:
    """LayerNorm of the farthest dimension of one token, with the numbers put in. token: which one it is."""
    st.header(f"The formula, with the numbers of token {markup.escape_markdown(token)}", anchor=False)
    dimension = int(np.abs(found.normalized[0]).argmax())
    x, scale, shift = (float(v) for v in (found.before[0, dimension], found.scale[dimension], found.shift[dimension]))
    y = worked(
        lambda x, mean, var, eps, scale, shift: (x - mean) / math.sqrt(var + eps) * scale + shift,
        [x, float(found.mean[0]), float(found.var[0]), found.eps, scale, shift],
        float(found.after[0, dimension]),
    )
    x_tex, mean, var, eps, scale_tex, shift_tex = y.inputs
    ui.formula(
        ui.latex_lines(
            r"y_i &= \frac{x_i - \text{mean}}{\sqrt{\text{var} + \varepsilon}} \cdot \text{scale}_i + \text{shift}_i",
            rf"y_{{{dimension}}} &= \frac{{{x_tex} - {bracketed(mean)}}}{{\sqrt{{{var} + {eps}}}}}",
            rf"&\quad \cdot {bracketed(scale_tex)} {added(shift_tex)} {y.out}",
        )
    )


def variance_after(found: LayerNormActivations) -> None:
    """Why the variance of the first token's normalised numbers is not quite 1."""
    var = float(found.var[0])
    missing = worked(lambda var, eps: eps / (var + eps), [var, found.eps], found.eps / (var + found.eps))
    var_tex, eps = missing.inputs
    ui.formula(
        ui.latex_lines(
            r"\text{var after} &= \frac{\text{var}}{\text{var} + \varepsilon} = 1 - \frac{\varepsilon}{\text{var} + \varepsilon}",
            rf"&= 1 - \frac{{{eps}}}{{{var_tex} + {eps}}}",
            f"&{missing.relation} 1 - {missing.result}",
        )
    )
    ui.note(
        "Epsilon, ε, keeps the root away from zero. It makes the variance after a little less than 1: by very little where the variance "
        "before is large, visibly where the numbers are small. Scale and shift are learned, one of each for every dimension."
    )


def followed_positions(here: Here) -> Sequence[int]:
    """The tokens whose way through the layers is drawn."""
    n_tokens = len(here.ids)
    return range(max(0, n_tokens - DEPTH_WINDOW), n_tokens) if of_all_tokens(here) else (here.position,)


def over_depth(here: Here) -> None:
    """Standard deviation and mean over the layers, before and after: of the token at the cursor, or of the newest together."""
    n_tokens, followed = len(here.ids), followed_positions(here)
    site = chosen_site()
    data = views.over_depth(views.along_depth(here.trace, site, followed))
    figures: list[Figure] = []
    ui.figure_menu("layer-norm-over-depth", data, lambda: figures)
    for what in ("spread", "mean"):
        log = what == "spread"
        drawn = data.replace(0.0, np.nan) if log else data  # a logarithmic axis has no place for 0
        figure = line_over_layers(
            {"before LayerNorm": drawn[f"{what}_before"], "after": drawn[f"{what}_after"]},
            title=f"{'Standard deviation' if log else 'Mean'} of a token's numbers",
            value_title="standard deviation" if log else "mean",
            stages=("residual", "layer_norm"),
            layer_names=list(data["layer"]),
            log_y=log,
            mode=ui.mode(),
        )
        ui.draw(figure, name=f"layer-norm-{what}-over-depth")
        figures.append(figure)
    if of_all_tokens(here):
        whose = f"Means over {'all' if len(followed) == n_tokens else 'the newest'} {len(followed)} tokens."
    else:
        whose = (
            f"Token {markup.quoted(here.tokens[here.position])} at position {here.position}. Choose another in the text above."
        )
    ui.note(f"{views.followed(site)} {whose}")


def depth_in_numbers(here: Here) -> None:
    """The standard deviation before the final LayerNorm."""
    followed = followed_positions(here)
    places = views.along_depth(here.trace, chosen_site(), followed)
    st.header("The formula, before the final LayerNorm", anchor=False)
    spread_at(places[-1], f"Token {markup.quoted(here.tokens[followed[-1]])} at position {followed[-1]}")


def depth_checks(here: Here) -> None:
    """The formula again at every layer; the code."""
    ui.self_check(views.self_checks(*views.along_depth(here.trace, chosen_site(), followed_positions(here))))
    ui.source(LayerNorm)


def spread_at(found: LayerNormActivations, whose: str) -> None:
    """The standard deviation at a place's last token, with its numbers put in."""
    var = float(found.var[-1])
    spread = worked(math.sqrt, [var], math.sqrt(var))
    divisor = worked(lambda var, eps: math.sqrt(var + eps), [var, found.eps], math.sqrt(var + found.eps))
    ui.formula(
        ui.latex_lines(
            r"\text{std} &= \sqrt{\tfrac{1}{E} \textstyle\sum_i (x_i - \text{mean})^2}",
            rf"&= \sqrt{{\text{{var}}}} = \sqrt{{{spread.inputs[0]}}} {spread.out}",
            r"\text{divisor} &= \sqrt{\text{var} + \varepsilon}",
            rf"&= \sqrt{{{divisor.inputs[0]} + {divisor.inputs[1]}}} {divisor.out}",
        )
    )
    ui.note(
        f"{whose}; E = {found.before.shape[1]:,} dimensions. The divisor is what LayerNorm divides by, however large the "
        "standard deviation has grown. Epsilon, ε, keeps it away from zero."
    )
