"""Memory and time for running and training, against a block of plain torch and the published arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gptcore import hardware
from gptcore.config import GPT2_SMALL, GPT3_175B, GPTConfig
from gptcore.parameters import count_parameters

CONFIG = GPTConfig(50, 16, 24, 3, 1, 0.1, True)


def plain_block(x: Tensor, n_heads: int) -> Tensor:
    """One pre-LayerNorm block written out step by step in 16 bits, with dropout at its three places."""
    batch, n_tokens, emb = x.shape

    def matrix(rows: int, columns: int) -> Tensor:
        return torch.full((rows, columns), 0.01, dtype=x.dtype, requires_grad=True)

    q, k, v = (F.layer_norm(x, (emb,)) @ matrix(emb, 3 * emb)).view(batch, n_tokens, 3, n_heads, -1).permute(2, 0, 3, 1, 4)
    pattern = F.dropout((q @ k.transpose(-1, -2) * (emb // n_heads) ** -0.5).softmax(-1), 0.1)
    z = (pattern @ v).transpose(1, 2).reshape(batch, n_tokens, emb)
    x = x + F.dropout(z @ matrix(emb, emb), 0.1)
    widened = F.gelu(F.layer_norm(x, (emb,)) @ matrix(emb, 4 * emb), approximate="tanh")
    return x + F.dropout(widened @ matrix(4 * emb, emb), 0.1)


def kept_for_backward(batch: int, n_tokens: int) -> int:
    """Bytes that torch keeps of `plain_block` for the backward pass, a dropout mask counted as 1 byte an entry, as the paper does.

    Left out, there as here: the weights, and the mean and spread of a LayerNorm, one number a token.
    """
    n_bytes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        is_weight, is_statistic, is_mask = tensor.is_leaf and tensor.requires_grad, tensor.shape[-1] == 1, tensor.is_leaf
        if not is_weight and not is_statistic:
            n_bytes[tensor.data_ptr()] = tensor.numel() * (1 if is_mask else 2)
        return tensor

    x = 1 * torch.ones(batch, n_tokens, CONFIG.emb_dim, dtype=torch.bfloat16, requires_grad=True)
    with torch.random.fork_rng(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = plain_block(x, CONFIG.n_heads)
        assert result.requires_grad  # and is alive, so that no storage was used twice
    return sum(n_bytes.values())


@pytest.mark.parametrize(("batch", "n_tokens"), [(1, 2), (2, 16), (3, 9)])
def test_a_layer_keeps_for_the_backward_pass_what_torch_keeps(batch: int, n_tokens: int) -> None:
    one, two = (replace(CONFIG, n_layers=n) for n in (1, 2))
    layer = hardware.activation_bytes(two, batch, n_tokens) - hardware.activation_bytes(one, batch, n_tokens)
    assert layer == kept_for_backward(batch, n_tokens)


def test_outside_the_layers_the_logits_are_kept_and_five_bytes_for_each_number_of_the_stream() -> None:
    config = replace(CONFIG, n_layers=1)
    layer = kept_for_backward(2, 16)
    outside = hardware.activation_bytes(config, 2, 16) - layer
    assert outside == 2 * 16 * (5 * CONFIG.emb_dim + 4 * CONFIG.vocab_size)


def test_training_takes_16_bytes_a_parameter_and_the_activations() -> None:
    memory = hardware.training_memory(GPT2_SMALL, batch_size=8, n_tokens=1024)
    assert memory.weights + memory.gradients + memory.optimizer == 16 * 124_439_808
    assert memory.total == 16 * 124_439_808 + hardware.activation_bytes(GPT2_SMALL, 8, 1024)


def test_running_gpt2_small_in_float32_takes_its_weights_its_cache_and_the_work_of_one_layer() -> None:
    memory = hardware.inference_memory(GPT2_SMALL, "float32", batch_size=1, n_tokens=1024)
    assert (memory.weights, memory.kv_cache) == (497_759_232, 72 * 2**20)
    assert memory.working == 4 * (9 * 768 * 1024 + 50_257)
    assert memory.total == memory.weights + memory.kv_cache + memory.working


def test_with_int8_weights_the_rest_stays_in_float16() -> None:
    small, half = (hardware.inference_memory(GPT2_SMALL, name, 4, 100) for name in ("int8", "float16"))
    assert small.weights * 2 == half.weights
    assert (small.kv_cache, small.working) == (half.kv_cache, half.working)


def test_training_gpt3_takes_the_published_operations_and_355_years_on_one_v100() -> None:
    flops = hardware.training_flops(count_parameters(GPT3_175B), 300_000_000_000)
    assert f"{flops:.2e}" == "3.14e+23"  # Brown et al. 2020, table D.1
    assert int(hardware.gpu_years(3.14e23, 28e12)) == 355
    assert round(hardware.gpu_years(flops, 28e12), 1) == 355.7
