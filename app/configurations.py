"""A configuration of a visitor's own: what it may be, and how it is written in a link."""

from __future__ import annotations

from typing import NamedTuple

from gptcore.config import GPTConfig
from gptcore.errors import ConfigError

# Key -> the largest number that can be asked for. Only arithmetic is done with it.
LARGEST = {"vocab_size": 1_000_000, "context_length": 131_072, "emb_dim": 65_536, "n_heads": 1_024, "n_layers": 1_000}
LARGEST_DROP_RATE = 0.9


class Configured(NamedTuple):
    """A configuration, and whether its output head is the token embedding."""

    config: GPTConfig
    tied: bool


def read(text: str) -> Configured:
    """50257-1024-768-12-12-0.1-1-1: the keys in the order of GPTConfig, then tied. ValueError for anything that is none."""
    *sizes, drop_rate, qkv_bias, tied = text.split("-")
    numbers = {key: int(size) for key, size in zip(LARGEST, sizes, strict=True)}
    if any(not 1 <= number <= LARGEST[key] for key, number in numbers.items()):
        raise ValueError(text)
    if not {qkv_bias, tied} <= {"0", "1"} or not 0 <= float(drop_rate) <= LARGEST_DROP_RATE:
        raise ValueError(text)
    try:
        return Configured(GPTConfig(**numbers, drop_rate=float(drop_rate), qkv_bias=qkv_bias == "1"), tied == "1")
    except ConfigError as error:  # a width that the heads cannot share
        raise ValueError(str(error)) from error


def write(configured: Configured | None) -> str:
    """What `read` takes."""
    if configured is None:
        return ""
    config, tied = configured
    sizes = "-".join(str(getattr(config, key)) for key in LARGEST)
    return f"{sizes}-{config.drop_rate:g}-{int(config.qkv_bias)}-{int(tied)}"
