"""The parts of the sampling page: two settings, many draws, uncertainty over temperature, greedy text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import markup, sampling_views, state, ui
from app.charts import colour, curves, grouped_bars
from app.runtime import Here
from app.sampling_views import Given
from gptcore.sampling import SamplingSettings, Selection, select

_OFFERED: dict[str, tuple[Any, ...]] = {
    "temperature": (0.0, *(round(0.1 * i, 1) for i in range(1, 21)), 2.5, 3.0, 4.0, 5.0),
    "top_k": (1, 2, 3, 5, 10, 20, 40, 50, 100, 200, 500, 1000, None),
    "top_p": tuple(round(0.05 * i, 2) for i in range(1, 21)),
    "min_p": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0),
}
_NAMES = {"temperature": "Temperature", "top_k": "Top-k", "top_p": "Top-p", "min_p": "Min-p", "greedy": "Greedy"}
_MODELS_OWN = {"temperature": 1.0, "top_k": None, "top_p": 1.0, "min_p": 0.0}


def two_settings(here: Here, given: Given) -> tuple[Selection, Selection]:
    """Two columns, each with its sliders and what its stages leave: the first belongs to this page, the second is the setting of
    the whole app and of its links."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("First setting", anchor=False)
        own = _sliders(lambda name: {"value": _MODELS_OWN[name], "key": f"first_{name}", "persist_state": "session"}, here)
        first = select(given.candidates, SamplingSettings(**own, seed=here.view.seed), given.position)
        _stages(first, given)
    with right:
        st.subheader("Second setting, also used on Generate", anchor=False)
        shared = _sliders(state.widget, here)
        second = select(given.candidates, SamplingSettings(**shared, seed=here.view.seed), given.position)
        _stages(second, given)
    return first, second


def _sliders(tied: Callable[[str], dict[str, Any]], here: Here) -> dict[str, Any]:
    """The four, two and two; tied(name): what ties a slider to its value."""
    columns = [*st.columns(2), *st.columns(2)]
    found = {}
    for column, name in zip(columns, _MODELS_OWN, strict=True):
        with column:
            found[name] = _slider(name, getattr(here.view, name), **tied(name))
    return found


def _slider(name: str, current: Any, **arguments: Any) -> Any:
    """One setting, over the values worth trying; one that a link brought is among them."""
    offered = {*_OFFERED[name], current}
    options = sorted(offered, key=lambda value: float("inf") if value is None else value)

    def written(value: Any) -> str:
        if name == "temperature":
            return "0, greedy" if value == 0 else f"{value:g}"
        off = {"top_k": None, "top_p": 1.0, "min_p": 0.0}[name]
        return "no cut" if value == off else f"{value:,}" if name == "top_k" else f"{value:g}"

    return st.select_slider(_NAMES[name], options, format_func=written, **arguments)


def side_by_side(first: Selection, second: Selection, given: Given) -> None:
    """The probabilities that either setting draws from."""
    data = sampling_views.shortlist(first, second, given.texts)
    labels = data["token"].tolist()
    figure = grouped_bars(
        {"first setting": data["first"], "second setting": data["second"]},
        labels=labels,
        title="The probabilities that one token is drawn from",
        value_title="probability after all cuts",
        unit="%",
        stages=("reference", "probability"),
        mode=ui.mode(),
    )
    ui.chart(figure, name="two-settings", data=data)
    size = len(first.token_ids)
    if size > len(labels):
        ui.note(f"Drawn are the {len(labels)} likeliest. Every stage runs over all {size:,} tokens of the vocabulary.")


def _stages(choice: Selection, given: Given) -> None:
    settings = choice.settings
    values = {
        "temperature": f"{settings.temperature:g}",
        "greedy": "",
        "top_k": "no cut" if settings.top_k is None else f"{settings.top_k:,}",
        "top_p": "no cut" if settings.top_p == 1 else f"{settings.top_p:g}",
        "min_p": "no cut" if settings.min_p == 0 else f"{settings.min_p:g}",
    }
    rows = [
        [_NAMES[stage.name], values[stage.name], f"{stage.kept:,}", markup.percent(stage.mass_cut)] for stage in choice.stages
    ]
    ui.table(["Stage", "Set to", "Tokens left", "Probability cut"], rows, numeric=(1, 2, 3))
    ui.note(
        f"Entropy {choice.entropy:.2f} bits after temperature, {choice.final_entropy:.2f} after the cuts: as uncertain as a fair choice "
        f"among {markup.significant(choice.final_choices)}. Random number {choice.u:.3f} draws {_text(choice.chosen_rank, given)}."
    )


def _text(rank: int, given: Given) -> str:
    return f"“{given.texts[rank]}”" if rank < len(given.texts) else f"the token of rank {rank + 1:,}"


def formula(choice: Selection, given: Given) -> None:
    """From the logit of the drawn token to its probability, with its numbers."""
    n, temperature, rank = ui.latex_number, choice.settings.temperature, choice.chosen_rank
    word, of = _text(rank, given), "drawn by the second setting"
    if temperature == 0:
        ui.formula(rf"T = 0: \quad p_{{\text{{best}}}} = 1, \quad \text{{largest logit}} = {n(float(choice.logits[0]))}")
        ui.note(f"At temperature 0 nothing is divided: the largest logit, that of {word}, takes everything.")
        return
    below = float(choice.logits[rank] - choice.logits[0])
    weight, total = np.exp(below / temperature), 1 / float(choice.probs[0])
    kept = choice.stages[-1].mass_kept
    ui.formula(
        rf"""\begin{{aligned}}
        p_i &= \frac{{e^{{(z_i - z_{{\max}})/T}}}}{{\sum_j e^{{(z_j - z_{{\max}})/T}}}} \\
        &= \frac{{e^{{{n(below)} / {n(temperature)}}}}}{{{n(total, 4)}}} = \frac{{{n(float(weight), 4)}}}{{{n(total, 4)}}}
        = {n(float(choice.probs[rank]), 4)} \\
        \text{{after the cuts}} &= \frac{{{n(float(choice.probs[rank]), 4)}}}{{{n(kept, 4)}}} = {n(choice.chosen_prob, 4)}
        \end{{aligned}}"""
    )
    ui.note(
        f"For {word}, {of}. Its logit z is {markup.significant(float(choice.logits[rank]))}, the largest one "
        f"{markup.significant(float(choice.logits[0]))}. Taking the largest away from all changes no probability and keeps the numbers "
        f"small. Under the last line stands what the cuts left of the whole: {markup.percent(kept)}."
    )


def many_draws(choice: Selection, given: Given) -> np.ndarray:
    """Draws of the second setting against its exact probabilities; returns the ranks that came out."""
    left, right = st.columns(2, gap="large")
    count = left.select_slider(
        "Number of draws",
        [10, 100, 1000, 10_000],
        value=1000,
        format_func=lambda n: f"{n:,}",
        key="draw_count",
        persist_state="session",
    )
    right.number_input("Seed", 0, state.MAX_SEED, step=1, **state.widget("seed"))
    ranks = sampling_views.draws(choice, count)
    data = sampling_views.draw_table(choice, ranks, given.texts)
    figure = grouped_bars(
        {"exact": data["exact"], "drawn": data["drawn"]},
        labels=data["token"].tolist(),
        title=f"{count:,} draws against the exact probabilities",
        value_title="share of the draws",
        unit="%",
        stages=("reference", "probability"),
        mode=ui.mode(),
    )
    # Where the share should end up 19 times in 20; the bar's own number would lie under it.
    bars = {
        "type": "data",
        "array": (1.96 * data["error"]).to_numpy(),
        "color": colour("residual", ui.mode()),
        "thickness": 1.5,
        "width": 4,
    }
    figure.update_traces(error_x=bars, textposition="none", selector={"name": "exact"})
    left, right = st.columns([5, 4], gap="large")
    with left:
        ui.chart(figure, name="draws", data=data)
    with right:
        rows = [
            [markup.chip(line.token), markup.percent(line.exact), f"{line.count:,}", markup.percent(line.drawn),
             f"± {100 * line.error:.1f} %", f"{line.errors_off:+.1f}".replace("-", "−")]
            for line in data.itertuples()
        ]  # fmt: skip
        ui.table(["Token", "Exact", "Times", "Drawn", "Error", "Off by"], rows, numeric=(1, 2, 3, 4, 5))
    near = int((data["errors_off"].abs() <= 1.96).sum())
    ui.note(
        "The error is the one to expect of a share of n draws, √(p (1 − p) / n); “off by” counts in such errors. "
        f"{near} of {len(data)} shares lie within the whiskers of 1.96 errors; in the long run 19 of 20 do. A hundred times as many draws "
        "make the error ten times smaller. Each draw uses the random number that this seed has for one position, 0, 1, 2 and so on."
    )
    return ranks


def uncertainty(first: Selection, second: Selection, given: Given) -> None:
    """Entropy and effective number of choices over temperature, with both settings marked."""
    data = sampling_views.uncertainty(given.candidates.logits)
    pictures = (
        ("entropy", "Entropy", "entropy", "bits"),
        ("choices", "Effective number of choices", "choices", "tokens"),
    )
    for column, (name, title, value_title, unit) in zip(st.columns(2, gap="large"), pictures, strict=True):
        figure = curves(
            {value_title: data[name]},
            data["temperature"],
            title=title,
            x_title="temperature",
            value_title=value_title,
            unit=unit,
            stages=("probability",),
            mode=ui.mode(),
        )
        if name == "choices":
            figure.update_yaxes(type="log", title=f"{value_title} ({unit}), logarithmic", **_log_ticks(float(data[name].max())))
        for choice, stage, dash in ((first, "reference", "dash"), (second, "probability", "dot")):
            if data["temperature"].iloc[0] <= choice.settings.temperature <= data["temperature"].iloc[-1]:
                figure.add_vline(
                    choice.settings.temperature, line={"color": colour(stage, ui.mode()), "width": 1.5, "dash": dash}
                )
        with column:
            ui.chart(figure, name=f"temperature-{name}", data=data)
    ui.note(
        "Before any cut. Dashed: the temperature of the first setting; dotted: of the second. The effective number of choices is 2 to the "
        "power of the entropy: so many equally likely tokens would be as uncertain."
    )


def _log_ticks(top: float) -> dict[str, list[Any]]:
    """1, 10, 100, ...; on a short axis 2 and 5 in between."""
    steps = (1, 10) if top >= 200 else (1, 2, 5, 10)
    values = sorted({step * 10**power for power in range(6) for step in steps})
    return {"tickvals": values, "ticktext": [f"{value:,}" for value in values]}


@st.fragment
def greedy(here: Here, settings: SamplingSettings) -> None:
    """The text that always takes the best token, beside one drawn by the second setting; made when asked for, while the rest of
    the page stays as it is."""
    if len(here.ids) >= here.config.context_length:
        ui.note(
            "The sequence fills the context, so there is no place for another token. Go back some steps to see a greedy text."
        )
        return
    asked = (here.view.model, here.ids, settings)
    if state.remembered("greedy_asked", None) != asked:
        st.button(
            f"Write {sampling_views.WRITTEN} tokens both ways", icon=":material/edit_note:", on_click=state.remember,
            args=("greedy_asked", asked), key="write_greedy",
        )  # fmt: skip
        return
    with st.spinner("Writing …", show_time=True):
        texts = [sampling_views.continuation(here, s) for s in (SamplingSettings(temperature=0.0), settings)]
    rows, loops = [], []
    for name, ids in zip(("Greedy", "Second setting"), texts, strict=True):
        found = sampling_views.loop(ids)
        loops.append(found)
        lit = range(found.start, found.start + found.length) if found else range(0)
        rows.append([name, _chips(ids, lit, here.model.tokenizer.text_of), f"{len(set(ids))} of {len(ids)}"])
    ui.table(["", "Text", "Different tokens"], rows, numeric=(2,))
    lines = [
        {"setting": name, "place": i, "token_id": token, "token": here.model.tokenizer.text_of(token)}
        for name, ids in zip(("greedy", "second"), texts, strict=True)
        for i, token in enumerate(ids)
    ]
    ui.export_menu("greedy-text", pd.DataFrame(lines))
    ui.note(" ".join(_about(name, found) for name, found in zip(("Greedy text", "The second setting"), loops, strict=True)))


def _chips(ids: Sequence[int], lit: range, text_of: Callable[[int], str]) -> str:
    chips = (markup.chip(text_of(token), "lit" if i in lit else "") for i, token in enumerate(ids))
    return f'<div class="chips">{" ".join(chips)}</div>'


def _about(name: str, found: sampling_views.Loop | None) -> str:
    if found is None:
        return f"{name} does not run in a circle within these tokens."
    rounds = found.length / found.period
    return (
        f"{name} runs in a circle from token {found.start + 1} on: a round of {found.period} "
        f"{'token' if found.period == 1 else 'tokens'}, {rounds:.1f} times (lit)."
    )
