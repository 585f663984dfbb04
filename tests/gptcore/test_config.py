"""GPTConfig: what it refuses, the sizes that are known by name, and its way to and from a published config.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from transformers import GPT2Config

from gptcore.config import GPT2_SMALL, GPT_CONFIG_124M, NAMED_CONFIGS, GPTConfig, from_published, to_published
from gptcore.errors import ConfigError, GPTCoreError

PUBLISHED = GPT2Config().to_dict()


def test_a_head_takes_an_equal_share_of_the_width() -> None:
    assert GPTConfig(10, 8, 15, 5, 2, 0.0, False).head_dim == 3


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("vocab_size", 0, "vocab_size is 0"),
        ("context_length", -1, "context_length is -1"),
        ("n_layers", 1.5, "n_layers is 1.5"),
        ("n_heads", True, "n_heads is True"),
        ("emb_dim", "768", "emb_dim is '768'"),
        ("n_heads", 7, "n_heads is 7"),
        ("drop_rate", 1.0, "drop_rate is 1.0"),
        ("drop_rate", -0.1, "drop_rate is -0.1"),
        ("drop_rate", float("nan"), "drop_rate is nan"),
        ("drop_rate", "0.1", "drop_rate is '0.1'"),
        ("qkv_bias", 1, "qkv_bias is 1"),
    ],
)
def test_a_value_that_no_model_can_have_is_refused_by_name(key: str, value: Any, told: str) -> None:
    config = object.__new__(GPTConfig)  # past the tests' own check of types, which users do not have
    for name, usual in asdict(GPT_CONFIG_124M).items():
        object.__setattr__(config, name, value if name == key else usual)
    with pytest.raises(ConfigError, match=told):
        config.__post_init__()
    assert issubclass(ConfigError, GPTCoreError)


def test_the_published_sizes_are_those_of_the_papers() -> None:
    sizes = {name: (c.n_layers, c.emb_dim, c.n_heads, c.context_length) for name, c in NAMED_CONFIGS.items()}
    assert sizes == {
        "gpt2": (12, 768, 12, 1024),
        "gpt2-medium": (24, 1024, 16, 1024),
        "gpt2-large": (36, 1280, 20, 1024),
        "gpt2-xl": (48, 1600, 25, 1024),
        "gpt3-175b": (96, 12288, 96, 2048),
    }
    assert {c.vocab_size for c in NAMED_CONFIGS.values()} == {50257}


def test_the_books_configuration_leaves_out_the_biases_that_openais_weights_have() -> None:
    assert not GPT_CONFIG_124M.qkv_bias
    assert GPT2_SMALL.qkv_bias


def test_the_published_configuration_is_gpt2_small() -> None:
    assert from_published(PUBLISHED) == (GPT2_SMALL, True)


def test_an_older_file_that_says_n_ctx_is_understood() -> None:
    older = {key: value for key, value in PUBLISHED.items() if key != "n_positions"} | {"n_ctx": 512}
    assert from_published(older)[0].context_length == 512


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_written_is_read_back_by_us_and_by_transformers(tied: bool) -> None:
    config = GPTConfig(100, 16, 24, 3, 2, 0.25, True)
    assert from_published(to_published(config, tied)) == (config, tied)
    theirs = GPT2Config(**to_published(config, tied))
    assert (theirs.vocab_size, theirs.n_positions, theirs.n_embd, theirs.n_head, theirs.n_layer) == (100, 16, 24, 3, 2)
    assert (theirs.tie_word_embeddings, theirs.resid_pdrop, theirs.eos_token_id) == (tied, 0.25, 99)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "llama"),
        ("model_type", None),
        ("activation_function", "relu"),
        ("activation_function", "gelu"),
        ("layer_norm_epsilon", 1e-6),
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("add_cross_attention", True),
        ("n_inner", 1024),
        ("pruned_heads", {"0": [1]}),
        ("quantization_config", {"bits": 4}),
        ("vocab_size", "50257"),
        ("n_layer", None),
        ("resid_pdrop", "a little"),
    ],
)
def test_what_the_model_does_not_compute_is_refused_with_key_and_value(key: str, value: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        from_published(PUBLISHED | {key: value})
    assert f"{key} is {value!r}" in str(refused.value)


def test_all_that_is_wrong_with_a_configuration_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        from_published({"model_type": "bert", "activation_function": "relu"})
    assert all(key in str(refused.value) for key in ("model_type", "activation_function", "vocab_size", "n_head", "n_layer"))


def test_a_feed_forward_of_four_times_the_width_may_be_written_out() -> None:
    assert from_published(PUBLISHED | {"n_inner": 3072})[0] == GPT2_SMALL
    assert from_published(PUBLISHED | {"activation_function": "gelu_pytorch_tanh"})[0] == GPT2_SMALL
