"""GPTConfig and the named configurations.

Keys are those of the literature that the project teaches (Raschka, "Build a Large Language Model (From Scratch)", chapter 4).
Sizes: Radford et al. 2019 (GPT-2), table 2; Brown et al. 2020 (GPT-3), table 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gptcore.errors import ConfigError


@dataclass(frozen=True)
class GPTConfig:
    """Everything that decides the shape of a GPT-2 model.

    vocab_size: tokens in the vocabulary; context_length: most tokens in one pass; emb_dim: width of the residual stream;
    n_heads: attention heads a layer, each `emb_dim / n_heads` wide; n_layers: transformer blocks;
    drop_rate: share of values zeroed in training; qkv_bias: whether the query, key and value projections have a bias.

    Raises ConfigError naming the value and the rule it breaks.
    """

    vocab_size: int
    context_length: int
    emb_dim: int
    n_heads: int
    n_layers: int
    drop_rate: float
    qkv_bias: bool

    def __post_init__(self) -> None:
        for key in ("vocab_size", "context_length", "emb_dim", "n_heads", "n_layers"):
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{key} is {value!r}; it must be a whole number of at least 1.")
        if self.emb_dim % self.n_heads:
            raise ConfigError(
                f"emb_dim is {self.emb_dim} and n_heads is {self.n_heads}; "
                "emb_dim must be divisible by n_heads, since each head takes an equal share of the width."
            )
        if not 0 <= self.drop_rate < 1:
            raise ConfigError(f"drop_rate is {self.drop_rate!r}; it must be at least 0 and below 1.")
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
