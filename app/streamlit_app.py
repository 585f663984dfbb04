"""The entry: page list, shared sidebar, then the page. Start it with `streamlit run app`."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this folder on the path, not the project's root.
if (root := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.insert(0, root)

from app import navigation, runtime, sidebar, state, ui
from app.components.vocabulary import vocabulary
from gptcore.errors import GPTCoreError

st.set_page_config(page_title="Glass GPT", page_icon=Path(__file__).with_name("icon.png"), layout="wide")
page = st.navigation(navigation.menu(), position="top")
ui.style()
state.current()  # from the URL, on the first run of a session
sidebar.draw()
for message in state.take_messages():
    st.toast(message, icon=":material/info:")
try:
    name = state.current().model
    if runtime.is_offered(name) and not runtime.is_ready(name):
        ui.model_missing(name)
    else:
        vocabulary(name, runtime.vocabulary_texts(name))
        page.run()
except GPTCoreError as error:
    ui.problem(error)
state.publish()
