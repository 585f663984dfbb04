"""The pictures of the comparison page: next tokens on one axis, both texts by surprise, one head's map of the difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app import choices, pinned, snippets, state, ui
from app.chapters.compare import views
from app.charts import grouped_bars
from app.components.map_canvas import token_map
from app.components.token_text import TextChip, token_text
from app.pinned import Pinned
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import quantity, significant
from gptcore import surprise

NEWEST = 64  # positions on a map
SIDES = {"a": "A", "b": "B", "difference": "B minus A"}


def both(whole: Here, to_the_end: bool = False) -> tuple[Pinned, Pinned] | str:
    """A and B, or in a sentence why there are not two. to_the_end: B is all of the text, not what stands up to the cursor."""
    found = pinned.find()
    if found is None:
        return "Nothing is pinned yet. Pin what is in view as A; then change the text, the model, or what is switched off: that is B."
    return found if isinstance(found, str) else (found, views.of_view(whole if to_the_end else whole.up_to_cursor()))


def controls(whole: Here) -> None:
    """Pin, and let go."""
    found = both(whole)
    st.button("Pin what is in view as A", icon=":material/keep:", on_click=state.guarded(pinned.pin), args=(whole,))
    if state.chosen(choices.PINNED):
        st.button("Let A go", icon=":material/keep_off:", on_click=state.guarded(pinned.unpin))
    if not isinstance(found, str):
        for name, side in zip(("A", "B"), found, strict=True):
            text = side.model.tokenizer.decode(side.run.ids)
            st.caption(f"{name}: {markup.escape_markdown(side.model.name)}, “{markup.escape_markdown(text[-80:])}”")


def next_tokens(whole: Here) -> None:
    """Both distributions on one axis."""
    found = both(whole)
    if isinstance(found, str):
        return
    shown = views.next_tokens(*found)
    figure = grouped_bars(
        {"A": shown.a, "B": shown.b}, labels=shown.texts, title="The next token in A and in B", value_title="probability", unit="%",
        stages=("reference", "probability"), most_ticks=5, mode=ui.mode(),
    )  # fmt: skip
    ui.chart(
        figure,
        name="compared-next",
        data=pd.DataFrame({"token": shown.texts, "a": shown.a, "b": shown.b, "b_minus_a": shown.b - shown.a}),
    )


def texts(whole: Here) -> None:
    """A, B or the difference, token by token, on one scale."""
    found = both(whole, to_the_end=True)
    if isinstance(found, str):
        return
    side = st.segmented_control(
        "Shown", list(SIDES), format_func=lambda each: SIDES[each], required=True, label_visibility="collapsed",
        **state.choice(choices.COMPARE_SIDE),
    )  # fmt: skip
    bits = [views.bits(each) for each in found]
    most = max([float(each.max(initial=0.0)) for each in bits]) or 1.0
    if side == "difference":
        _difference(found, bits)
    else:
        place = 0 if side == "a" else 1
        _text(found[place], bits[place], most, f"The text of {SIDES[side]}, by surprise", "no surprise", quantity(most, "bits"))
    if found[0].run.model != found[1].run.model:
        ui.note("Two models cut text into other tokens, so only bits per byte of the whole text can be compared.")
    ui.export_menu("compared-texts", lambda: texts_frame(found))


def texts_frame(found: tuple[Pinned, Pinned]) -> pd.DataFrame:
    """One row a token of each side."""
    frames = []
    for name, side in zip(("A", "B"), found, strict=True):
        bits = np.concatenate([[np.nan], views.bits(side)])
        frames.append(pd.DataFrame({"side": name, "position": range(len(bits)), "token": views.texts_of(side), "bits": bits}))
    return pd.concat(frames, ignore_index=True)


def _text(side: Pinned, bits: np.ndarray, most: float, label: str, low: str, high: str) -> None:
    chips = [
        TextChip(
            text, place,
            [("Token ", text, f" at position {place}" + (f": {quantity(float(bits[place - 1]), 'bits')}." if place else "."))],
            note=significant(float(bits[place - 1]), 2) if place else "",
            shade=min(1.0, max(0.0, float(bits[place - 1])) / most) if place else None,
        )
        for place, text in enumerate(views.texts_of(side))
    ]  # fmt: skip
    token_text(chips, key="compared_text", label=label, hint="Point at a token.", legend=(low, high))


def _difference(found: tuple[Pinned, Pinned], bits: list[np.ndarray]) -> None:
    """Where the texts are the same the difference of each token; behind it nothing is subtracted."""
    a, b = found
    same = views.shared(a, b)
    if a.run.model != b.run.model and views.texts_of(a) != views.texts_of(b):
        ui.note("The two texts are cut into other tokens, so there is nothing to subtract token by token.")
        return
    change = bits[1][: max(0, same - 1)] - bits[0][: max(0, same - 1)]
    most = float(np.abs(change).max(initial=0.0)) or 1.0
    side = Pinned(b.model, type(b.run)(b.run.model, b.run.ids[: max(1, same)]))
    _text(side, change, most, "B minus A, token by token", "no more surprising in B", f"{quantity(most, 'bits')} more")
    if same < max(len(a.run.ids), len(b.run.ids)):
        ui.note(f"From position {same} on the texts differ, and nothing is subtracted.")


def one_head(whole: Here) -> None:
    """The difference of one head's maps."""
    found = both(whole)
    if isinstance(found, str):
        return
    if said := views.heads_compare(*found):
        ui.note(said)
        return
    here = whole.up_to_cursor()
    values = views.pattern_difference(*found, here.layer, here.head, NEWEST)
    tokens = list(views.texts_of(found[1]))[-len(values) :]
    token_map(
        values, key="compared_map", row_tokens=tokens, col_tokens=tokens, title=f"Layer {here.layer}, head {here.head}: B minus A",
        value_title="difference of attention weights", unit="%", scale="signed",
        top=float(np.nanmax(np.abs(values), initial=0.0)) or 1.0, left_out="not seen, it comes later", row_positions=False,
        col_positions=False,
    )  # fmt: skip
    ui.export_menu("compared-map", lambda: pd.DataFrame(values))
    if len(values) < len(found[1].run.ids):
        ui.note(f"Shown are the newest {len(values)} tokens.")


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
    name = state.chosen(choices.PINNED).split("~")[0]
    lines = ["import gptcore", "", "traces = []"]
    for model, side in ((name, a), (here.view.model, b)):
        lines += [
            f"model = gptcore.load({model!r})",
            f"traces.append(model.trace({side.run.ids!r}, {snippets.intervention(side.run)}))",
        ]
    return "\n".join([*lines, "for trace in traces:", "    print(trace.logits.argmax())"])
