"""What does the model see of a text?

Reads: the sequence in view, or a text of the visitor's own; the vocabulary with its merges; the model's probabilities.
Shows: tokens with ids and bytes, the reason of each cut, the merges of one piece in the order of their rank; characters per token; GPT-2's cut
beside the model's own;
surprise at each token and word (bits), rank of the real token, bits per character of a text.
"""

from app import beats, choices, runtime
from app.chapters.tokens.parts import PARTS

here = runtime.here()
beats.tell(choices.TOKENS_PART, PARTS, here)
