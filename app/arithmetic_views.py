"""A configuration -> what the pages on parameters, scale and the K/V cache draw: tidy DataFrames, parts of a treemap, words.

What follows from a configuration alone is kept, since a page is drawn again at every click; nobody may change what is given here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from app.charts import Part
from app.markup import percent
from app.recent import MB, keeping
from gptcore import parameters
from gptcore.cache_race import Race
from gptcore.config import GPT2_LARGE, GPT2_MEDIUM, GPT2_SMALL, GPT2_XL, GPT3_175B, GPT_CONFIG_124M, GPTConfig
from gptcore.hardware import inference_memory, training_memory
from gptcore.parameters import COMPONENTS, MEBIBYTE, MEGABYTE, NUMBER_BYTES, forward_flops, next_token_flops

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


@dataclass(frozen=True)
class ModelFacts:
    """A model to compare. training_tokens: None where they were not published; weights: who has them; tied: whether the output head
    is the token embedding; unknown: what stands where the training tokens are None."""

    title: str
    config: GPTConfig
    training_tokens: int | None
    weights: str
    tied: bool = True
    unknown: str = "not published"

    @property
    def n_parameters(self) -> int:
        """All its parameters; a tied output head counts once."""
        return parameters.count_parameters(self.config, self.tied)


# Radford et al. 2019, table 2 and section 2.1; Brown et al. 2020, tables 2.1 and D.1.
PUBLISHED = (
    ModelFacts("GPT-2 small", GPT2_SMALL, None, "public"),
    ModelFacts("GPT-2 medium", GPT2_MEDIUM, None, "public"),
    ModelFacts("GPT-2 large", GPT2_LARGE, None, "public"),
    ModelFacts("GPT-2 XL", GPT2_XL, None, "public"),
    ModelFacts("GPT-3", GPT3_175B, 300_000_000_000, "not public"),
)

# GPT-1 as transformers counts it: its own vocabulary and context, and no LayerNorm at the end (which is subtracted where it is used).
GPT1_AS_COUNTED = replace(GPT2_SMALL, vocab_size=40_478, context_length=512)


def in_words(number: float) -> str:
    """124_439_808 -> "124 million"; below a million with all its digits."""
    for name, size in (("trillion", 10**12), ("billion", 10**9), ("million", 10**6)):
        if number >= size:
            return f"{_short(number / size)} {name}"
    return f"{number:,.0f}"


def in_bytes(number: float) -> str:
    """497_759_232 -> "498 MB". Decimal units: 1 MB is 10^6 bytes."""
    for name, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{_short(number / size)} {name}"
    return f"{number:,.0f} bytes"


def work_unit(flops: float) -> tuple[str, float]:
    """A unit in which a number of FLOPs is easily read, and its size: ("GFLOP", 1e9)."""
    return next(
        unit for unit in (("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3)) if flops >= unit[1] or unit[1] == 1e3
    )


def in_flops(number: float) -> str:
    """248_000_000 -> "248 MFLOP"."""
    unit, size = work_unit(number)
    return f"{_short(number / size)} {unit}"


def in_tex(number: int) -> str:
    """124_439_808 with its thousands apart, for a formula."""
    return f"{number:,}".replace(",", "{,}")


def braced(number: int, thing: str) -> str:
    """A number for a formula, with what it counts under it: "12 layers", "1 layer"."""
    return rf"\underbrace{{{in_tex(number)}}}_{{\text{{{thing if number == 1 else thing + 's'}}}}}"


def _short(number: float) -> str:
    """1.56, 12.0, 124, 1,234: three significant digits, and all of a whole part; what is exactly whole without a point."""
    return f"{number:,.0f}" if number >= 999.5 or number == int(number) else f"{number:#.3g}".rstrip(".")


@keeping(KEPT)
def components(config: GPTConfig, tied: bool) -> pd.DataFrame:
    """component, parameters, share (of all), in_one_block (parameters of it in one block; 0 outside the blocks)."""
    counts, block = parameters.component_counts(config, tied), parameters.block_counts(config)
    total = sum(counts.values())
    return pd.DataFrame(
        [(name, count, count / total, block.get(name, 0)) for name, count in counts.items()],
        columns=["component", "parameters", "share", "in_one_block"],
    )


def parts_by_component(config: GPTConfig, tied: bool, whole: str) -> list[Part]:
    """The whole and its components; a tied output head has no part of its own."""
    counts = parameters.component_counts(config, tied)
    names = {parameters.TOKEN_EMBEDDING: _table_name(tied)}
    parts = [Part(name, names.get(name, name), "whole", count, STAGE_OF[name]) for name, count in counts.items() if count]
    return [Part("whole", whole, "", sum(counts.values())), *parts]


def parts_by_block(config: GPTConfig, tied: bool, whole: str) -> list[Part]:
    """The whole, its embeddings, its blocks with their components, the final LayerNorm and an untied head.

    More than MOST_BLOCKS_DRAWN blocks are drawn in groups of equal size.
    """
    counts, block = parameters.component_counts(config, tied), parameters.block_counts(config)
    parts = [Part("whole", whole, "", sum(counts.values()))]
    parts.append(Part("tokens", _table_name(tied), "whole", counts[parameters.TOKEN_EMBEDDING], "tokens"))
    parts.append(Part("positions", "Position embedding", "whole", counts[parameters.POSITION_EMBEDDING], "embeddings"))
    size = -(-config.n_layers // MOST_BLOCKS_DRAWN)
    for first in range(0, config.n_layers, size):
        n = min(size, config.n_layers - first)
        name = f"Block {first}" if n == 1 else f"Blocks {first} to {first + n - 1}"
        parts.append(Part(f"b{first}", name, "whole", n * sum(block.values())))
        parts += [Part(f"b{first}{kind}", kind, f"b{first}", n * count, STAGE_OF[kind]) for kind, count in block.items()]
    parts.append(Part("final", "Final LayerNorm", "whole", 2 * config.emb_dim, "layer_norm"))
    if not tied:
        parts.append(Part("head", "Output head", "whole", counts[parameters.OUTPUT_HEAD], "probability"))
    return parts


def parts_frame(parts: list[Part]) -> pd.DataFrame:
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
    "MiB": lambda size: f"{_short(size)} MiB",
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
        (f"{parameters.weight_bytes(openai) / MEGABYTE:.1f} MB", openai, True, parameters.weight_bytes(openai),
         "OpenAI's weights, the output head tied to the token embedding"),
        (f"{published / MEGABYTE:.1f} MB", openai, True, published, f"The published file: the same, and {masks}"),
        (f"{untied / MEBIBYTE:.2f} MiB", book, False, untied, "An output head of its own, no query, key and value biases; "
         "1 MiB = 2²⁰ bytes, and often written MB"),
        (f"{untied / MEGABYTE:.2f} MB", book, False, untied, "The same bytes; 1 MB = 10⁶ bytes"),
    ]  # fmt: skip
    return pd.DataFrame(
        [(size, parameters.count_parameters(config, tied), n_bytes, reason) for size, config, tied, n_bytes, reason in rows],
        columns=["size", "parameters", "bytes", "reason"],
    )


def lengths(config: GPTConfig, most: int = 65) -> np.ndarray:
    """Sequence lengths from 1 to the context length, evenly spread."""
    return np.unique(np.linspace(1, config.context_length, min(most, config.context_length)).round().astype(int))


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


@keeping(KEPT)
def scale(models: tuple[ModelFacts, ...]) -> pd.DataFrame:
    """One row a model: what grows and what stays. FLOPs with the head at every position and the whole square, a full context."""
    return pd.DataFrame(
        {
            "model": [m.title for m in models],
            "parameters": [m.n_parameters for m in models],
            "layers": [m.config.n_layers for m in models],
            "width": [m.config.emb_dim for m in models],
            "heads": [m.config.n_heads for m in models],
            "head width": [m.config.head_dim for m in models],
            "context": [m.config.context_length for m in models],
            "vocabulary": [m.config.vocab_size for m in models],
            "cache bytes a token": [parameters.kv_cache_bytes(m.config, 1, "float16") for m in models],
            "FLOPs a token": [forward_flops(m.config, m.config.context_length).total / m.config.context_length for m in models],
            "training tokens": pd.array([m.training_tokens for m in models], dtype="Int64"),
            "weights": [m.weights for m in models],
        }
    )


@keeping(KEPT)
def hardware(models: tuple[ModelFacts, ...], number_type: str, batch_size: int) -> pd.DataFrame:
    """model, purpose ("Running" or "Training"), part (the last of each is "total"), bytes: in memory at once, contexts full."""
    rows = []
    for model in models:
        length = model.config.context_length
        running = inference_memory(model.config, number_type, batch_size, length, model.tied)
        training = training_memory(model.config, batch_size, length, model.tied)
        for purpose, needs in (("Running", running), ("Training", training)):
            rows += [(model.title, purpose, part, size) for part, size in {**vars(needs), "total": needs.total}.items()]
    return pd.DataFrame(rows, columns=["model", "purpose", "part", "bytes"])


@keeping(KEPT)
def next_token_work(config: GPTConfig) -> pd.DataFrame:
    """n_tokens, with_cache, without_cache: FLOPs for the next token behind a sequence of that length."""
    found = lengths(config).tolist()
    ways = {True: "with_cache", False: "without_cache"}
    return pd.DataFrame(
        {"n_tokens": found, **{ways[c]: [next_token_flops(config, n, cached=c).total for n in found] for c in ways}}
    )


def race_frame(race: Race) -> pd.DataFrame:
    """step, n_tokens, with_cache_ms, without_cache_ms, token ids both ways, difference of the logits (share of the largest)."""
    return pd.DataFrame(
        [(i, s.n_tokens, s.cached_ms, s.uncached_ms, s.cached_id, s.uncached_id, s.difference) for i, s in enumerate(race.steps)],
        columns=["step", "n_tokens", "with_cache_ms", "without_cache_ms", "with_cache_id", "without_cache_id", "difference"],
    )
