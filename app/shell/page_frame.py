"""What stands around every page: the sentence bar, messages, the model's vocabulary, and what is said when there is no page to show."""

from __future__ import annotations

from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from app import runtime, state, ui
from app.components.vocabulary import vocabulary
from app.shell import sentence
from app.writing import markup
from gptcore.errors import GPTCoreError


def draw(page: StreamlitPage, waiting: DeltaGenerator | None) -> None:
    """Draw the page and what stands above it. waiting: where something was said for the time until now; what comes first takes its
    place."""
    runtime.replace_missing_model()
    sentence.draw()
    for message in state.take_messages():
        st.toast(markup.escape_markdown(message), icon=":material/info:", duration="long")
    try:
        name = state.current().model
        if not runtime.is_ready(name):
            with waiting or nullcontext():
                ui.model_missing(name)
            sentence.download(name)
            return
        texts = runtime.vocabulary_texts(name)
        with waiting or nullcontext():
            vocabulary(name, texts)
        waiting = None
        page.run()
    except GPTCoreError as error:
        if waiting:
            waiting.empty()
        ui.problem(error)
