"""What stands beside every page: the model, the prompt, and the timeline of the sequence."""

from __future__ import annotations

import streamlit as st

from app import faults, log, runtime, sequence, state
from app.components.timeline import timeline
from app.writing import markup
from app.writing.numbers import in_bytes
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
    """The whole sidebar. What fails in one part leaves the others usable, so that it can be mended there."""
    with st.sidebar:
        for part in (_model, _prompt, _timeline):
            try:
                part()
            except GPTCoreError:
                st.caption("The timeline comes back with a prompt that fits; see the message on the right.")
            except Exception as error:  # noqa: BLE001  told to the visitor, and logged
                faults.problem(log.message(error))


def _model() -> None:
    view = state.current()
    st.selectbox("Model", runtime.model_names(), format_func=_model_label, **state.widget("model"))
    if not runtime.is_ready(view.model):
        _download(view.model)


def _model_label(name: str) -> str:
    known = runtime.entry(name)
    title = known.title if known else name.rstrip("/").rsplit("/", 1)[-1]
    return title if runtime.is_ready(name) else f"{title} (download{_size(name)})"


def _size(name: str) -> str:
    known = runtime.entry(name)
    return f", {in_bytes(known.download_bytes)}" if known else ""


def _download_progress(name: str) -> None:
    under_way = runtime.downloads().progress(name)
    if under_way is None:
        st.rerun()
        return
    done, total = under_way
    st.progress(done / total if total else 0.0, f"{in_bytes(done)} of {in_bytes(total)}" if total else "Asking the hub …")


def _download(name: str) -> None:
    if runtime.downloads().progress(name) is not None:
        faults.fragment(_download_progress, run_every=0.5)(name)
        return
    if error := runtime.downloads().error(name):
        st.error(markup.escape_markdown(error), icon=":material/cloud_off:")
    st.button(
        f"Download{_size(name)}",
        icon=":material/download:",
        on_click=state.guarded(runtime.downloads().start),
        args=(name,),
        width="stretch",
    )


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


def _timeline() -> None:
    if not runtime.is_ready(state.current().model):
        return
    here = runtime.here()
    start = ""
    if here.sequence.started_empty:
        token = markup.escape_markdown(here.tokens[0])
        start = f". The prompt is empty, so the start token {token} was put in."
    st.caption(f"{len(here.ids)} of at most {here.config.context_length:,} tokens in view{start}")
    chips = sequence.timeline_chips(here)
    timeline(chips, key="sidebar_timeline", position=here.focus_chip, on_pick=sequence.go_to, sidebar=True)
