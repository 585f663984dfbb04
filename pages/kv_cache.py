"""How does the K/V cache save work?

Reads: queries, keys and values of the layer and head in focus; the model itself, when a measurement is asked for.
Shows: the newest query and all keys and values, one row per token (value as a share of the largest of its part, colour); bytes kept;
work for the next token (GFLOP) and measured time (ms), with and without the cache, over the tokens of the sequence.
"""

from app import beats, choices, runtime
from app.chapters.kv_cache.parts import PARTS

here = runtime.here()
beats.tell(choices.CACHE_PART, PARTS, here)
