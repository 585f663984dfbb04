"""What do the words mean?

Reads: the one glossary of the app.
Shows: every word that the pages use, each explained once, found by typing a part of it.
"""

import streamlit as st

from app import ui
from app.glossary import GLOSSARY

ui.page_header(
    "tokens", "What do the words mean?", "Every word of the field that these pages use, explained once, in plain words."
)
wanted = st.text_input("Find a word", placeholder="for example: head", key="glossary_search").strip().casefold()
found = {
    word: text
    for word, text in sorted(GLOSSARY.items(), key=lambda item: item[0].casefold())
    if wanted in f"{word} {text}".casefold()
}
if not found:
    ui.note(f"No word here has “{wanted[:60]}” in it. Clear the field to see all {len(GLOSSARY)}.")
for word, text in found.items():
    st.markdown(f"**{word[0].upper()}{word[1:]}.** {text}")
