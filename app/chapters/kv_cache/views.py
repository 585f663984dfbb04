"""A configuration or a race -> what the page on the K/V cache draws."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from app.counting import lengths
from app.engine import queued
from app.recent import MB, keeping
from gptcore.cache_race import Race, race
from gptcore.config import GPTConfig
from gptcore.language_model import LanguageModel
from gptcore.parameters import next_token_flops

KEPT = 2 * MB  # of each table, by configuration


@keeping(KEPT)
def next_token_work(config: GPTConfig) -> pd.DataFrame:
    """n_tokens, with_cache, without_cache: FLOPs for the next token behind a sequence of that length."""
    found = lengths(config).tolist()
    ways = {True: "with_cache", False: "without_cache"}
    return pd.DataFrame(
        {"n_tokens": found, **{ways[c]: [next_token_flops(config, n, cached=c).total for n in found] for c in ways}}
    )


@queued
def raced(model: LanguageModel, ids: Sequence[int], seconds: float) -> Race:
    """The model goes on with ids, with the cache and without, timed."""
    return race(model.model, ids, seconds)


def race_frame(found: Race) -> pd.DataFrame:
    """step, n_tokens, with_cache_ms, without_cache_ms, token ids both ways, difference of the logits (share of the largest)."""
    return pd.DataFrame(
        [
            (i, s.n_tokens, s.cached_ms, s.uncached_ms, s.cached_id, s.uncached_id, s.difference)
            for i, s in enumerate(found.steps)
        ],
        columns=["step", "n_tokens", "with_cache_ms", "without_cache_ms", "with_cache_id", "without_cache_id", "difference"],
    )
