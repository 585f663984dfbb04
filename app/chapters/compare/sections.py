"""The pictures of the comparison page: next tokens on one axis, both texts by surprise, one head's map of the difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, offered, pinned, snippets, state, ui
from app.chapters.compare import views
from app.charts import grouped_bars
from app.components.map_canvas import token_map
from app.components.token_text import TextChip, token_text
from app.pinned import Pinned
from app.ripple import noted
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import quantity
from gptcore import surprise

NEWEST = 64  # positions on a map
SHOWN = 80  # characters of a text's end
SIDES = {"both": "A and B", "a": "A", "b": "B", "difference": "B minus A"}
STAGES = {"a": "reference", "b": "probability"}
DRAWN = {False: "as the model gives it", True: "as its settings draw it"}


def both(whole: Here, to_the_end: bool = False) -> tuple[Pinned, Pinned] | str:
    """A and B, or in a sentence why there are not two. to_the_end: B is all of the text, not what stands up to the cursor."""
    found = pinned.find()
    here = whole if to_the_end else whole.up_to_cursor()
    if found is None and (found := views.without_a_pin(whole, here)) is None:
        return (
            "Nothing is pinned yet. Pin what is in view as A; then change the text, the model, the settings, or what is switched off: "
            "that is B."
        )
    return found if isinstance(found, str) else (found, views.of_view(here))


def controls(whole: Here) -> None:
    """Pin, and let go."""
    found = both(whole)
    st.button("Pin what is in view as A", icon=":material/keep:", on_click=state.guarded(pinned.pin), args=(whole,))
    if state.chosen(choices.PINNED):
        st.button("Let A go", icon=":material/keep_off:", on_click=state.guarded(pinned.unpin))
    elif not isinstance(found, str):
        st.caption("Nothing is pinned, so A is this text as it was before it was changed.")
    if not isinstance(found, str):
        for name, side in zip(("A", "B"), found, strict=True):
            text = side.model.tokenizer.decode(side.run.ids)
            start = "…" if len(text) > SHOWN else ""
            st.caption(
                f"{name}: {markup.escape_markdown(offered.called(side.model.name))}, “{start}{markup.escape_markdown(text[-SHOWN:])}”"
            )


def next_controls(whole: Here) -> None:
    """Pin, and which probability."""
    controls(whole)
    if not isinstance(both(whole), str):
        st.toggle(
            "After temperature and cuts", **state.choice(choices.COMPARE_DRAWN), help="As the settings of each let it be drawn"
        )


def side_shown() -> str:
    """Draw the switch that all figures share; gives "both", "a", "b" or "difference"."""
    return str(
        st.segmented_control(
            "Shown", list(SIDES), format_func=lambda each: SIDES[each], required=True, label_visibility="collapsed",
            **state.choice(choices.COMPARE_SIDE),
        )
    )  # fmt: skip


def drawn() -> bool:
    """Whether the next token is compared as the settings let it be drawn."""
    return bool(state.chosen(choices.COMPARE_DRAWN))


def next_tokens(whole: Here) -> None:
    """Both distributions on one axis, or their difference."""
    found = both(whole)
    if isinstance(found, str):
        return
    side, shown = side_shown(), views.next_tokens(*found, drawn())
    series = {"A": shown.a, "B": shown.b, "B minus A": shown.b - shown.a}
    names = {"both": ("A", "B"), "difference": ("B minus A",)}.get(side, (side.upper(),))
    kind = " after temperature and cuts" if drawn() else ""
    figure = grouped_bars(
        {name: series[name] for name in names}, labels=shown.texts, title=f"The next token{kind}: {SIDES[side]}",
        value_title="change of probability" if side == "difference" else "probability",
        unit="%", stages=("reference", "probability") if side == "both" else (STAGES.get(side, "ablation"),), most_ticks=5,
        reach=_reach(side, shown), mode=ui.mode(),
    )  # fmt: skip
    ui.chart(
        figure,
        name="compared-next",
        data=pd.DataFrame({"token": shown.texts, "a": shown.a, "b": shown.b, "b_minus_a": shown.b - shown.a}),
    )


def _reach(side: str, shown: views.NextTokens) -> float:
    """How far the axis goes: as far for A as for B; for a difference with room for its number on a phone, too."""
    if side == "difference":
        return 1.5 * float(np.abs(shown.b - shown.a).max(initial=0.0))
    return float(max(shown.a.max(initial=0.0), shown.b.max(initial=0.0)))


def texts(whole: Here) -> None:
    """A, B or the difference, token by token, on one scale."""
    found = both(whole, to_the_end=True)
    if isinstance(found, str):
        return
    side = side_shown()
    bits = [views.bits(each) for each in found]
    most = max([float(each.max(initial=0.0)) for each in bits]) or 1.0
    ui.figure_menu("compared-texts", lambda: texts_frame(found))
    if side == "difference":
        _difference(whole, found, bits)
    else:
        for place, name in enumerate(("a", "b")):
            if side in (name, "both"):
                label = f"The text of {SIDES[name]}, by surprise"
                _text(whole, found[place], bits[place], most, label, "no surprise", quantity(most, "bits"))
    if found[0].run.model != found[1].run.model:
        ui.note("Two models cut text into other tokens, so only bits per byte of the whole text can be compared.")


def texts_frame(found: tuple[Pinned, Pinned]) -> pd.DataFrame:
    """One row a token of each side."""
    frames = []
    for name, side in zip(("A", "B"), found, strict=True):
        bits = np.concatenate([[np.nan], views.bits(side)])
        frames.append(pd.DataFrame({"side": name, "position": range(len(bits)), "token": views.texts_of(side), "bits": bits}))
    return pd.concat(frames, ignore_index=True)


def _text(whole: Here, side: Pinned, bits: np.ndarray, most: float, label: str, low: str, high: str) -> None:
    chips = [
        TextChip(
            text, place,
            [("Token ", text, f" at position {place}" + (f": {quantity(float(bits[place - 1]), 'bits')}." if place else "."))],
            note=noted(float(bits[place - 1])) if place else "",
            shade=min(1.0, max(0.0, float(bits[place - 1])) / most) if place else None,
        )
        for place, text in enumerate(views.texts_of(side))
    ]  # fmt: skip

    def pick(place: int) -> None:
        if place < len(whole.ids):
            state.update(**whole.cursor_on(place))

    token_text(
        chips, key=f"compared_text_{label[12:13]}", label=label, hint="Point at a token.", legend=(low, high), on_pick=pick,
        focus=whole.position if whole.position < len(chips) else None,
    )  # fmt: skip


def _difference(whole: Here, found: tuple[Pinned, Pinned], bits: list[np.ndarray]) -> None:
    """Where the texts are the same the difference of each token; behind it nothing is subtracted."""
    a, b = found
    same = views.shared(a, b)
    if a.run.model != b.run.model and views.texts_of(a) != views.texts_of(b):
        ui.note("The two texts are cut into other tokens, so there is nothing to subtract token by token.")
        return
    change = bits[1][: max(0, same - 1)] - bits[0][: max(0, same - 1)]
    most = float(np.abs(change).max(initial=0.0)) or 1.0
    side = Pinned(b.model, type(b.run)(b.run.model, b.run.ids[: max(1, same)]), b.settings)
    _text(whole, side, change, most, "B minus A, token by token", "no more surprising in B", f"{quantity(most, 'bits')} more")
    if same < max(len(a.run.ids), len(b.run.ids)):
        ui.note(f"From position {same} on the texts differ, and nothing is subtracted.")


def one_head(whole: Here) -> None:
    """One head's map in A, in B, and the difference, where both are of one model and one length."""
    found = both(whole)
    if isinstance(found, str):
        return
    here, side = whole.up_to_cursor(), side_shown()
    if side == "difference":
        if said := views.heads_compare(*found):
            ui.note(said)
            return
        _map(here, found[1], views.pattern_difference(*found, here.layer, here.head, NEWEST), "difference")
        return
    for name, one in zip(("a", "b"), found, strict=True):
        if side not in (name, "both"):
            continue
        if here.layer >= one.model.config.n_layers or here.head >= one.model.config.n_heads:
            ui.note(f"{name.upper()}'s model has no head {here.layer}.{here.head}.")
            continue
        _map(here, one, views.pattern(one, here.layer, here.head, NEWEST), name)


def _map(here: Here, one: Pinned, values: np.ndarray, side: str) -> None:
    """On one scale: weights up to 1, a difference up to its largest."""
    tokens, is_difference = list(views.texts_of(one))[-len(values) :], side == "difference"
    ui.figure_menu(f"compared-map-{side}", lambda: pd.DataFrame(values))
    token_map(
        values, key="compared_map" if is_difference else f"compared_map_{side}", row_tokens=tokens, col_tokens=tokens,
        title=f"Layer {here.layer}, head {here.head}: {SIDES[side]}",
        value_title="difference of attention weights" if is_difference else "attention weight", unit="%",
        scale="signed" if is_difference else "attention",
        top=(float(np.nanmax(np.abs(values), initial=0.0)) or 1.0) if is_difference else 1.0,
        left_out="not seen, it comes later", row_positions=False, col_positions=False,
    )  # fmt: skip
    if len(values) < len(one.run.ids):
        ui.note(f"Shown are the newest {len(values)} of {len(one.run.ids):,} tokens.")


def head_controls(whole: Here) -> None:
    """Pin, layer and head."""
    controls(whole)
    ui.layer_and_head(whole)


def checks(whole: Here) -> None:
    """Deviations, and the same from a script."""
    found = both(whole)
    if not isinstance(found, str):
        ui.self_check(views.check_next(*found))
        ui.snippet(snippet(whole, *found))
    ui.source(surprise.surprise)


def snippet(here: Here, a: Pinned, b: Pinned) -> str:
    """traces has both runs."""
    name = (state.chosen(choices.PINNED) or here.view.model).split("~")[0]
    lines = ["import gptcore", "", "traces = []"]
    for model, side in ((name, a), (here.view.model, b)):
        lines += [
            f"model = gptcore.load({model!r})",
            f"traces.append(model.trace({side.run.ids!r}, {snippets.intervention(side.run)}))",
        ]
    return "\n".join([*lines, "for trace in traces:", "    print(trace.logits.argmax())"])
