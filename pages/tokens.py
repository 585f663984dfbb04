"""How is the text cut into tokens, and where was the model surprised?

Reads: the sequence in view, or a text of the visitor's own; the vocabulary with its merges; the model's probabilities.
Shows: tokens with ids and bytes, the reason of each cut, the merges of one piece in the order of their rank; characters per token;
surprise at each token and word (bits), rank of the real token, bits per character of a text.
"""

from app import choices, runtime, ui
from app.chapters.tokens.parts import PARTS

here = runtime.here()
ui.page_header(
    "tokens",
    "How is the text cut into tokens?",
    "First into words, numbers and signs. Then the bytes of each of these pieces are joined, two neighbours at a time, into the "
    f"largest parts that the vocabulary of {here.config.vocab_size:,} tokens has. The model sees only their numbers.",
)
ui.parts(choices.TOKENS_PART, PARTS, here)
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
