"""Under the sentence bar, where it was asked for: another token in place of the one at the cursor, and its ripple through the text."""

from __future__ import annotations

import streamlit as st

from app import choices, exchange, messages, runtime, state, ui
from app.asked import probabilities
from app.exchange import Exchanged
from app.ripple import ripple
from app.runtime import Here
from app.writing import markup
from app.writing.numbers import counted, percent, quantity

LONGEST_TYPED = 40  # characters


def _typed(said: object) -> str | None:
    return messages.text(said, LONGEST_TYPED) or None


def button() -> None:
    """Opens it."""
    here = runtime.here()
    st.button(
        f"What if {markup.code(here.tokens[here.position])} were another token?", key="exchange_open",
        on_click=state.guarded(state.take), args=(choices.EXCHANGING, True),
    )  # fmt: skip


def draw() -> None:
    """What to put in its place, and what has become of the text."""
    if not state.chosen(choices.EXCHANGING):
        return
    here = runtime.here()
    with st.container(border=True, key="exchanging"):
        known = exchange.exchanged(here)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _choice(here)
            if known is not None:
                was = markup.code(here.model.tokenizer.text_of(known.before))
                st.button(f"Back to {was}", icon=":material/undo:", on_click=state.guarded(exchange.go_back))
            st.button("Close", key="exchange_close", on_click=state.guarded(_close))
        if known is not None:
            _ripple(here, known)
        else:
            ui.note("Choose another token in the text above to exchange that one. What follows stays, and is read anew.")


def _close() -> None:
    exchange.forget()
    state.take(choices.EXCHANGING, False)


def _choice(here: Here) -> None:
    name, offered = here.model.tokenizer.text_of, dict(exchange.alternatives(here))
    st.selectbox(
        f"In place of {markup.code(here.tokens[here.position])}", list(offered), index=None, placeholder="Its likeliest alternatives …",
        format_func=lambda token: f"{markup.escape_markdown(name(token))} {percent(offered[token])}",
        **state.one_shot("exchange", lambda said: messages.one_of(said, list(offered)), exchange.put),
    )  # fmt: skip
    st.text_input("or typed", max_chars=LONGEST_TYPED, **state.one_shot("exchange_typed", _typed, exchange.put_text, empty=""))


def _ripple(here: Here, known: Exchanged) -> None:
    name, change = here.model.tokenizer.text_of, exchange.ripple(here, known)
    was, now = (markup.code(name(token)) for token in (known.before, here.ids[known.position]))
    total = float(change.sum())
    after, before = (probabilities(runtime.trace(run).logits) for run in (here.run, known.run))
    tops = [markup.code(name(int(probs.argmax()))) + f" {percent(float(probs.max()))}" for probs in (before, after)]
    follow = (
        f"the {counted(len(change), 'token')} after it {'is' if len(change) == 1 else 'are'} together "
        f"**{quantity(abs(total), 'bits')} {'more' if total >= 0 else 'less'} surprising**; "
        if len(change)
        else ""
    )
    st.markdown(f"With {now} in place of {was}, {follow}the likeliest next token was {tops[0]} and is {tops[1]}.")
    if not len(change):
        return
    first = known.position + 1
    ripple(
        here.tokens[first:], change, first=first, than="than before", key="ripple",
        label="What follows, by how much more surprising it has become",
        on_pick=lambda position: state.update(**here.cursor_on(position)),
    )  # fmt: skip
