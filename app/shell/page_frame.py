"""What stands around every page: the sentence bar, messages, the model's vocabulary, and what is said when there is no page to show."""

from __future__ import annotations

from contextlib import nullcontext

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from app import choices, faults, offered, runtime, state, tellings, ui
from app.components.vocabulary import vocabulary
from app.shell import navigation, sentence
from app.writing import markup
from gptcore.config import NAMED_CONFIGS


def draw(page: StreamlitPage, waiting: DeltaGenerator | None) -> None:
    """Draw the page and its frame. waiting: where something was said for the time until now; what comes first takes its place."""
    faults.redact_streamlits_log()
    runtime.stand_in(False)
    file = navigation.file_of(page)

    def instead(said: str) -> None:
        if waiting:
            waiting.empty()
        faults.whole_page_problem(said)

    with faults.told(instead):
        offered.replace_missing_model()
        runtime.replace_foreign_tokens()
        state.remember("page", navigation.file_of(page))
        tellings.arrive(file)
        runtime.drop_unfit_intervention()
        sentence.draw()
        for message in state.take_messages():
            st.toast(markup.escape_markdown(message), icon=":material/info:", duration="long")
        if left_out := state.address(state.current())[1]:
            what = {
                "prompt": "this prompt",
                "chosen": "so many chosen tokens",
                "intervention": "a patch from so long a text",
            }.get(left_out, "a text as long as the one below")
            st.caption(
                f"This view has no link: with {what} the address would be longer than servers take. It stays here as long as this page is "
                "open; a shorter text can be shared."
            )
        name = state.current().model
        if (seen := offered.availability(name)).state != "ready":
            part = state.chosen(choices.ALL[file]) if file in choices.ALL else ""
            weightless = seen.state == "downloadable" and not navigation.needs_weights(file, part)
            weightless = weightless and (file != "map" or name in NAMED_CONFIGS)
            with waiting or nullcontext():
                if not weightless:
                    ui.model_missing(name, seen.reason)
            if weightless and waiting:
                waiting.empty()
            if weightless and file not in ("map", "glossary"):
                ui.note(
                    f"{name} is not on this machine, and this page needs none of its weights. Where a loaded model is shown, it is the "
                    "embedded Storyteller."
                )
            if seen.state == "downloadable":
                sentence.download(name)
            if weightless:
                runtime.stand_in(True)
                page.run()
            return
        texts = runtime.vocabulary_texts(runtime.model(name).identity)
        with waiting or nullcontext():
            vocabulary(name, texts)
        waiting = None
        runtime.replace_missing_focus()
        page.run()
