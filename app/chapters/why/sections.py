"""The pictures of the attribution page: the sum as a waterfall, shares beside effects, and the text by what each token meant."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app import asked, choices, silence, snippets, state, ui, windows
from app.chapters.why import views
from app.charts import grouped_bars, waterfall
from app.components.token_text import TextChip, token_text
from app.runtime import Here
from app.silence import Asking, Board
from app.writing import markup
from app.writing.numbers import percent, quantity, significant
from gptcore.attribution import logit_attribution, neuron_attribution
from gptcore.input_effects import rank_agreement, token_effects

NEURONS = 8  # of the layer in focus


def controls(whole: Here) -> None:
    """Which token, and which other one."""
    asked.pickers(whole.up_to_cursor())


def layer_controls(whole: Here) -> None:
    """The same, and the layer in focus."""
    controls(whole)
    ui.layer_slider(whole)


def the_sum(whole: Here) -> None:
    """The waterfall."""
    here = whole.up_to_cursor()
    pair, name = asked.pair(here), here.model.tokenizer.text_of
    rows = views.terms(views.attribution(here, *pair))
    figure = waterfall(
        [row.value for row in rows], labels=[row.label for row in rows], stages=[row.stage for row in rows],
        kinds=[row.kind for row in rows], title=f"Logit of {markup.quoted(name(pair.target))} minus logit of {markup.quoted(name(pair.rival))}",
        value_title="direct share, in logits", total_title="difference", row_height=18, mode=ui.mode(),
    )  # fmt: skip
    ui.chart(figure, name="logit-difference", data=lambda: sum_frame(here), code=lambda: snippet(here))
    ui.note(
        "Each bar begins where the one above it ends; the last is the difference of the model's own logits. The shares are exact as "
        "shares: the residual stream is a sum, and the last LayerNorm divides all of it by one number. What would happen without a part "
        "is another question, and the next beat's."
    )


def sum_frame(here: Here) -> pd.DataFrame:
    """One row a part, heads by themselves."""
    found = views.attribution(here, *asked.pair(here))
    return pd.DataFrame(
        {
            "kind": [part.kind for part in found.parts],
            "layer": [part.layer for part in found.parts],
            "head": [part.head for part in found.parts],
            "direct_share": found.contributions,
        }
    )


def sum_checks(whole: Here) -> None:
    """That it adds up, as a script too."""
    here = whole.up_to_cursor()
    pair = asked.pair(here)
    found = views.attribution(here, *pair)
    by_neuron = views.neurons(here, here.layer, *pair)
    ui.self_check(
        [
            views.adds_up(found, views.terms(found)),
            views.neurons_add_up(by_neuron, float(found.of("feed_forward")[here.layer])),
        ]
    )
    ui.snippet(snippet(here))
    ui.source(logit_attribution, neuron_attribution)


def snippet(here: Here) -> str:
    """found has the shares, heads what switching off does, effects what each token meant."""
    target, rival = asked.pair(here)
    lines = [
        *snippets.beginning(here),
        f"found = gptcore.logit_attribution(trace, {target}, {rival})",
        f"neurons = gptcore.neuron_attribution(trace, {here.layer}, {target}, {rival})",
        f"heads = gptcore.head_effects(trace, {target}, {rival})",
        f"effects = gptcore.token_effects(trace, {target})",
        "print(found.total, found.logit_difference)",
        'print(found.of("head").round(2))  # [layer, head], in logits',
    ]
    return "\n".join(lines)


def question(here: Here) -> Asking:
    """Each head off at this token, replaced by what it usually writes."""
    return Asking(*asked.pair(here), "last", "mean")


def shares_and_effects(whole: Here) -> None:
    """The heads of the layer in focus: what each adds, and what is lost without it; its strongest neurons."""
    here = whole.up_to_cursor()
    pair = asked.pair(here)
    found = views.attribution(here, *pair)

    def draw(board: Board) -> None:
        series = {"direct share": found.of("head")[here.layer], "lost when switched off": -board.logits[here.layer, :-2]}
        figure = grouped_bars(
            series, labels=[f"head {here.layer}.{head}" for head in range(here.config.n_heads)],
            title=f"Layer {here.layer}: what each head adds, and what is lost without it", value_title="logit difference, in logits",
            unit="", label_title="head", stages=("attention", "ablation"), most_ticks=5, mode=ui.mode(),
        )  # fmt: skip
        data = pd.DataFrame({"head": range(here.config.n_heads), **series})
        ui.chart(figure, name="shares-and-effects", data=data)

    ui.filling(partial(silence.board, here, question(here)), draw)
    by_neuron = views.neurons(here, here.layer, *pair)
    best = np.argsort(-np.abs(by_neuron.neurons), kind="stable")[:NEURONS]
    figure = grouped_bars(
        {"direct share": by_neuron.neurons[best]}, labels=[f"neuron {neuron}" for neuron in best.tolist()],
        title=f"The neurons of feed-forward {here.layer} that add or take most", value_title="direct share, in logits", unit="",
        label_title="neuron", stages=("feed_forward",), most_ticks=5, mode=ui.mode(),
    )  # fmt: skip
    data = pd.DataFrame({"neuron": range(len(by_neuron.neurons)), "direct_share": by_neuron.neurons})
    ui.chart(figure, name="neuron-shares", data=data)
    ui.note(f"The bias of this network adds {significant(by_neuron.bias)}; all neurons and the bias are its bar in the sum.")


def agreement(here: Here) -> float | None:
    """Rank correlation of direct share and loss over all heads; None while it is being computed."""
    board = silence.board(here, question(here), 1)
    if board.n_missing:
        return None
    return rank_agreement(views.attribution(here, *asked.pair(here)).of("head").ravel(), -board.logits[:, :-2].ravel())


def in_focus() -> int:
    """The position round which tokens are replaced, -1 for the newest."""
    return int(state.chosen(choices.WHY_POSITION))


def by_token(whole: Here) -> None:
    """The text, each token by what its replacement costs; the other methods, where they are asked for."""
    here = whole.up_to_cursor()
    target = asked.pair(here).target
    ui.filling(partial(views.mattered, here, target, focus=in_focus()), partial(_text, whole, here))
    st.toggle("Ask differently", **state.choice(choices.WHY_DIFFERENTLY))
    if state.chosen(choices.WHY_DIFFERENTLY):
        _differently(here, target)


def _text(whole: Here, here: Here, found: views.Mattered) -> None:
    most = float(np.nanmax(found.effects, initial=0.0)) or 1.0
    chips = [
        TextChip(
            text, place, _facts(here, found, place),
            note="" if np.isnan(effect) else significant(float(effect), 2),
            shade=None if np.isnan(effect) else max(0.0, float(effect)) / most,
        )
        for place, (text, effect) in enumerate(zip(here.tokens, found.effects, strict=True))
    ]  # fmt: skip
    ui.figure_menu("token-effects", lambda: effects_frame(here, found), code=lambda: snippet(here))
    token_text(
        chips, key="token_effects", label="The text, by what each token means for the next one", hint="Point at a token.",
        focus=here.position, legend=("costs nothing", f"costs {quantity(most, 'bits')}"),
        on_pick=lambda place: state.update(**whole.cursor_on(place)),
    )  # fmt: skip
    can = views.replaceable(here.config, len(here.ids))
    windows.turning(len(here.ids), found.asked, can, partial(state.take, choices.WHY_POSITION))
    if len(can) < len(here.ids):
        ui.note(
            f"Of this long text the newest {len(can):,} tokens can be replaced; with earlier ones all who share this server would wait."
        )


def _facts(here: Here, found: views.Mattered, place: int) -> list[list[str]]:
    name, effect = here.model.tokenizer.text_of, float(found.effects[place])
    if np.isnan(effect):
        return [["Token ", here.tokens[place], " is still to be replaced." if place in found.asked else " is not replaced here."]]
    known = [n for n, token in enumerate(found.substitutes[place].tolist()) if token >= 0]
    verb = "costs" if effect >= 0 else "gains"
    line = ["Replaced by ", *_listed([name(int(found.substitutes[place, n])) for n in known])]
    shown = [percent(min(1.0, 2.0 ** float(found.results[place, n]))) for n in known]
    return [
        ["Token ", here.tokens[place], f": replaced, it {verb} {quantity(abs(effect), 'bits')} on average."],
        line,
        [f"the target has {', '.join(shown)}, in place of {percent(min(1.0, 2.0**found.result))}."],
    ]


def _listed(names: list[str]) -> list[str]:
    parts: list[str] = []
    for place, name in enumerate(names):
        parts += [name, ", " if place < len(names) - 1 else ""]
    return parts


def effects_frame(here: Here, found: views.Mattered) -> pd.DataFrame:
    """One row a token and substitute."""
    n = found.substitutes.shape[1]
    return pd.DataFrame(
        {
            "position": np.repeat(np.arange(len(here.ids)), n),
            "token": np.repeat(here.tokens, n),
            "cost_bits": np.repeat(found.effects, n),
            "substitute": found.substitutes.ravel(),
            "result_bits": found.results.ravel(),
        }
    )


def _differently(here: Here, target: int) -> None:
    """Each other method: its question, its first token, and how far its order is that of replacement."""
    if views.takes_too_long(here):
        ui.note(
            f"With {len(here.ids):,} tokens the other methods would take too long for all who share this server; shorten the text."
        )
        return
    base = views.mattered(here, target, 0, in_focus()).effects
    if not np.isfinite(base).any():
        return
    answers = views.asked_differently(here, target, base)
    rows = [
        (
            markup.escape_html(method.replace("_", " ")),
            markup.wrapping(markup.escape_html(views.OTHERS[method])),
            markup.chip(here.tokens[int(np.nanargmax(answer.effects))]),
            significant(answer.agreement, 2),
        )
        for method, answer in answers.items()
    ]
    ui.figure_menu(
        "asked-differently",
        lambda: pd.DataFrame({method: answer.effects for method, answer in answers.items()} | {"replace": base}),
        label="Menu: methods",
    )
    ui.table(("method", "asks", "first", "agreement"), rows, numeric=(3,))
    ui.note(
        "Agreement: Spearman's rank correlation with replacement over the tokens of this text, from −1 to 1. The methods answer "
        "different questions, so they need not agree."
    )


def token_checks(whole: Here) -> None:
    """One exchange as a text of its own."""
    here = whole.up_to_cursor()
    target = asked.pair(here).target
    ui.self_check(views.check_replaced(here, target, views.mattered(here, target, 0, in_focus())))
    ui.snippet(snippet(here))
    ui.source(token_effects)
