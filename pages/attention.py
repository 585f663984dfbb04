"""Which earlier tokens does this head attend to?

Reads: the attention of all heads (pooled where the text is long), and of the layer, head and query in focus.
Shows: a thumbnail a head; one map of query by key at a chosen stage (q · k, scaled, masked: numbers; weights: percent; weight times
length of the value); the formula with one cell's numbers; a row in numbers, or how q, k and v are made, or entropy by head (bits);
the newest token's weights in every head (percent).
"""

from app import beats, choices, runtime
from app.chapters.attention.parts import PARTS

here = runtime.here()
beats.tell(choices.ATTENTION_PART, PARTS, here)
