"""Suggested stops on the attention page: heads that do something recognisable, found by looking, in the model that runs."""

from __future__ import annotations

import streamlit as st

from app import runtime, state, ui
from app.engine import queued
from app.recent import MB, keeping
from app.runtime import Here
from app.writing.numbers import percent
from gptcore.head_survey import HeadSurvey, survey
from gptcore.language_model import LanguageModel

# Kind -> what the button says, and what the head does.
STOPS = {
    "previous": ("The token before", "the token just before"),
    "same": ("The same token", "the same token further up"),
    "induction": ("Induction head", "what followed the same token further up"),
    "first": ("The first token", "the first token, whatever it is (an attention sink)"),
}
WORTH_A_STOP = 4  # times the weight that reading all tokens alike would give


@keeping(MB)
def found(model: str) -> HeadSurvey:
    """The survey of the heads of a model, by its identity; made once for everybody."""
    return _surveyed(runtime.named(model))


@queued
def _surveyed(model: LanguageModel) -> HeadSurvey:
    return survey(model)


def stops(here: Here) -> None:
    """A button a kind: it brings the head that does most of it into focus. A kind that no head does has none, and the note says so."""
    heads = found(here.model.identity)
    best = {kind: heads.best(kind) for kind in STOPS}
    worth = [kind for kind, (*_, weight) in best.items() if weight >= WORTH_A_STOP * heads.chance]
    if worth:
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="attention_stops"):
            st.caption("Heads to try:", width="content")
            for kind in worth:
                (label, what), (layer, head, weight) = STOPS[kind], best[kind]
                st.button(
                    label,
                    key=f"stop_{kind}",
                    type="primary" if (layer, head) == (here.layer, here.head) else "secondary",
                    on_click=state.guarded(_go_to),
                    args=(layer, head),
                    help=f"Layer {layer}, head {head}: on average {percent(weight)} of its weight is on {what}. "
                    "Measured in this model, on three sentences that are each said twice.",
                )
    if missing := [what for kind, (_, what) in STOPS.items() if kind not in worth]:
        ui.note(f"Not found in this model: a head that mostly attends to {' or '.join(missing)}.")


def _go_to(layer: int, head: int) -> None:
    state.update(layer=layer, head=head)
