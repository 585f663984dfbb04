"""The sentence bar of every page: the text with its cursor, the way to edit it, and the next token."""

from __future__ import annotations

import streamlit as st

from app import run_loop, runtime, sequence, state
from app.components.timeline import timeline
from app.writing import markup
from gptcore.errors import GPTCoreError

PRESETS: dict[str, str] = {
    "Once upon a time": "Once upon a time",
    "Hello, I am": "Hello, I am",
    "The king": "There was once a king who had three daughters, and the youngest",
    "The forest": "The old woman went into the forest and",
    "Said the cat": '"I am not afraid of you," said the cat. "I am',
    "Every effort moves you": "Every effort moves you",
    "Said twice": "The little grey mouse ran over the hill to the old mill. The little grey mouse ran over the",
}


def draw() -> None:
    """The whole bar. What fails in one part leaves the others usable, so that it can be mended there."""
    with st.container(horizontal=True, vertical_alignment="center", key="sentence"):
        ready = runtime.is_ready(state.current().model)
        full = True
        if ready:
            try:
                full = _text()
            except GPTCoreError:
                st.caption("The text stands here again with a prompt that fits; see the message below.")
        else:
            st.caption(f"The text stands here once {state.current().model} is on this machine.")
        with st.popover("Edit text", icon=":material/edit:", key="edit_text"):
            _prompt()
            if ready:
                _length()
            _model()
        st.button(
            "Next token", type="primary", key="next_token_button", disabled=full,
            on_click=run_loop.next_token, help="Choose one token and append it",
        )  # fmt: skip


def _model() -> None:
    st.selectbox("Model", runtime.model_names(), format_func=_model_label, **state.widget("model"))


def _model_label(name: str) -> str:
    known = runtime.entry(name)
    title = known.title if known else name.rstrip("/").rsplit("/", 1)[-1]
    return title if runtime.is_ready(name) else f"{title} (download{_size(name)})"


def _size(name: str) -> str:
    known = runtime.entry(name)
    return f", {known.download_bytes / 1e6:,.0f} MB" if known else ""


@st.fragment(run_every=0.5)
def _download_progress(name: str) -> None:
    under_way = runtime.downloads().progress(name)
    if under_way is None:
        st.rerun()
        return
    done, total = under_way
    st.progress(done / total if total else 0.0, f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB" if total else "Asking the hub …")


def download(name: str) -> None:
    """What stands in the page's place while its model is not on this machine: the button, the progress, what went wrong."""
    if runtime.downloads().progress(name) is not None:
        _download_progress(name)
        return
    if error := runtime.downloads().error(name):
        st.error(markup.escape_markdown(error), icon=":material/cloud_off:")
    st.button(f"Download{_size(name)}", icon=":material/download:", on_click=runtime.downloads().start, args=(name,))


def _prompt() -> None:
    st.text_area(
        "Prompt",
        height=92,
        max_chars=state.MAX_PROMPT_CHARACTERS,
        help="Press Ctrl and Enter, or leave the field, to take a new prompt.",
        **state.widget("prompt"),
    )
    st.selectbox(
        "Examples",
        PRESETS,
        index=None,
        placeholder="Take an example …",
        label_visibility="collapsed",
        **state.one_shot("preset", lambda name: state.update(prompt=PRESETS[name])),
    )


def _text() -> bool:
    """The text with its cursor; whether it fills the context."""
    here = runtime.here()
    timeline(sequence.timeline_chips(here), key="sentence_text", position=here.focus_chip, on_pick=sequence.go_to, prose=True)
    return here.is_full


def _length() -> None:
    """How long the text is, and how long it may be; nothing for a text that does not fit, of which the page speaks."""
    try:
        here = runtime.here()
    except GPTCoreError:
        return
    start = ""
    if here.sequence.started_empty:
        token = markup.escape_markdown(here.tokens[0])
        start = f". The prompt is empty, so the start token {token} was put in."
    st.caption(f"{len(here.ids)} of at most {here.config.context_length:,} tokens{start}")
