"""The loaded model as the map shows it: its parts in the order of the computation, with shapes, parameter counts and pages.

Shapes are those of this prompt, with the batch of one in front: [1, tokens, width].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from app import choices
from app.choices import EMBEDDINGS_PART, Shown
from app.engine import queued
from app.writing.markup import shape
from gptcore import parameters
from gptcore.checks import Check
from gptcore.config import GPTConfig
from gptcore.parameters import ATTENTION, FEED_FORWARD, LAYER_NORM
from gptcore.trace import Trace


@dataclass(frozen=True)
class ModelPart:
    """One box. details: the lines in it; words: one plain sentence; count: its parameters, 0 if it has none;
    times: how many of it there are; page: the file of the page that shows it; shown: what to choose there so that it does, where
    the page also shows something else; output: the shape of what it gives on."""

    key: str
    title: str
    details: tuple[str, ...]
    words: str
    stage: str
    page: str
    output: str
    count: int = 0
    times: int = 1
    shown: Shown = ()


@dataclass(frozen=True)
class ModelMap:
    """parts: by key; total: all parameters, each counted once; ids, stream: shapes of the token ids and the residual stream;
    text: the prompt as tokens, shortened; answer: the most likely next token; chance: its probability, from 0 to 1."""

    parts: dict[str, ModelPart]
    total: int
    n_tokens: int
    n_layers: int
    tied: bool
    ids: str
    stream: str
    text: str
    answer: str
    chance: float

    def share(self, key: str) -> float:
        """What the part, with all its repeats, has of all parameters: 0 to 1."""
        return self.parts[key].count * self.parts[key].times / self.total


def shapes(config: GPTConfig, n_tokens: int) -> dict[str, tuple[int, ...]]:
    """The shape of every array on the way, the batch of one in front where there is one."""
    n, emb, heads = n_tokens, config.emb_dim, config.n_heads
    return {
        "ids": (1, n),
        "positions": (n,),
        "position_rows": (n, emb),
        "stream": (1, n, emb),
        "q, k, v": (1, heads, n, config.head_dim),
        "weights": (1, heads, n, n),
        "widened": (1, n, 4 * emb),
        "logits": (1, n, config.vocab_size),
        "last": (config.vocab_size,),
    }


def model_map(config: GPTConfig, tied: bool, n_tokens: int, text: str, answer: str, chance: float) -> ModelMap:
    """All boxes of a configuration, for a sequence of n_tokens."""
    s = {name: shape(*sizes) for name, sizes in shapes(config, n_tokens).items()}
    parts = (*_ends(config, tied, s), *_block(config, s))
    total = parameters.count_parameters(config, tied)
    return ModelMap(
        {part.key: part for part in parts}, total, n_tokens, config.n_layers, tied, s["ids"], s["stream"], text, answer, chance
    )


def _ends(config: GPTConfig, tied: bool, s: dict[str, str]) -> tuple[ModelPart, ...]:
    """What stands before and behind the blocks."""
    vocab, context, emb = config.vocab_size, config.context_length, config.emb_dim
    head = "the token embedding, used again" if tied else f"{vocab:,} × {emb:,}, a matrix of its own"
    return (
        ModelPart("tokenizer", "Tokenizer", (f"knows {vocab:,} tokens",), "Cuts the text into tokens. Each has a number, its id.",
             "tokens", "tokens", s["ids"]),
        ModelPart("token_embedding", "Token embedding", (f"{vocab:,} × {emb:,}",),
             "One row of numbers for what a token is, one for where it stands. Their sum enters the first block.",
             "embeddings", "embeddings", s["stream"], vocab * emb, shown=((EMBEDDINGS_PART, "similar"),)),
        ModelPart("position_embedding", "Position embedding", (f"{context:,} × {emb:,}",), "", "embeddings", "embeddings",
             s["position_rows"], context * emb, shown=((EMBEDDINGS_PART, "positions"),)),
        ModelPart("final_norm", "Final LayerNorm", ("every token by itself",), "Brings the stream to one scale, a last time.",
             "layer_norm", "layer_norm", s["stream"], 2 * emb, shown=choices.norm_site("final")),
        ModelPart("output_head", "Output head", (head,), "Compares each vector with the row of every token: one logit each.",
             "probability", "lens", s["logits"], 0 if tied else vocab * emb),
        ModelPart("choice", "Softmax and choice", ("temperature, top-k, top-p, seed",),
             "Makes the last row of logits into probabilities and draws one token. It joins the text, and all begins again.",
             "probability", "sampling", s["last"]),
    )  # fmt: skip


def _block(config: GPTConfig, s: dict[str, str]) -> tuple[ModelPart, ...]:
    """One transformer block, and what is in it."""
    counts, n = parameters.block_counts(config), config.n_layers
    norm = counts[LAYER_NORM] // 2
    heads = f"{config.n_heads} head{'s' if config.n_heads > 1 else ''}"
    return (
        ModelPart("block", "Transformer block", (f"layers 0 to {n - 1}" if n > 1 else "layer 0",),
             "The same shape goes in and comes out, so blocks can be stacked.", "residual", "block", s["stream"],
             sum(counts.values()), n),
        ModelPart("ln_1", "LayerNorm", ("every token by itself",), "Mean 0, variance 1, then a learned scale and shift.",
             "layer_norm", "layer_norm", s["stream"], norm, n, shown=choices.norm_site("ln_1")),
        ModelPart("attention", "Masked multi-head attention", (heads, f"q, k, v {s['q, k, v']} each", f"weights {s['weights']}"),
             "Each token attends to itself and to those before it. The only place where tokens meet.",
             "attention", "attention", s["stream"], counts[ATTENTION], n),
        ModelPart("ln_2", "LayerNorm", ("every token by itself",), "", "layer_norm", "layer_norm", s["stream"], norm, n,
             shown=choices.norm_site("ln_2")),
        ModelPart("feed_forward", "Feed-forward", (f"widened {s['widened']}, GELU, narrowed",),
             "Expands each token's vector to four times its width, applies GELU, and projects it back.", "feed_forward", "feed_forward",
             s["stream"], counts[FEED_FORWARD], n),
    )  # fmt: skip


def frame(found: ModelMap) -> pd.DataFrame:
    """part, parameters (of one), times, share (of all parameters, 0 to 1), output (shape), page: one line a box."""
    rows: list[dict[str, Any]] = [
        {"part": p.key, "parameters": p.count, "times": p.times, "share": found.share(p.key), "output": p.output, "page": p.page}
        for p in found.parts.values()
    ]
    return pd.DataFrame(rows)


@queued
def shape_check(trace: Trace, drawn: dict[str, tuple[int, ...]]) -> Check:
    """The drawn shapes against the arrays of the trace. Of the axes that are as long as the sequence twice (attention weights) one
    row is computed, since the whole takes megabytes."""
    seen, wide = trace.attention(0, positions=(0,)), trace.feed_forward(0, positions=(0,))
    n = trace.n_tokens
    found = {
        "stream": (1, *trace.resid(trace.config.n_layers).shape),
        "q, k, v": (1, *seen.k.shape),
        "weights": (1, seen.pattern.shape[0], n, seen.pattern.shape[2]),
        "widened": (1, n, wide.mlp_post.shape[1]),
        "last": trace.logits.shape,
    }
    wrong = sum(found[name] != drawn[name] for name in found)
    return Check(
        "Shapes",
        f"{len(found)} shapes on the map against the arrays of this run. Deviation in shapes that differ.",
        float(wrong),
        0.0,
    )
