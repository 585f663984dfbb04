"""The part of the page of GPT-2 and GPT-3 on the time that training takes, as arithmetic."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app import choices, state, ui
from app.chapters.scale.sections import GPT3_TRAINING_TOKENS, models, sources
from app.charts.dots import log_dots
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import fixed, in_powers, significant
from app.writing.worked import worked
from gptcore import hardware as gpu
from gptcore import parameters
from gptcore.checks import Check
from gptcore.config import GPT3_175B

GPT3_PUBLISHED_FLOPS = 3.14e23  # Brown et al. 2020, table D.1


def time_controls(_: Here) -> None:
    """The speed of a card, and how many there are."""
    st.number_input("Operations per second (10¹²)", 1.0, 100_000.0, step=1.0, **state.choice(choices.TERAFLOPS))
    st.number_input("Cards", 1, 1_000_000, step=1, **state.choice(choices.CARDS))


def _speed() -> float:
    """Operations per second of all cards."""
    return float(state.chosen(choices.TERAFLOPS)) * 1e12 * int(state.chosen(choices.CARDS))


def training(here: Here) -> None:
    """How long each model would take with GPT-3's tokens, at the speed that was chosen."""
    speed = _speed()
    times = {model.title: gpu.training_flops(model.n_parameters, GPT3_TRAINING_TOKENS) for model in models(here).values()}
    years = [gpu.gpu_years(flops, speed) for flops in times.values()]
    figure = log_dots(
        {"time": pd.Series(years)},
        labels=list(times),
        title="Time to train each model on GPT-3's 300 billion tokens, at this speed",
        value_title="years",
        written=duration,
        stages=("feed_forward",),
        mode=ui.mode(),
    )
    ui.chart(
        figure,
        name="training_time",
        data=pd.DataFrame({"model": list(times), "operations": list(times.values()), "years": years}),
    )
    ui.note(
        "“355 years on one V100”, a graphics card of 2017, is often quoted for GPT-3. It is simple arithmetic. Each parameter takes part in "
        "about 6 operations for each training token: 2 forward, 4 backward."
    )


def time_in_numbers(here: Here) -> None:
    """GPT-3's training as arithmetic: operations, then years; the same of each model."""
    count = parameters.count_parameters(GPT3_175B)
    _training_formula(count, gpu.training_flops(count, GPT3_TRAINING_TOKENS), _speed())
    _every_training(here, _speed())
    published = choices.TERAFLOPS.default * 1e12
    ui.note(
        f"The paper rounds the operations to 3.14 · 10²³; at 28 · 10¹² per second that is "
        f"{fixed(gpu.gpu_years(GPT3_PUBLISHED_FLOPS, published), 1)} years of 365.25 days, hence 355. 28 is what a V100 can do at most in half "
        "precision without its tensor cores, a simple assumption: no real training keeps a card that busy, and with tensor cores a "
        "V100 is faster."
    )


def time_checks(_: Here) -> None:
    """The operations against the paper's; the code and the sources."""
    ui.self_check(gpt3_operations())
    ui.source(gpu.training_flops, gpu.gpu_years)
    sources("kaplan", "brown", "li")


def _training_formula(count: int, flops: float, speed: float) -> None:
    """Three steps, each from the printed end of the one before."""
    years = worked(lambda s: s / gpu.SECONDS_PER_YEAR, [flops / speed], gpu.gpu_years(flops, speed), written=_duration_tex)
    seconds = worked(lambda flops, speed: flops / speed, [flops, speed], flops / speed, digits=years.digits)
    operations = worked(lambda billions: 6 * billions * 1e9 * GPT3_TRAINING_TOKENS, [count / 1e9], flops, digits=seconds.digits)
    ui.formula(
        r"\begin{aligned}"
        rf"& 6 \cdot {operations.inputs[0]} \cdot 10^9 \cdot 300 \cdot 10^9 \\ "
        rf"&{operations.out} \text{{ operations}} \\[0.4em]"
        rf"& {seconds.inputs[0]} \,/\, ({seconds.inputs[1]} \text{{ a second}}) \\"
        rf"&{seconds.out} \text{{ seconds}} {years.out}"
        r"\end{aligned}"
    )


def _every_training(here: Here, speed: float) -> None:
    """How long each model would take with GPT-3's tokens, at the speed that was chosen."""
    rows = []
    for model in models(here).values():
        flops = gpu.training_flops(model.n_parameters, GPT3_TRAINING_TOKENS)
        rows.append([markup.escape_html(model.title), in_powers(flops), duration(gpu.gpu_years(flops, speed))])
    ui.table(["300 billion tokens", "Operations", "Time"], rows, numeric=(1, 2), marked=len(rows) - 1)


def gpt3_operations() -> Check:
    """Six for each parameter and token against the paper's own number."""
    ours = gpu.training_flops(parameters.count_parameters(GPT3_175B), GPT3_TRAINING_TOKENS)
    apart = abs(ours - GPT3_PUBLISHED_FLOPS) / GPT3_PUBLISHED_FLOPS
    description = (
        f"6 operations a parameter and token give {significant(ours, 4)}; the paper says 3.14E+23. Deviation as a share of that."
    )
    return Check("3.14 · 10²³ operations, as published", description, apart, 1e-2)


def duration(years: float) -> str:
    """A time as one says it: years, days, hours or minutes."""
    if years >= 1:
        return f"{fixed(years, 1)} years"
    days = years * 365.25
    if days >= 1:
        return f"{fixed(days, 1)} days"
    return f"{fixed(24 * days, 1)} hours" if 24 * days >= 1 else f"{fixed(24 * 60 * days, 1)} minutes"


def _duration_tex(years: float) -> str:
    number, unit = duration(years).replace(",", "{,}").split(" ")
    return rf"{number} \text{{ {unit}}}"
