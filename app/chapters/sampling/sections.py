"""The parts of the sampling page that show a distribution: two settings, many draws, choices left over temperature."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.sampling import controls, views
from app.chapters.sampling.controls import first_settings, second_settings
from app.chapters.sampling.views import Given
from app.charts import VerticalLine, curves, grouped_bars
from app.components import two_settings as bench
from app.writing import markup
from app.writing.numbers import fixed, percent, significant
from app.writing.worked import entropy_terms, latex_number, worked
from gptcore.random_numbers import random_number
from gptcore.sampling import Selection, select


def _selections(given: Given) -> tuple[Selection, Selection]:
    """What either setting makes of the logits."""
    first, second = (select(given.candidates, settings, given.position) for settings in (first_settings(), second_settings()))
    return first, second


def two_settings(given: Given) -> None:
    """Both settings with what they leave and what they draw from, which follow the hand."""
    first, second = _selections(given)
    _side_by_side(first, second, given)


def two_settings_checks(given: Given) -> None:
    """What is kept and cut, added up; the published figures where it is their example; the code."""
    ui.self_check(views.mass_checks(_selections(given)[1]) + (views.published_checks() if given.published else []))
    ui.source(select, random_number)


def _text(rank: int, given: Given) -> str:
    return f"“{given.texts[rank]}”" if rank < len(given.texts) else f"the token of rank {rank + 1:,}"


def _side_by_side(first: Selection, second: Selection, given: Given) -> None:
    """The probabilities that either setting draws from, between the sliders of both."""
    data = views.shortlist(first, second, given.texts)
    labels = data["token"].tolist()
    figure = grouped_bars(
        {"setting A": data["first"], "setting B": data["second"]},
        labels=labels,
        title="The probabilities that one token is drawn from",
        value_title="probability after all cuts",
        unit="%",
        stages=("reference", "probability"),
        row_height=37,  # the whole figure in sight together with the sliders
        mode=ui.mode(),
    )
    ui.figure_menu("two-settings", data, [figure])
    bench.two_settings(
        (first, second),
        figure,
        key="two_settings",
        name="two-settings",
        labels=labels,
        headings=controls.HEADINGS,
        on_let_go=(controls.take_first, controls.take_second),
    )
    size = len(first.token_ids)
    ui.note(
        f"Drawn are the {len(labels)} likeliest. Every stage runs over all {size:,} tokens of the vocabulary."
        if size > len(labels)
        else f"Drawn are all {size}."
    )


def formula(given: Given) -> None:
    """From the logit of the drawn token to its probability, with its numbers."""
    choice = _selections(given)[1]
    temperature, rank = choice.settings.temperature, choice.chosen_rank
    word, of = _text(rank, given), "drawn by setting B"
    if temperature == 0:
        ui.formula(
            rf"T = 0: \quad p_{{\text{{best}}}} = 1, \quad \text{{largest logit}} = {latex_number(float(choice.logits[0]))}"
        )
        ui.note(f"At temperature 0 nothing is divided: the largest logit, that of {word}, takes everything.")
        return
    below = float(choice.logits[rank] - choice.logits[0])
    weight, total = math.exp(below / temperature), 1 / float(choice.probs[0])
    p, kept = float(choice.probs[rank]), choice.stages[-1].mass_kept
    last = worked(lambda p, kept: p / kept, [p, kept], choice.chosen_prob)
    share = worked(lambda weight, total: weight / total, [weight, total], p, digits=last.digits)
    power = worked(lambda below, t: math.exp(below / t), [below, temperature], weight, digits=share.digits)
    divided = rf"\frac{{e^{{{power.inputs[0]} / {power.inputs[1]}}}}}{{{share.inputs[1]}}}"
    ui.formula(
        ui.latex_lines(
            r"p_i &= \frac{e^{(z_i - z_{\max})/T}}{\sum_j e^{(z_j - z_{\max})/T}}",
            rf"&= {divided} {power.relation} \frac{{{share.inputs[0]}}}{{{share.inputs[1]}}}",
            f"&{share.out}",
            rf"\text{{after the cuts}} &= \frac{{{share.result}}}{{{last.inputs[1]}}} {last.out}",
        )
    )
    ui.note(
        f"For {word}, {of}. Its logit z is {significant(float(choice.logits[rank]))}, the largest one "
        f"{significant(float(choice.logits[0]))}. Taking the largest away from all changes no probability and keeps the numbers "
        f"small. Under the last line stands what the cuts left of the whole: {percent(kept)}."
    )


def draws_controls(given: Given) -> None:
    """How many draws, with which setting and seed."""
    counts = ["10", "100", "1000", "10000"]
    with st.container(horizontal=True, gap="large", key="sampling_draws"):
        st.segmented_control(
            "Number of draws", counts, format_func=lambda n: f"{int(n):,}", required=True, **state.choice(choices.SAMPLING_DRAWS)
        )
        st.number_input("Seed", 0, state.MAX_SEED, step=1, width=200, **state.widget("seed"))
    controls.second_sliders(len(given.candidates.order), heading=controls.ALONE)


def _draws(given: Given) -> tuple[Selection, int, np.ndarray, pd.DataFrame]:
    """The second setting's choice, how many draws of it, the ranks that came out, and their table."""
    choice, count = select(given.candidates, second_settings(), given.position), int(state.chosen(choices.SAMPLING_DRAWS))
    ranks = views.draws(choice, count)
    return choice, count, ranks, views.draw_table(choice, ranks, given.texts)


def many_draws(given: Given) -> None:
    """Draws of the second setting against its exact probabilities."""
    _, count, _, data = _draws(given)
    figure = grouped_bars(
        {"exact": data["exact"], "drawn": data["drawn"]},
        labels=data["token"].tolist(),
        title=f"{count:,} draws against the exact probabilities",
        value_title="share of the draws",
        unit="%",
        stages=("reference", "probability"),
        errors=1.96 * data["error"],  # where the share should end up 19 times in 20
        mode=ui.mode(),
    )
    ui.chart(figure, name="draws", data=data)
    rows = [
        [markup.chip(line.token), percent(line.exact), f"{line.count:,}", percent(line.drawn),
         f"± {significant(100 * line.error, 2)} %", fixed(line.errors_off, 1)]
        for line in data.itertuples()
    ]  # fmt: skip
    ui.table(["Token", "Exact", "Times", "Drawn", "Error", "Off by, in errors"], rows, numeric=(1, 2, 3, 4, 5))


def error_formula(given: Given) -> None:
    """What share of the draws to expect of the likeliest token, and how far off."""
    choice, count, _, data = _draws(given)
    _about_the_error(choice, count, int((data["errors_off"].abs() <= 1.96).sum()), len(data))


def draws_checks(given: Given) -> None:
    """The first draws, made again; the code."""
    choice, _, ranks, _ = _draws(given)
    ui.self_check(views.draw_check(choice, ranks, given))
    ui.source(select, random_number)


def _about_the_error(choice: Selection, count: int, near: int, shown: int) -> None:
    """What share of the draws to expect of the likeliest token, and how far off; near: shares of those shown within 1.96 errors."""
    p = float(choice.final_probs[0])
    error = worked(lambda p, other: math.sqrt(p * other / count), [p, 1 - p], math.sqrt(max(0.0, p * (1 - p)) / count))
    ui.formula(
        r"\begin{aligned} \text{error} &= \sqrt{\frac{p\,(1 - p)}{n}} \\[0.6em]"
        rf"&= \sqrt{{\frac{{{error.inputs[0]} \cdot {error.inputs[1]}}}{{{count}}}}} {error.out}"
        r"\end{aligned}"
    )
    ui.note(
        "The error to expect of a share, here that of the likeliest token; the last column of the table counts in such errors. "
        f"{near} of {shown} {'share lies' if shown == 1 else 'shares lie'} within the whiskers of 1.96 errors; in the long run "
        "19 of 20 do. A hundred times as many draws make the error ten times smaller. Each draw uses the random number that this seed "
        "has for one position, 0, 1, 2 and so on."
    )


def both_temperatures(given: Given) -> None:
    """The temperature of either setting."""
    controls.first_sliders(len(given.candidates.order), ["temperature"])
    controls.second_sliders(len(given.candidates.order), ["temperature"])


def choices_left(given: Given) -> None:
    """Entropy and effective number of choices over temperature, with both settings marked."""
    first, second = _selections(given)
    _over_temperature("choices", first, second, given)
    ui.note("Before any cut. Dashed: the temperature of setting A; dotted: that of setting B.")
    _over_temperature("entropy", first, second, given)
    _before_and_after(first, second)


def choices_checks(given: Given) -> None:
    """The curve's formula against the sum over all tokens, at both temperatures; the code."""
    ui.self_check([views.entropy_check(choice, given) for choice in _selections(given)])
    ui.source(select)


def _over_temperature(name: str, first: Selection, second: Selection, given: Given) -> None:
    data = views.uncertainty_of(given)
    figure = curves(
        {name: data[name]},
        data["temperature"],
        title="Entropy" if name == "entropy" else "Effective number of choices",
        x_title="temperature",
        value_title=name,
        unit="bits" if name == "entropy" else "tokens",
        stages=("probability",),
        log_y=name == "choices",
        vertical_lines=[
            VerticalLine(first.settings.temperature, "reference", "dash", 1.5),
            VerticalLine(second.settings.temperature, "probability", "dot", 1.5),
        ],
        mode=ui.mode(),
    )
    ui.chart(figure, name=f"temperature-{name}", data=data)


def _before_and_after(first: Selection, second: Selection) -> None:
    rows = [
        [name, significant(choice.settings.temperature), fixed(choice.entropy, 2), significant(choice.choices),
         fixed(choice.final_entropy, 2), significant(choice.final_choices)]
        for name, choice in (("Setting A", first), ("Setting B", second))
    ]  # fmt: skip
    heads = ["", "Temperature", "Entropy, bits", "Choices", "Entropy after the cuts", "Choices after the cuts"]
    ui.table(heads, rows, numeric=(1, 2, 3, 4, 5))


def entropy_formula(given: Given) -> None:
    """The entropy of setting B's temperature, and the effective number of choices, with their numbers."""
    choice = _selections(given)[1]
    power = worked(lambda bits: 2**bits, [choice.entropy], choice.choices)
    terms, relation = entropy_terms(choice.probs[choice.probs > 0].tolist(), choice.entropy, power.digits)
    ui.formula(
        rf"\begin{{aligned}} H &= -\textstyle\sum_i p_i \log_2 p_i \\[0.4em] &= {terms} \\[0.4em]"
        rf"&{relation} {power.inputs[0]} \text{{ bits}} \\[0.4em]"
        rf"2^H &= 2^{{{power.inputs[0]}}} {power.out} \text{{ {'choice' if power.result == '1' else 'choices'}}} \end{{aligned}}"
    )
    ui.note(
        "For setting B, over all tokens. That many equally likely tokens would be equally uncertain: that is the effective number of "
        "choices."
    )
