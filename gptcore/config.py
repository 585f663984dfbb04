"""GPTConfig and the named configurations.

Keys are those of the literature that the project teaches (Raschka, "Build a Large Language Model (From Scratch)", chapter 4).
Sizes: Radford et al. 2019 (GPT-2), table 2; Brown et al. 2020 (GPT-3), table 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gptcore.arguments import Number, Whole, at_least_one, real
from gptcore.errors import ConfigError


@dataclass(frozen=True)
class GPTConfig:
    """Everything that decides the shape of a GPT-2 model.

    vocab_size: tokens in the vocabulary; context_length: most tokens in one pass; emb_dim: width of the residual stream;
    n_heads: attention heads a layer, each `emb_dim / n_heads` wide; n_layers: transformer blocks;
    drop_rate: share of values zeroed in training; qkv_bias: whether the query, key and value projections have a bias.

    Raises ConfigError naming the value and the rule it breaks.
    """

    vocab_size: Whole
    context_length: Whole
    emb_dim: Whole
    n_heads: Whole
    n_layers: Whole
    drop_rate: Number
    qkv_bias: bool

    def __post_init__(self) -> None:
        for key in ("vocab_size", "context_length", "emb_dim", "n_heads", "n_layers"):
            value = at_least_one(key, getattr(self, key), ConfigError, "it must be a whole number of at least 1")
            object.__setattr__(self, key, value)  # a plain int, also where it was numpy's
        if self.emb_dim % self.n_heads:
            raise ConfigError(
                f"emb_dim is {self.emb_dim} and n_heads is {self.n_heads}; "
                "emb_dim must be divisible by n_heads, since each head takes an equal share of the width."
            )
        drop_rate = real(self.drop_rate)
        if drop_rate is None or not 0 <= drop_rate < 1:
            raise ConfigError(f"drop_rate is {self.drop_rate!r}; it must be a number of at least 0 and below 1.")
        object.__setattr__(self, "drop_rate", drop_rate)
        if not isinstance(self.qkv_bias, bool):
            raise ConfigError(f"qkv_bias is {self.qkv_bias!r}; it must be True or False.")

    @property
    def head_dim(self) -> int:
        """Width of one head's queries, keys and values."""
        return self.emb_dim // self.n_heads


# The configuration as published in the book, which leaves the q/k/v biases out and does not tie the output head.
GPT_CONFIG_124M = GPTConfig(50257, 1024, 768, 12, 12, 0.1, False)

# OpenAI's published weights have q/k/v biases.
GPT2_SMALL = replace(GPT_CONFIG_124M, qkv_bias=True)
GPT2_MEDIUM = replace(GPT2_SMALL, emb_dim=1024, n_heads=16, n_layers=24)
GPT2_LARGE = replace(GPT2_SMALL, emb_dim=1280, n_heads=20, n_layers=36)
GPT2_XL = replace(GPT2_SMALL, emb_dim=1600, n_heads=25, n_layers=48)

# For arithmetic only. GPT-3's layers alternate dense and locally banded sparse attention (Brown et al. 2020, section 2.1).
GPT3_175B = GPTConfig(50257, 2048, 12288, 96, 96, 0.1, True)

NAMED_CONFIGS: dict[str, GPTConfig] = {
    "gpt2": GPT2_SMALL,
    "gpt2-medium": GPT2_MEDIUM,
    "gpt2-large": GPT2_LARGE,
    "gpt2-xl": GPT2_XL,
    "gpt3-175b": GPT3_175B,
}

# What this architecture does, in the words of a published config.json; the first value is what a key that is left out means.
_PUBLISHED_CHOICES: dict[str, tuple[Any, ...]] = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}
_PUBLISHED_ABSENT = ("pruned_heads", "quantization_config")


def from_published(said: Mapping[str, Any]) -> tuple[GPTConfig, bool]:
    """The configuration that a published config.json describes, and whether it ties the output head to the token embedding.

    q/k/v biases are taken to be there, as they are in OpenAI's weights; the weights decide.
    Raises ConfigError that lists every key by which it describes a model that GPTModel does not compute.
    """
    faults = [] if said.get("model_type") == "gpt2" else [f"model_type is {said.get('model_type')!r}; only 'gpt2' is computed"]
    for key, choices in _PUBLISHED_CHOICES.items():
        if said.get(key, choices[0]) not in choices:
            faults.append(f"{key} is {said[key]!r}; only {' or '.join(map(repr, choices))} is computed")
    faults += [f"{key} is {said[key]!r}; only whole, plain weights are computed" for key in _PUBLISHED_ABSENT if said.get(key)]
    sizes: dict[str, Any] = {key: said.get(key) for key in ("vocab_size", "n_positions", "n_embd", "n_head", "n_layer")}
    sizes["n_positions"] = said.get("n_positions", said.get("n_ctx"))  # older files say n_ctx
    faults += [f"{key} is {value!r}; it must be a whole number" for key, value in sizes.items() if not isinstance(value, int)]
    if not isinstance(drop_rate := said.get("resid_pdrop", 0.1), (int, float)):
        faults.append(f"resid_pdrop is {drop_rate!r}; it must be a number")
    if not faults and said.get("n_inner") not in (None, 4 * said["n_embd"]):
        faults.append(f"n_inner is {said['n_inner']!r}; only 4 x n_embd = {4 * said['n_embd']} is computed")
    if faults:
        raise ConfigError("; ".join(faults) + ".")
    vocab_size, context_length, emb_dim, n_heads, n_layers = sizes.values()
    config = GPTConfig(vocab_size, context_length, emb_dim, n_heads, n_layers, float(drop_rate), True)
    return config, bool(said.get("tie_word_embeddings", True))


def to_published(config: GPTConfig, tied: bool) -> dict[str, Any]:
    """The keys of a published config.json for this model, so that other programs can load it. The last token ends a text."""
    return {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_ctx": config.context_length,
        "n_embd": config.emb_dim,
        "n_head": config.n_heads,
        "n_layer": config.n_layers,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.drop_rate),
        **{key: choices[0] for key, choices in _PUBLISHED_CHOICES.items()},
        "bos_token_id": config.vocab_size - 1,
        "eos_token_id": config.vocab_size - 1,
        "tie_word_embeddings": tied,
    }
