"""Which earlier tokens does this head attend to?

Reads: the attention of all heads (pooled where the text is long), and of the layer, head and query in focus.
Shows: a thumbnail a head; one map of query by key at a chosen stage (q · k, scaled, masked: numbers; weights: percent; weight times
length of the value); the formula with one cell's numbers; a row in numbers, or how q, k and v are made, or entropy by head (bits);
the newest token's weights in every head (percent).
"""

from app import choices, runtime, ui
from app.chapters.attention.parts import PARTS

here = runtime.here()
ui.page_header(
    "attention",
    "Which earlier tokens does this head attend to?",
    "A head compares the query of each token with the keys of all tokens up to it. The better the match, the more of that token's "
    "value it takes. Each map shows which token attends to which: a row for each query, a column for each key.",
)
ui.parts(choices.ATTENTION_PART, PARTS, here)
ui.terms("attention", "attention head", "query", "key", "value", "causal mask", "softmax", "entropy", "attention sink")
