"""What it takes to run a model of a given shape, and to train it: bytes, operations, years. Arithmetic only.

Training: mixed precision with Adam (Rajbhandari et al. 2020, "ZeRO", https://arxiv.org/abs/1910.02054, section 3.1);
activations: Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, sections 4.1 and 4.3;
operations: 6 for each parameter and training token (Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, section 2.1; Brown et al.
2020, https://arxiv.org/abs/2005.14165, appendix D).
"""

from __future__ import annotations

from dataclasses import dataclass

from gptcore.config import GPTConfig
from gptcore.parameters import count_parameters, kv_cache_bytes, number_bytes, weight_bytes

GIGABYTE = 10**9
SECONDS_PER_YEAR = 365.25 * 24 * 3600


@dataclass(frozen=True)
class InferenceMemory:
    """Bytes that are needed at once to write text."""

    weights: int
    kv_cache: int
    working: int

    @property
    def total(self) -> int:
        return self.weights + self.kv_cache + self.working


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that are needed at once for one training step."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.activations


def beside(number_type: str) -> str:
    """The type of what is kept beside weights of this type: the same, but beside int8 float16."""
    return "float16" if number_type == "int8" else number_type


def inference_memory(config: GPTConfig, number_type: str, batch_size: int, n_tokens: int, tied: bool = True) -> InferenceMemory:
    """Weights, keys and values of all tokens, and the working memory of one layer.

    number_type: of the weights; with int8 everything else is float16. working: the residual stream and the widened feed-forward
    before and after GELU, 9 numbers for each of emb_dim, for all tokens at once, and one row of logits a sequence in float32. No
    attention maps: each row is used once and can be dropped, while training keeps them (activation_bytes).
    """
    other = beside(number_type)
    number = number_bytes(other)
    return InferenceMemory(
        weights=weight_bytes(config, tied, number_type),
        kv_cache=batch_size * kv_cache_bytes(config, n_tokens, other),
        working=batch_size * (9 * config.emb_dim * n_tokens * number + 4 * config.vocab_size),
    )


def training_memory(config: GPTConfig, batch_size: int, n_tokens: int, tied: bool = True) -> TrainingMemory:
    """Mixed precision with Adam: 16 bytes a parameter, and what the backward pass has to remember.

    A parameter has its weight and its gradient in 16 bits (2 + 2 bytes), and for the optimiser the weight once more, the mean of its
    gradients and the mean of their squares in 32 (4 + 4 + 4). In float32 throughout it is 4 + 4 + 8: the same 16.
    """
    n_parameters = count_parameters(config, tied)
    return TrainingMemory(
        weights=2 * n_parameters,
        gradients=2 * n_parameters,
        optimizer=12 * n_parameters,
        activations=activation_bytes(config, batch_size, n_tokens),
    )


def activation_bytes(config: GPTConfig, batch_size: int, n_tokens: int) -> int:
    """Bytes that a forward pass in 16 bits keeps for the backward pass, nothing recomputed and the attention maps kept.

    Each layer s b h (34 + 5 a s / h), with s tokens, b sequences, h = emb_dim and a heads; then the dropout of the embeddings, the
    final LayerNorm's and the output head's inputs and the logits in float32: s b h + 4 s b h + 4 s b vocab_size.
    """
    vectors = batch_size * n_tokens * config.emb_dim
    maps = batch_size * config.n_heads * n_tokens**2
    return config.n_layers * (34 * vectors + 5 * maps) + 5 * vectors + 4 * batch_size * n_tokens * config.vocab_size


def training_flops(n_parameters: int, n_training_tokens: int) -> int:
    """6 operations for each parameter and token: 2 forward, 4 backward. Attention's two products are left out."""
    return 6 * n_parameters * n_training_tokens


def gpu_years(flops: int | float, flops_per_second: int | float) -> float:
    """Years that one processor of this speed takes, if it never waits."""
    return flops / flops_per_second / SECONDS_PER_YEAR
