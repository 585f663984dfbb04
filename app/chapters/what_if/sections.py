"""The pictures of the what-if page: the board of all parts, the next token with and without, and two ways of going on."""

from __future__ import annotations

import math
from functools import partial
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st

from app import asked, choices, interventions, sequence, silence, snippets, state, ui
from app.chapters.what_if import views
from app.charts import Figure, grouped_bars, heatmap
from app.components.map_canvas import token_map
from app.interventions import PartKind
from app.ripple import ripple
from app.runtime import Here
from app.silence import Asking, Board, Direct
from app.writing import markup
from app.writing.numbers import counted, percent, quantity, significant
from gptcore.attribution import logit_attribution
from gptcore.effects import head_effects, part_effects
from gptcore.run import Run

KINDS: dict[PartKind, str] = {"head": "Head", "attention": "Attention", "feed_forward": "Feed-forward"}
SCOPES = {"last": "at this token", "everywhere": "at every token"}
REPLACEMENTS = {"mean": "what it usually writes", "zero": "nothing"}
MEASURES = {
    "bits": ("Probability", "change of log₂ probability", "bits"),
    "logits": ("Logit difference", "change of the logit difference", ""),
    "divergence": ("All tokens", "Kullback–Leibler divergence", "bits"),
}


def question(here: Here) -> Asking:
    """What is measured, from the controls."""
    target, rival = asked.pair(here)
    return Asking(target, rival, state.chosen(choices.SCOPE), state.chosen(choices.REPLACEMENT))  # type: ignore[arg-type]


def kind_in_focus() -> PartKind:
    """Head, attention or feed-forward of the layer in focus."""
    return cast(PartKind, state.chosen(choices.SILENT))


def column_in_focus(here: Here) -> int:
    """Where the part in focus stands on the board."""
    return {"head": here.head, "attention": here.config.n_heads, "feed_forward": here.config.n_heads + 1}[kind_in_focus()]


def part_name(here: Here) -> str:
    """The part in focus, in a sentence."""
    kind = kind_in_focus()
    return f"head {here.layer}.{here.head}" if kind == "head" else f"{KINDS[kind].lower()} {here.layer}"


def the_board(whole: Here) -> None:
    """The board, which fills in pieces where it takes long."""
    here = whole.up_to_cursor()
    found = question(here)
    shares = silence.direct(here, found)
    ui.filling(partial(silence.board, here, found), lambda board: _draw(here, found, board, shares))


def _draw(here: Here, found: Asking, board: Board, shares: Direct) -> None:
    measure = state.chosen(choices.MEASURE)
    values, n_heads = _values(board, measure), here.config.n_heads
    _, value_title, unit = MEASURES[measure]
    finite = np.abs(values[np.isfinite(values)])
    heads = np.abs(values[:, :n_heads])
    top = float(np.nanmax(heads, initial=0.0)) if np.isfinite(heads).any() else float(finite.max(initial=0.0))

    def focus(layer: int, column: int | None) -> None:
        if column is not None:
            state.update(layer=layer, **({"head": column} if column < n_heads else {}))
            state.take(choices.SILENT, ("head", "attention", "feed_forward")[max(0, column - n_heads + 1)])

    ui.figure_menu(
        "without-each-part",
        lambda: board_frame(here, found, board, shares),
        lambda: _figure(here, values, measure),
        code=lambda: board_snippet(here),
    )
    token_map(
        values,
        key="silence_board",
        row=here.layer,
        column=column_in_focus(here),
        row_tokens=[str(layer) for layer in range(here.config.n_layers)],
        col_tokens=_columns(n_heads),
        title=f"Without each part: {value_title} of {markup.quoted(here.model.tokenizer.text_of(found.target))}",
        row_title="layer",
        col_title="head, attention, feed-forward",
        value_title=value_title,
        unit=unit,
        scale="probability" if measure == "divergence" else "signed",
        top=top or 1.0,
        left_out="still being computed",
        row_positions=False,
        col_positions=False,
        facts=_facts(here, found, board, shares),
        on_row=focus,
    )
    place = "is still being computed" if math.isnan(board.position) else f"is {quantity(board.position, 'bits')}"
    ui.note(
        f"{_said_beyond(here, values, top, unit)}Choose a part to bring it into focus; the switch beside the board switches it off everywhere. "
        f"Without the position embedding the change {place}."
    )


def _said_beyond(here: Here, values: np.ndarray, top: float, unit: str) -> str:
    """Of the parts whose values the colour scale does not reach: how many, and how far the farthest lies."""
    size = np.nan_to_num(np.abs(values))
    if not (beyond := int((size > top).sum())):
        return ""
    layer, column = np.unravel_index(int(size.argmax()), size.shape)
    name = f"{_columns(here.config.n_heads)[column]} {layer}"
    return (
        f"Colours reach as far as the largest of the heads, {quantity(top, unit)}. A dot marks what lies beyond: {counted(beyond, 'part')}, "
        f"farthest {name} with {quantity(float(values[layer, column]), unit)}. "
    )


def _columns(n_heads: int) -> list[str]:
    return [*(str(head) for head in range(n_heads)), "attention", "feed-forward"]


def _values(board: Board, measure: str) -> np.ndarray:
    return {"bits": board.bits, "logits": board.logits, "divergence": board.divergence}[measure]


def _facts(here: Here, found: Asking, board: Board, shares: Direct) -> list[list[str]]:
    """What is said of each cell beside its value."""
    prob = float(asked.probabilities(here.trace.logits)[found.target])
    return [
        [
            ""
            if math.isnan(bits)
            else f"With it {percent(prob)}, without {percent(min(1.0, prob * 2.0**bits))}. Its direct share: {significant(share)}."
            for bits, share in zip(row.tolist(), direct.tolist(), strict=True)
        ]
        for row, direct in zip(board.bits, shares.parts, strict=True)
    ]


def board_frame(here: Here, found: Asking, board: Board, shares: Direct) -> pd.DataFrame:
    """One row a part."""
    names = _columns(here.config.n_heads)
    rows = [(layer, name) for layer in range(here.config.n_layers) for name in names]
    prob = float(asked.probabilities(here.trace.logits)[found.target])
    return pd.DataFrame(rows, columns=["layer", "part"]).assign(
        target=found.target, rival=found.rival, scope=found.scope, replacement=found.replacement, probability_with=prob,
        probability_without=prob * 2.0 ** board.bits.ravel(), change_bits=board.bits.ravel(),
        change_logit_difference=board.logits.ravel(), divergence_bits=board.divergence.ravel(),
        direct_share=shares.parts.ravel(), likeliest_without=board.top.ravel(),
    )  # fmt: skip


def _figure(here: Here, values: np.ndarray, measure: str) -> Figure:
    """The board as a file of its own."""
    _, value_title, unit = MEASURES[measure]
    return heatmap(
        values, row_tokens=[str(layer) for layer in range(here.config.n_layers)], col_tokens=_columns(here.config.n_heads),
        title=f"Without each part: {value_title}", row_title="layer", col_title="part", value_title=value_title, unit=unit,
        scale="probability" if measure == "divergence" else "signed", top=float(np.nanmax(np.abs(values), initial=0.0)) or 1.0,
        row_positions=False, mode=ui.mode(),
    )  # fmt: skip


def switches(whole: Here) -> None:
    """The switch of the part in focus and of the position embedding, and which part that is."""
    here = whole.up_to_cursor()
    off, kind = here.view.intervention, kind_in_focus()
    is_off = interventions.is_off(off, kind, here.layer, here.head)
    name = part_name(here)
    st.toggle(
        f"Switch {name} off", value=is_off, key=f"off_{kind}_{here.layer}_{here.head}_{is_off}",
        on_change=state.guarded(_switch), args=(kind, here.layer, here.head),
    )  # fmt: skip
    place_off = interventions.is_off(off, "position_embedding")
    st.toggle(
        "Switch the position embedding off", value=place_off, key=f"off_position_{place_off}",
        on_change=state.guarded(_switch), args=("position_embedding", 0, 0),
    )  # fmt: skip
    ui.layer_slider(here)
    left, right = st.columns(2)
    left.selectbox("Part", list(KINDS), format_func=lambda each: KINDS[each], **state.choice(choices.SILENT))
    if here.config.n_heads > 1:
        top = here.config.n_heads - 1
        right.number_input("Head", 0, top, disabled=kind != "head", **state.widget("head", top))


def controls(whole: Here) -> None:
    """The switches, and what the board measures."""
    switches(whole)
    asked.pickers(whole.up_to_cursor())
    left, right = st.columns(2)
    left.selectbox("Off", list(SCOPES), format_func=lambda each: SCOPES[each], **state.choice(choices.SCOPE))
    right.selectbox(
        "In its place", list(REPLACEMENTS), format_func=lambda each: REPLACEMENTS[each], **state.choice(choices.REPLACEMENT)
    )
    st.selectbox("Colour", list(MEASURES), format_func=lambda each: MEASURES[each][0], **state.choice(choices.MEASURE))


def _switch(kind: PartKind, layer: int, head: int) -> None:
    wanted = interventions.switched(state.current().intervention, kind, layer, head)
    replacement = state.chosen(choices.REPLACEMENT)
    state.update(intervention=interventions.replaced_by(wanted, replacement))  # type: ignore[arg-type]


def board_checks(whole: Here) -> None:
    """Deviations, the code, and the same from a script."""
    here = whole.up_to_cursor()
    found = question(here)
    board = silence.board(here, found, 0)
    cell = float(board.bits[here.layer, column_in_focus(here)])
    ui.self_check([silence.direct(here, found).check, *views.check_alone(here, found, kind_in_focus(), cell)])
    ui.snippet(board_snippet(here))
    ui.source(head_effects, part_effects, logit_attribution)


def board_snippet(here: Here) -> str:
    """heads.log_prob_change and parts are the board's numbers, direct its direct shares."""
    found = question(here)
    how = f"trace, {found.target}, {found.rival}, scope={found.scope!r}, replacement={found.replacement!r}"
    lines = [
        *snippets.beginning(here),
        f"heads = gptcore.head_effects({how})",
        f"parts = gptcore.part_effects({how})",
        f"direct = gptcore.logit_attribution(trace, {found.target}, {found.rival})",
        "print(heads.log_prob_change.round(2))  # [layer, head], in bits",
        'print(direct.of("head").round(2))',
    ]
    return "\n".join(lines)


def with_and_without(whole: Here) -> None:
    """Candidates of both on one axis, and every token's change of surprise."""
    here = whole.up_to_cursor()
    run = views.without(here, kind_in_focus(), question(here).replacement)
    found = views.candidates(here, run)
    labels = [here.model.tokenizer.text_of(int(token)) for token in found.token_ids]
    figure = grouped_bars(
        {"as it is": found.before, "without": found.after},
        labels=labels,
        title=f"The next token, as it is and with {_off_words(run)}",
        value_title="probability",
        unit="%",
        stages=("probability", "ablation"),
        most_ticks=5,
        mode=ui.mode(),
    )
    data = pd.DataFrame({"token_id": found.token_ids, "token": labels, "as_it_is": found.before, "without": found.after})
    ui.chart(figure, name="with-and-without", data=data)
    change = views.surprise_change(here, run)
    ripple(
        here.tokens, np.concatenate([[np.nan], change]), first=0, than="than as it is", key="surprise_without",
        label="The text, and how much more surprising each token is without",
        on_pick=lambda position: state.update(**whole.cursor_on(position)),
    )  # fmt: skip


def _off_words(run: Run) -> str:
    return interventions.summary(run.intervention) if run.intervention else "nothing off"


def going_on(whole: Here) -> None:
    """Two texts drawn with the same numbers; where they part is lit."""
    here = whole.up_to_cursor()
    if here.is_full:
        ui.note(f"The text fills the context of {here.config.context_length:,} tokens, so nothing can be written on.")
        return
    run = views.without(here, kind_in_focus(), question(here).replacement)
    settings = sequence.settings(here.view)
    texts = {"as it is": views.goes_on(here.clean, settings), _off_words(run): views.goes_on(run, settings)}
    same = views.parted(*texts.values())
    tokenizer = here.model.tokenizer
    rows = [
        (
            markup.escape_html(name),
            '<div class="chips">'
            + " ".join(
                markup.chip(tokenizer.text_of(token), "lit" if place >= same else "") for place, token in enumerate(tokens)
            )
            + "</div>",
        )
        for name, tokens in texts.items()
    ]
    ui.table(("", "written on"), rows)
    ui.note(
        f"Both are drawn with seed {here.view.seed}, temperature {significant(settings.temperature)} and the same random number at each "
        "place, so what differs is the model. Lit: from where they part."
    )
    ui.snippet(going_on_snippet(here, run))


def going_on_snippet(here: Here, run: Run) -> str:
    """texts has the two continuations as token ids."""
    settings = sequence.settings(here.view)
    kinds = (
        f"temperature={settings.temperature!r}, top_k={settings.top_k!r}, top_p={settings.top_p!r}, min_p={settings.min_p!r}, "
        f"seed={settings.seed!r}"
    )
    lines = [
        *snippets.model(here),
        snippets.ids(here),
        f"off = {snippets.intervention(run)}",
        "texts = []",
        "for intervention in (None, off):",
        f"    steps = gptcore.generate(model, ids, {kinds}, max_new_tokens={views.WRITTEN}, intervention=intervention)",
        "    texts.append([step.token_id for step in steps])",
        "    print(model.tokenizer.decode(texts[-1]))",
    ]
    return "\n".join(lines)
