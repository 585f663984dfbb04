"""How does a token become numbers?

Reads: the row of the token in focus, the row of its position, the residual stream before block 0; both embedding tables.
Shows: the two rows and their sum as strips (value by dimension); nearest tokens (cosine, -1 to 1); similarity of all positions
(cosine); lengths of rows; the tokens of the text and their neighbours in a plane, with the share of the variance that it keeps.
"""

from app import beats, choices, runtime
from app.chapters.embeddings.parts import PARTS

here = runtime.here()
beats.tell(choices.EMBEDDINGS_PART, PARTS, here)
