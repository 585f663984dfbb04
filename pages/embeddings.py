"""What enters the first block?

Reads: the row of the token in focus, the row of its position, the residual stream before block 0; both embedding tables.
Shows: the two rows and their sum as strips (value by dimension); nearest tokens (cosine, -1 to 1); similarity of all positions
(cosine); lengths of rows; the tokens of the text and their neighbours in a plane, with the share of the variance that it keeps.
"""

import streamlit as st

from app import embedding_sections, runtime, ui

here = runtime.here()
ui.page_header(
    "embeddings",
    "What enters the first block?",
    "For each token the sum of two rows of numbers: one that belongs to the token, wherever it stands, and one that belongs to the "
    "position, whatever stands there. Both were learned.",
)
ui.note(f"Token {here.tokens[here.position]} at position {here.position}. Click another in the timeline.")
embedding_sections.the_sum(here)
st.subheader("Which tokens have similar rows?", anchor=False)
embedding_sections.the_neighbours(here)
st.subheader("Which positions have similar rows?", anchor=False)
embedding_sections.the_positions(here)
st.subheader("How long are the rows?", anchor=False)
embedding_sections.the_lengths(here)
st.subheader("The rows in a plane", anchor=False)
embedding_sections.the_plane(here)
ui.terms("embedding", "cosine", "token id", "residual stream", "vocabulary", "context length", "weight tying")
