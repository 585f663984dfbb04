"""What enters the first block?

Reads: the row of the token in focus, the row of its position, the residual stream before block 0; both embedding tables.
Shows: the two rows and their sum as strips (value by dimension); nearest tokens (cosine, -1 to 1); similarity of all positions
(cosine); lengths of rows; the tokens of the text and their neighbours in a plane, with the share of the variance that it keeps.
"""

from app import choices, runtime, ui
from app.chapters.embeddings import sections

PARTS = {
    "sum": "The sum",
    "similar": "Similar tokens",
    "positions": "Similar positions",
    "lengths": "How long the rows are",
    "plane": "The rows in a plane",
}
DRAW = {
    "sum": sections.the_sum,
    "similar": sections.the_neighbours,
    "positions": sections.the_positions,
    "lengths": sections.the_lengths,
    "plane": sections.the_plane,
}

here = runtime.here()
ui.page_header(
    "embeddings",
    "What enters the first block?",
    "For each token the sum of two rows of numbers: one that belongs to the token, wherever it stands, and one that belongs to the "
    "position, whatever stands there. Both were learned.",
)
part = ui.parts(choices.EMBEDDINGS_PART, PARTS)
if part in ("sum", "similar", "positions"):
    ui.note(f"Token {here.tokens[here.position]} at position {here.position}. Click another in the text above.")
DRAW[part](here)
ui.terms("embedding", "cosine", "token id", "residual stream", "vocabulary", "context length", "weight tying")
