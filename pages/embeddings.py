"""What enters the first block?

Reads: the row of the token in focus, the row of its position, the residual stream before block 0; both embedding tables.
Shows: the two rows and their sum as strips (value by dimension); nearest tokens (cosine, -1 to 1); similarity of all positions
(cosine); lengths of rows; the tokens of the text and their neighbours in a plane, with the share of the variance that it keeps.
"""

from app import choices, runtime, ui
from app.chapters.embeddings.parts import PARTS

here = runtime.here()
ui.page_header(
    "embeddings",
    "What enters the first block?",
    "For each token the sum of two rows of numbers: one that belongs to the token, wherever it stands, and one that belongs to the "
    "position, whatever stands there. Both were learned.",
)
ui.parts(choices.EMBEDDINGS_PART, PARTS, here)
ui.terms("embedding", "cosine", "token id", "residual stream", "vocabulary", "context length", "weight tying")
