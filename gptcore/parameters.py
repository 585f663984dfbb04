"""Where every parameter sits, and what a model of a given shape costs in memory and work. Arithmetic only: no weight is touched.

Shapes: Radford et al. 2019 (GPT-2). A block has 12 E^2 weights in its matrices, E = emb_dim: 4 E^2 in attention (query, key, value,
output), 8 E^2 in the feed-forward network (E -> 4 E -> E). FLOPs: one multiplication and one addition for each weight and token
(Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, section 2.1), and the two products of attention besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from gptcore.config import GPTConfig
from gptcore.errors import ConfigError

MEGABYTE, MEBIBYTE = 10**6, 2**20
NUMBER_BYTES = {"float32": 4, "float16": 2, "int8": 1}

TOKEN_EMBEDDING, POSITION_EMBEDDING, OUTPUT_HEAD = "Token embedding", "Position embedding", "Output head"
ATTENTION, FEED_FORWARD, LAYER_NORM = "Attention", "Feed-forward", "LayerNorm"
COMPONENTS = (TOKEN_EMBEDDING, POSITION_EMBEDDING, ATTENTION, FEED_FORWARD, LAYER_NORM, OUTPUT_HEAD)


@dataclass(frozen=True)
class TensorShape:
    """One tensor of the model. name: as in GPTModel; component: one of COMPONENTS; layer: its block, None outside the blocks."""

    name: str
    shape: tuple[int, ...]
    component: str
    layer: int | None

    @property
    def count(self) -> int:
        """Parameters in it."""
        return prod(self.shape)


def tensor_shapes(config: GPTConfig, tied: bool = True) -> tuple[TensorShape, ...]:
    """Every tensor of `GPTModel(config, tied)`, in its order. A tied output head is the token embedding, and is not listed twice."""
    emb = config.emb_dim
    found = [
        TensorShape("token_embedding.weight", (config.vocab_size, emb), TOKEN_EMBEDDING, None),
        TensorShape("position_embedding.weight", (config.context_length, emb), POSITION_EMBEDDING, None),
    ]
    for layer in range(config.n_layers):
        for name, shape, component in _block_tensors(config):
            found.append(TensorShape(f"blocks.{layer}.{name}", shape, component, layer))
    found += [TensorShape(f"final_norm.{name}", (emb,), LAYER_NORM, None) for name in ("scale", "shift")]
    if not tied:
        found.append(TensorShape("output_head.weight", (config.vocab_size, emb), OUTPUT_HEAD, None))
    return tuple(found)


def _block_tensors(config: GPTConfig) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape and component of each tensor of one block."""
    emb = config.emb_dim
    qkv_bias = [("attention.qkv.bias", (3 * emb,), ATTENTION)] if config.qkv_bias else []
    return [
        ("ln_1.scale", (emb,), LAYER_NORM),
        ("ln_1.shift", (emb,), LAYER_NORM),
        ("attention.qkv.weight", (3 * emb, emb), ATTENTION),
        *qkv_bias,
        ("attention.out_proj.weight", (emb, emb), ATTENTION),
        ("attention.out_proj.bias", (emb,), ATTENTION),
        ("ln_2.scale", (emb,), LAYER_NORM),
        ("ln_2.shift", (emb,), LAYER_NORM),
        ("feed_forward.widen.weight", (4 * emb, emb), FEED_FORWARD),
        ("feed_forward.widen.bias", (4 * emb,), FEED_FORWARD),
        ("feed_forward.narrow.weight", (emb, 4 * emb), FEED_FORWARD),
        ("feed_forward.narrow.bias", (emb,), FEED_FORWARD),
    ]


def block_counts(config: GPTConfig) -> dict[str, int]:
    """Parameters of one block: attention, feed-forward, and its two LayerNorms."""
    counts = {ATTENTION: 0, FEED_FORWARD: 0, LAYER_NORM: 0}
    for _, shape, component in _block_tensors(config):
        counts[component] += prod(shape)
    return counts


def component_counts(config: GPTConfig, tied: bool = True) -> dict[str, int]:
    """Parameters by component, all blocks together, in the order of COMPONENTS; the output head has 0 of its own where it is tied."""
    block = block_counts(config)
    table = config.vocab_size * config.emb_dim
    return {
        TOKEN_EMBEDDING: table,
        POSITION_EMBEDDING: config.context_length * config.emb_dim,
        ATTENTION: config.n_layers * block[ATTENTION],
        FEED_FORWARD: config.n_layers * block[FEED_FORWARD],
        LAYER_NORM: config.n_layers * block[LAYER_NORM] + 2 * config.emb_dim,
        OUTPUT_HEAD: 0 if tied else table,
    }


def count_parameters(config: GPTConfig, tied: bool = True) -> int:
    """All parameters. tied: the output head is the token embedding, and counts once."""
    return sum(component_counts(config, tied).values())


def number_bytes(number_type: str) -> int:
    """Bytes of one number. Raises ConfigError for a type that is not in NUMBER_BYTES."""
    if number_type not in NUMBER_BYTES:
        raise ConfigError(f"The number type is {number_type!r}; it must be one of {', '.join(NUMBER_BYTES)}.")
    return NUMBER_BYTES[number_type]


def weight_bytes(config: GPTConfig, tied: bool = True, number_type: str = "float32") -> int:
    """Bytes of the weights alone; int8 without the scales that quantisation adds."""
    return count_parameters(config, tied) * number_bytes(number_type)


def published_file_bytes(config: GPTConfig) -> int:
    """Bytes of the tensors in a published GPT-2 file: tied weights in float32, and in each layer the causal mask,
    context_length x context_length numbers that are no parameters. (The names and places in its header add some 10 to 60 kB.)
    """
    return weight_bytes(config) + 4 * config.n_layers * config.context_length**2


def kv_cache_bytes(config: GPTConfig, n_tokens: int, number_type: str = "float32") -> int:
    """Bytes of the keys and values of n_tokens: 2 x n_layers x emb_dim numbers a token. Queries are not kept."""
    return 2 * config.n_layers * config.emb_dim * n_tokens * number_bytes(number_type)


def attention_map_bytes(config: GPTConfig, n_tokens: int) -> int:
    """Bytes of one full set of attention maps in float32: n_layers x n_heads squares of n_tokens x n_tokens."""
    return 4 * config.n_layers * config.n_heads * n_tokens**2


@dataclass(frozen=True)
class Flops:
    """Multiplications and additions of one forward pass, by place.

    blocks: the matrices of all blocks; attention: q·k and weights·v; head: the output head. Biases, LayerNorm, GELU and softmax are
    left out: they grow with emb_dim, not with its square.
    """

    blocks: int
    attention: int
    head: int

    @property
    def total(self) -> int:
        return self.blocks + self.attention + self.head

    @property
    def attention_share(self) -> float:
        """Part of the total that the two products of attention take."""
        return self.attention / self.total

    @property
    def attention_adds(self) -> float:
        """What they add to all other work; 0.15 means 15 % more."""
        return self.attention / (self.blocks + self.head)


def forward_flops(
    config: GPTConfig, n_tokens: int, *, n_past: int = 0, head_positions: int | None = None, causal_half: bool = False
) -> Flops:
    """The work for n_tokens new tokens behind n_past whose keys and values are kept.

    head_positions: positions at which the output head is computed (all new ones if None). causal_half: count only the pairs that
    the mask lets through; otherwise the whole rectangle, as a plain matrix product computes it.
    """
    emb = config.emb_dim
    seen = n_tokens * (n_tokens + 1) // 2 if causal_half else n_tokens**2
    pairs = n_tokens * n_past + seen
    heads = n_tokens if head_positions is None else head_positions
    return Flops(
        blocks=2 * 12 * emb**2 * config.n_layers * n_tokens,
        attention=2 * 2 * emb * config.n_layers * pairs,
        head=2 * config.vocab_size * emb * heads,
    )


def next_token_flops(config: GPTConfig, n_tokens: int, *, cached: bool) -> Flops:
    """The work for the logits behind a sequence of n_tokens, at its last position only.

    cached: the keys and values of all tokens but the newest are kept, so that only the newest runs; otherwise all run again.
    """
    if cached:
        return forward_flops(config, 1, n_past=n_tokens - 1)
    return forward_flops(config, n_tokens, head_positions=1)
