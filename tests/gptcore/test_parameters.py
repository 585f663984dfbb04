"""Counts, bytes and operations against the model itself (on torch's meta device: shapes without memory) and the published figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gptcore import parameters
from gptcore.config import GPT2_LARGE, GPT2_MEDIUM, GPT2_SMALL, GPT2_XL, GPT3_175B, GPT_CONFIG_124M, NAMED_CONFIGS, GPTConfig
from gptcore.errors import ConfigError
from gptcore.model import GPTModel
from gptcore.parameters import MEBIBYTE, MEGABYTE, count_parameters, forward_flops, next_token_flops, weight_bytes

ODD = GPTConfig(301, 37, 30, 5, 3, 0.0, True)


def without_bias(config: GPTConfig) -> GPTConfig:
    return replace(config, qkv_bias=False)


def built(config: GPTConfig, tied: bool) -> GPTModel:
    with torch.device("meta"):
        return GPTModel(config, tied)


@pytest.mark.parametrize(
    ("config", "untied", "tied"),
    [
        (GPT_CONFIG_124M, 163_009_536, 124_412_160),
        (GPT2_SMALL, 163_037_184, 124_439_808),
        (without_bias(GPT2_MEDIUM), 406_212_608, 354_749_440),
        (without_bias(GPT2_LARGE), 838_220_800, 773_891_840),
        (without_bias(GPT2_XL), 1_637_792_000, 1_557_380_800),
        (GPT2_XL, 1_638_022_400, 1_557_611_200),
    ],
)
def test_the_published_sizes_have_their_known_counts(config: GPTConfig, untied: int, tied: int) -> None:
    assert (count_parameters(config, tied=False), count_parameters(config, tied=True)) == (untied, tied)


def test_gpt3_has_its_known_counts_with_and_without_biases() -> None:
    assert count_parameters(without_bias(GPT3_175B)) == 174_600_720_384
    assert count_parameters(GPT3_175B) == 174_604_259_328


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("config", [GPT_CONFIG_124M, *NAMED_CONFIGS.values(), ODD, without_bias(ODD)])
def test_every_tensor_is_one_of_the_model_and_the_counts_agree(config: GPTConfig, tied: bool) -> None:
    listed = {tensor.name: tensor.shape for tensor in parameters.tensor_shapes(config, tied)}
    model = built(config, tied)
    assert listed == {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    assert list(listed) == [name for name, _ in model.named_parameters()]
    assert count_parameters(config, tied) == sum(tensor.numel() for tensor in model.parameters())


def test_transformers_counts_the_same() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    theirs = GPT2Config(
        vocab_size=ODD.vocab_size, n_positions=ODD.context_length, n_embd=ODD.emb_dim, n_head=ODD.n_heads, n_layer=ODD.n_layers
    )
    with torch.device("meta"):
        model = GPT2LMHeadModel(theirs)
    assert count_parameters(ODD) == model.num_parameters()


def test_117_million_is_the_count_of_gpt1_with_its_own_vocabulary_and_context() -> None:
    from transformers import OpenAIGPTConfig, OpenAIGPTModel

    theirs = OpenAIGPTConfig()
    with torch.device("meta"):
        gpt1 = OpenAIGPTModel(theirs).num_parameters()
    final_norm = 2 * theirs.n_embd  # GPT-1 normalises after each part, so it has none at the end
    config = replace(GPT2_SMALL, vocab_size=theirs.vocab_size, context_length=theirs.n_positions)
    assert count_parameters(config) - final_norm == gpt1 == 116_534_784


def test_one_block_of_gpt2_small_has_its_known_parts() -> None:
    counts = parameters.block_counts(GPT_CONFIG_124M)
    assert counts == {"Attention": 2_360_064, "Feed-forward": 4_722_432, "LayerNorm": 3_072}


@pytest.mark.parametrize("tied", [True, False])
def test_components_add_up_to_the_tensors_listed_for_them(tied: bool) -> None:
    counts = dict.fromkeys(parameters.COMPONENTS, 0)
    for tensor in parameters.tensor_shapes(ODD, tied):
        counts[tensor.component] += tensor.count
    assert parameters.component_counts(ODD, tied) == counts


@pytest.mark.parametrize(
    ("config", "mebibytes"),
    [(GPT_CONFIG_124M, 621.83), (GPT2_MEDIUM, 1549.58), (GPT2_LARGE, 3197.56), (GPT2_XL, 6247.68)],
)
def test_the_untied_model_without_biases_has_the_published_size_in_mebibytes(config: GPTConfig, mebibytes: float) -> None:
    assert round(weight_bytes(without_bias(config), tied=False) / MEBIBYTE, 2) == mebibytes


def test_the_four_sizes_quoted_for_gpt2_small_are_four_different_things() -> None:
    assert round(weight_bytes(GPT2_SMALL) / MEGABYTE, 1) == 497.8
    assert round(parameters.published_file_bytes(GPT2_SMALL) / MEGABYTE) == 548
    assert round(weight_bytes(GPT_CONFIG_124M, tied=False) / MEBIBYTE, 2) == 621.83
    assert round(weight_bytes(GPT_CONFIG_124M, tied=False) / MEGABYTE, 2) == 652.04


@pytest.mark.parametrize(
    ("config", "file_bytes"),
    [(GPT2_SMALL, 548_105_171), (GPT2_MEDIUM, 1_519_984_962), (GPT2_LARGE, 3_247_159_078), (GPT2_XL, 6_431_829_962)],
)
def test_weights_and_masks_explain_the_published_files_but_for_their_headers(config: GPTConfig, file_bytes: int) -> None:
    assert 10_000 < file_bytes - parameters.published_file_bytes(config) < 60_000


def test_number_types_scale_the_bytes_and_unknown_ones_are_refused() -> None:
    sizes = [weight_bytes(GPT2_SMALL, number_type=name) for name in ("float32", "float16", "int8")]
    assert sizes == [497_759_232, 248_879_616, 124_439_808]
    with pytest.raises(ConfigError, match=r"'float8'.*float32, float16, int8"):
        weight_bytes(GPT2_SMALL, number_type="float8")


def test_the_cache_and_the_attention_maps_of_gpt2_small_have_their_known_sizes() -> None:
    assert parameters.kv_cache_bytes(GPT2_SMALL, 1) == 73_728
    assert parameters.kv_cache_bytes(GPT2_SMALL, 1024) == 72 * MEBIBYTE
    maps = [parameters.attention_map_bytes(GPT2_SMALL, n) / MEBIBYTE for n in (64, 256, 1024)]
    assert maps == [2.25, 36, 576]


def test_attention_adds_what_is_published_under_each_of_the_three_conventions() -> None:
    square = forward_flops(GPT2_SMALL, 1024)
    no_head = forward_flops(GPT2_SMALL, 1024, head_positions=0)
    half = forward_flops(GPT2_SMALL, 1024, causal_half=True)
    assert [round(100 * flops.attention_adds, 1) for flops in (square, no_head, half)] == [15.3, 22.2, 7.6]
    assert square.attention_share == square.attention / (square.blocks + square.attention + square.head)


@pytest.mark.parametrize("config", [ODD, GPT2_SMALL, GPT3_175B])
def test_torch_counts_the_same_operations_while_the_model_runs(config: GPTConfig) -> None:
    n_tokens = 17
    with FlopCounterMode(display=False) as counter:
        built(config, tied=True).eval()(torch.zeros(1, n_tokens, dtype=torch.long, device="meta"))
    assert counter.get_total_flops() == forward_flops(config, n_tokens).total


def test_a_cached_pass_is_the_rest_of_a_whole_pass() -> None:
    whole = forward_flops(ODD, 20, causal_half=True)
    first = forward_flops(ODD, 12, causal_half=True)
    rest = forward_flops(ODD, 8, n_past=12, causal_half=True)
    assert (first.blocks + rest.blocks, first.attention + rest.attention, first.head + rest.head) == (
        whole.blocks,
        whole.attention,
        whole.head,
    )


def test_without_the_cache_the_next_token_costs_a_pass_over_all_and_with_it_one_position() -> None:
    assert next_token_flops(ODD, 1, cached=True) == next_token_flops(ODD, 1, cached=False)
    cached, again = next_token_flops(ODD, 30, cached=True), next_token_flops(ODD, 30, cached=False)
    assert (again.blocks, again.attention, again.head) == (30 * cached.blocks, 30 * cached.attention, cached.head)
