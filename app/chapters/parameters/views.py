"""A configuration -> what the page on parameters draws: tidy DataFrames, parts of a treemap, words.

What follows from a configuration alone is kept, since a page is drawn again at every click; nobody may change what is given here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pandas as pd

from app.charts import Area
from app.counting import lengths
from app.engine import queued
from app.recent import MB, keeping
from app.writing.numbers import fixed, in_bytes, in_flops, percent, significant
from gptcore import parameters
from gptcore.config import GPT2_SMALL, GPT_CONFIG_124M, GPTConfig
from gptcore.language_model import LanguageModel
from gptcore.parameters import COMPONENTS, MEBIBYTE, MEGABYTE, NUMBER_BYTES, forward_flops
from gptcore.weights import WeightStatistics, weight_statistics

# Component -> the stage whose colour it has.
STAGE_OF = dict(zip(COMPONENTS, ("tokens", "embeddings", "attention", "feed_forward", "layer_norm", "probability"), strict=True))


MOST_BLOCKS_DRAWN = 48


KEPT = 2 * MB  # of each table, by configuration


# Name of a convention -> (whether the output head counts, whether only the pairs before the mask count).
CONVENTIONS = {
    "With the head, whole square": (True, False),
    "Without the head, whole square": (False, False),
    "With the head, causal half": (True, True),
}


# GPT-1 as transformers counts it: its own vocabulary and context, and no LayerNorm at the end (which is subtracted where it is used).
GPT1_AS_COUNTED = replace(GPT2_SMALL, vocab_size=40_478, context_length=512)


@keeping(KEPT)
def components(config: GPTConfig, tied: bool) -> pd.DataFrame:
    """component, parameters, share (of all), in_one_block (parameters of it in one block; 0 outside the blocks)."""
    counts, block = parameters.component_counts(config, tied), parameters.block_counts(config)
    total = sum(counts.values())
    return pd.DataFrame(
        [(name, count, count / total, block.get(name, 0)) for name, count in counts.items()],
        columns=["component", "parameters", "share", "in_one_block"],
    )


def parts_by_component(config: GPTConfig, tied: bool, whole: str) -> list[Area]:
    """The whole and its components; a tied output head has no part of its own."""
    counts = parameters.component_counts(config, tied)
    names = {parameters.TOKEN_EMBEDDING: _table_name(tied)}
    parts = [Area(name, names.get(name, name), "whole", count, STAGE_OF[name]) for name, count in counts.items() if count]
    return [Area("whole", whole, "", sum(counts.values())), *parts]


def parts_by_block(config: GPTConfig, tied: bool, whole: str) -> list[Area]:
    """The whole, its embeddings, its blocks with their components, the final LayerNorm and an untied head.

    More than MOST_BLOCKS_DRAWN blocks are drawn in groups of equal size.
    """
    counts, block = parameters.component_counts(config, tied), parameters.block_counts(config)
    parts = [Area("whole", whole, "", sum(counts.values()))]
    parts.append(Area("tokens", _table_name(tied), "whole", counts[parameters.TOKEN_EMBEDDING], "tokens"))
    parts.append(Area("positions", "Position embedding", "whole", counts[parameters.POSITION_EMBEDDING], "embeddings"))
    size = -(-config.n_layers // MOST_BLOCKS_DRAWN)
    for first in range(0, config.n_layers, size):
        n = min(size, config.n_layers - first)
        name = f"Block {first}" if n == 1 else f"Blocks {first} to {first + n - 1}"
        parts.append(Area(f"b{first}", name, "whole", n * sum(block.values())))
        parts += [Area(f"b{first}{kind}", kind, f"b{first}", n * count, STAGE_OF[kind]) for kind, count in block.items()]
    parts.append(Area("final", "Final LayerNorm", "whole", 2 * config.emb_dim, "layer_norm"))
    if not tied:
        parts.append(Area("head", "Output head", "whole", counts[parameters.OUTPUT_HEAD], "probability"))
    return parts


def parts_frame(parts: list[Area]) -> pd.DataFrame:
    """part, within (what it is drawn inside of; empty for the whole), parameters: what a treemap draws, one line a part."""
    labels = {part.id: part.label for part in parts}
    return pd.DataFrame(
        [(part.label, labels.get(part.parent, ""), part.value) for part in parts], columns=["part", "within", "parameters"]
    )


def _table_name(tied: bool) -> str:
    return "Token embedding = output head" if tied else "Token embedding"


@keeping(KEPT)
def weight_memory(config: GPTConfig) -> pd.DataFrame:
    """number_type, tied, parameters, bytes, MB (10^6 bytes), MiB (2^20 bytes): the weights alone."""
    rows = []
    for tied in (True, False):
        for name in NUMBER_BYTES:
            size = parameters.weight_bytes(config, tied, name)
            rows.append((name, tied, parameters.count_parameters(config, tied), size, size / MEGABYTE, size / MEBIBYTE))
    return pd.DataFrame(rows, columns=["number_type", "tied", "parameters", "bytes", "MB", "MiB"])


# Unit of a cost -> how it is written on the screen.
_WRITTEN: dict[str, Callable[[float], str]] = {
    "numbers": "{:,}".format,
    "share": percent,
    "bytes": in_bytes,
    "MiB": lambda size: f"{significant(size)} MiB",
    "FLOP": in_flops,
}


class Cost(NamedTuple):
    """One thing that a configuration decides. unit: numbers, share (0 to 1), bytes, MiB or FLOP."""

    value: float
    unit: str

    @property
    def written(self) -> str:
        """As it stands on the screen."""
        return _WRITTEN[self.unit](self.value)


def costs(config: GPTConfig, tied: bool) -> dict[str, Cost]:
    """What a configuration costs: counts, bytes, operations; the contexts full."""
    n = config.context_length
    size, cache = parameters.weight_bytes(config, tied), parameters.kv_cache_bytes(config, n)
    flops, share = forward_flops(config, n), components(config, tied).set_index("component").share
    return {
        "Parameters": Cost(parameters.count_parameters(config, tied), "numbers"),
        "of them in one block": Cost(sum(parameters.block_counts(config).values()), "numbers"),
        "in the feed-forward networks": Cost(float(share[parameters.FEED_FORWARD]), "share"),
        "in attention": Cost(float(share[parameters.ATTENTION]), "share"),
        "in the LayerNorms": Cost(float(share[parameters.LAYER_NORM]), "share"),
        "in the table of tokens": Cost(float(share[parameters.TOKEN_EMBEDDING]), "share"),
        "in the table of positions": Cost(float(share[parameters.POSITION_EMBEDDING]), "share"),
        "in an output head of its own": Cost(float(share[parameters.OUTPUT_HEAD]), "share"),
        "Weights in float32": Cost(size, "bytes"),
        "the same in MiB": Cost(size / MEBIBYTE, "MiB"),
        "Weights in float16": Cost(parameters.weight_bytes(config, tied, "float16"), "bytes"),
        "Weights in int8": Cost(parameters.weight_bytes(config, tied, "int8"), "bytes"),
        "Width of a head": Cost(config.head_dim, "numbers"),
        "K/V cache": Cost(cache, "bytes"),
        "K/V cache for each token": Cost(parameters.kv_cache_bytes(config, 1), "bytes"),
        "All attention maps": Cost(parameters.attention_map_bytes(config, n), "bytes"),
        "Work for each token": Cost(flops.total / n, "FLOP"),
        "that attention's two products add": Cost(flops.attention_adds, "share"),
    }


def quoted_sizes() -> pd.DataFrame:
    """The four sizes quoted for GPT-2 small: size, parameters, bytes, reason."""
    book, openai = GPT_CONFIG_124M, GPT2_SMALL
    untied = parameters.weight_bytes(book, tied=False)
    published = parameters.published_file_bytes(openai)
    masks = f"{openai.n_layers} masks of {openai.context_length:,} x {openai.context_length:,} numbers, which are no parameters"
    rows = [
        (f"{fixed(parameters.weight_bytes(openai) / MEGABYTE, 1)} MB", openai, True, parameters.weight_bytes(openai),
         "OpenAI's weights, the output head tied to the token embedding"),
        (f"{fixed(published / MEGABYTE, 1)} MB", openai, True, published, f"The published file: the same, and {masks}"),
        (f"{fixed(untied / MEBIBYTE, 2)} MiB", book, False, untied, "An output head of its own, no query, key and value biases; "
         "1 MiB = 2²⁰ bytes, and often written MB"),
        (f"{fixed(untied / MEGABYTE, 2)} MB", book, False, untied, "The same bytes; 1 MB = 10⁶ bytes"),
    ]  # fmt: skip
    return pd.DataFrame(
        [(size, parameters.count_parameters(config, tied), n_bytes, reason) for size, config, tied, n_bytes, reason in rows],
        columns=["size", "parameters", "bytes", "reason"],
    )


@keeping(KEPT)
def work(config: GPTConfig) -> pd.DataFrame:
    """Over n_tokens: FLOPs for each token of a pass over that many (blocks, attention, head; whole square), and what attention adds
    to all other work, under each of the CONVENTIONS."""
    rows = []
    for n in lengths(config).tolist():
        flops = forward_flops(config, n)
        adds = {name: work_convention(config, n, name).attention_adds for name in CONVENTIONS}
        rows.append({"n_tokens": n, "blocks": flops.blocks / n, "attention": flops.attention / n, "head": flops.head / n, **adds})
    return pd.DataFrame(rows)


def work_convention(config: GPTConfig, n_tokens: int, name: str) -> parameters.Flops:
    """A pass over n_tokens, counted by one of the CONVENTIONS."""
    with_head, half = CONVENTIONS[name]
    return forward_flops(config, n_tokens, head_positions=None if with_head else 0, causal_half=half)


@queued
def tensor_statistics(model: LanguageModel, name: str) -> WeightStatistics:
    """The figures of one of the model's tensors."""
    return weight_statistics(model.model.get_parameter(name))
