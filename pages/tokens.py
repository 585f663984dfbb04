"""How is the text cut into tokens, and where was the model surprised?

Reads: the sequence in view, or a text of the visitor's own; the vocabulary with its merges; the model's probabilities.
Shows: tokens with ids and bytes, the reason of each cut, the merges of one piece in the order of their rank; characters per token;
surprise at each token and word (bits), rank of the real token, bits per character of a text.
"""

import streamlit as st

from app import choices, runtime, ui
from app.chapters.tokens import sections, surprise_sections, views

PARTS = {"cut": "How it is cut", "other": "How other things are cut", "surprise": "Where the model was surprised"}

here = runtime.here()
ui.page_header(
    "tokens",
    "How is the text cut into tokens?",
    "First into words, numbers and signs. Then the bytes of each of these pieces are joined, two neighbours at a time, into the "
    f"largest parts that the vocabulary of {here.config.vocab_size:,} tokens has. The model sees only their numbers.",
)
part = ui.parts(choices.TOKENS_PART, PARTS)
if part == "other":
    sections.special_cases(here.model.tokenizer)
elif part == "surprise":
    ui.note(
        "One pass gives every token the probability that the model held it likely with, before it saw it. The less likely, the more "
        "bits of surprise, and the stronger the colour."
    )
    surprise_sections.surprise_of_text(here)
else:
    table, focus = sections.cut(here)
    if len(table):
        st.subheader("One piece, merge by merge", anchor=False)
        ui.note(
            "Byte-pair encoding begins with single bytes and joins the pair of neighbours whose merge was learned first: the one with "
            "the lowest rank. It stops when no learned pair is left. Click a token above to see its piece."
        )
        sections.merges(here.model.tokenizer, table.iloc[focus], views.piece_of(table, focus))
ui.terms(
    "token",
    "token id",
    "vocabulary",
    "byte-pair encoding",
    "pre-split",
    "merge",
    "context length",
    "surprise",
    "probability",
    "softmax",
)
