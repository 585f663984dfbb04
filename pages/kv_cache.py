"""How does the K/V cache save work?

Reads: queries, keys and values of the layer and head in focus; the model itself, when a measurement is asked for.
Shows: the newest query and all keys and values, one row a token (value as a share of the largest of its part, colour); bytes kept;
work for the next token (GFLOP) and measured time (ms), with and without the cache, over the tokens of the sequence.
"""

from app import choices, runtime, ui
from app.chapters.kv_cache.parts import PARTS

here = runtime.here()
ui.page_header(
    "attention",
    "How does the K/V cache save work?",
    "Because the keys and values of all earlier tokens are kept. Only the newest token runs through the model: its query is compared "
    "with the keys, it takes a weighted mean of the values, and the query is thrown away.",
)
ui.parts(choices.CACHE_PART, PARTS, here)
ui.terms("K/V cache", "query", "key", "value", "causal mask", "autoregressive", "FLOP")
