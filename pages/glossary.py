"""What do the words mean?

Reads: the one glossary of the app.
Shows: every word that the pages use, each explained once, found by typing a part of it.
"""

import streamlit as st

from app import choices, state, ui
from app.glossary import GLOSSARY, named_in

ui.page_header(
    ui.WHOLE, "What do the words mean?", "Every word of the field that these pages use, explained once, in plain words."
)
wanted = st.text_input("Find a word", placeholder="for example: head", max_chars=60, **state.choice(choices.GLOSSARY_FIND))
sought = wanted.strip().casefold()
found = {
    word: text
    # The word itself, or what it is short for, stands before those that only speak of it.
    for word, text in sorted(
        GLOSSARY.items(), key=lambda item: (item[0].casefold() != sought, item[0] not in named_in(sought), item[0].casefold())
    )
    if sought in f"{word} {text}".casefold()
}
ui.note(
    f"{len(found)} of {len(GLOSSARY)} words."
    if found
    else f"No word here has “{wanted.strip()}” in it. Clear the field to see all {len(GLOSSARY)}."
)
# One element for all: each by itself would cost the browser a millisecond at every click.
st.markdown("\n\n".join(f"**{word[0].upper()}{word[1:]}.** {text}" for word, text in found.items()))
