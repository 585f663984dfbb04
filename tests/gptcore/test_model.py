"""GPTModel against transformers' GPT-2 with the same random weights, its size, and that it can be trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from gptcore.checkpoints import published_names
from gptcore.config import GPT2_SMALL, GPT3_175B, GPT_CONFIG_124M, GPTConfig
from gptcore.errors import SequenceLengthError
from gptcore.model import GPTModel, causal_mask
from tests.gptcore.random_models import TINY, random_ids, random_model, trace_of


def theirs_like(ours: GPTModel) -> GPT2LMHeadModel:
    """transformers' model with our weights; where we have no bias for q, k and v, theirs is zero."""
    c = ours.config
    shape = GPT2Config(
        vocab_size=c.vocab_size, n_positions=c.context_length, n_embd=c.emb_dim, n_head=c.n_heads, n_layer=c.n_layers,
        tie_word_embeddings=ours.tied, attn_implementation="eager", bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(shape).to(next(ours.parameters()).dtype).eval()
    there, here = theirs.state_dict(), ours.state_dict()
    with torch.no_grad():
        for block in theirs.transformer.h:
            block.attn.c_attn.bias.zero_()
        for name, (published, transposed) in published_names(c, ours.tied).items():
            full = published if published.startswith("lm_head") else f"transformer.{published}"
            there[full].copy_(here[name].t() if transposed else here[name])
    return theirs


SHAPES = {
    "odd heads, full context": (TINY, True, 0.3, 20),
    "one token": (TINY, True, 0.3, 1),
    "one head": (replace(TINY, emb_dim=7, n_heads=1), True, 0.3, 9),
    "heads one wide": (replace(TINY, emb_dim=3, n_heads=3), True, 0.3, 9),
    "one layer": (replace(TINY, n_layers=1), True, 0.3, 9),
    "no qkv bias": (replace(TINY, qkv_bias=False), True, 0.3, 9),
    "own output head": (TINY, False, 0.3, 9),
    "own output head, no qkv bias": (replace(TINY, qkv_bias=False), False, 0.3, 20),
    "new weights": (replace(TINY, emb_dim=64, n_heads=4, n_layers=6), True, 0.0, 20),
    "large weights": (TINY, True, 2.0, 20),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)], ids=["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_hidden_states_and_attentions_are_those_of_transformers(shape: str, dtype: torch.dtype, tolerance: float) -> None:
    config, tied, spread, n_tokens = SHAPES[shape]
    model = random_model(config, tied, spread, dtype)
    ids = random_ids(n_tokens)
    with torch.no_grad():
        theirs = theirs_like(model)(torch.tensor([ids]), output_hidden_states=True, output_attentions=True)
        logits = model(torch.tensor([ids]))
    trace = trace_of(model, ids)

    def same(found: Tensor | np.ndarray, expected: Tensor, allowance: float = 1.0) -> None:
        assert found.shape == expected.shape
        assert str(found.dtype).removeprefix("torch.") == str(dtype).removeprefix("torch.")
        assert float((torch.as_tensor(found) - expected).abs().max() / expected.abs().max()) < tolerance * allowance

    same(logits, theirs.logits)
    same(trace.logits, theirs.logits[0, -1])
    for layer in range(config.n_layers):
        same(trace.resid(layer), theirs.hidden_states[layer][0])
        attention = trace.attention(layer)
        # A score of some hundred is rounded by some hundred times the last digit of 1, and its weight by as much.
        same(attention.pattern, theirs.attentions[layer][0], max(1.0, float(abs(attention.scaled).max()) / 50))
    same(trace.layer_norm(None, "final").after, theirs.hidden_states[-1][0])  # theirs is normalised already


@pytest.mark.parametrize(
    ("config", "tied", "millions"),
    [
        (GPT_CONFIG_124M, False, 163_009_536),
        (GPT_CONFIG_124M, True, 124_412_160),
        (GPT2_SMALL, False, 163_037_184),
        (GPT2_SMALL, True, 124_439_808),
        (replace(GPT_CONFIG_124M, emb_dim=1024, n_heads=16, n_layers=24), False, 406_212_608),
        (replace(GPT_CONFIG_124M, emb_dim=1024, n_heads=16, n_layers=24), True, 354_749_440),
        (replace(GPT_CONFIG_124M, emb_dim=1280, n_heads=20, n_layers=36), False, 838_220_800),
        (replace(GPT_CONFIG_124M, emb_dim=1280, n_heads=20, n_layers=36), True, 773_891_840),
        (replace(GPT_CONFIG_124M, emb_dim=1600, n_heads=25, n_layers=48), False, 1_637_792_000),
        (replace(GPT_CONFIG_124M, emb_dim=1600, n_heads=25, n_layers=48), True, 1_557_380_800),
        (GPT3_175B, True, 174_604_259_328),
    ],
)
def test_the_number_of_parameters_is_the_published_one(config: GPTConfig, tied: bool, millions: int) -> None:
    with torch.device("meta"):
        model = GPTModel(config, tied)
    assert sum(parameter.numel() for parameter in model.parameters()) == millions


def test_parts_of_a_block_have_the_sizes_of_the_book() -> None:
    with torch.device("meta"):
        block = GPTModel(replace(GPT_CONFIG_124M, n_layers=1)).blocks[0]
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in block.named_children()}
    assert (sizes["feed_forward"], sizes["attention"]) == (4_722_432, 2_360_064)


def test_a_tied_output_head_shares_the_storage_of_the_token_embedding() -> None:
    model = GPTModel(TINY, tied=True)
    assert model.output_head.weight is model.token_embedding.weight
    untied = GPTModel(TINY, tied=False)
    assert untied.output_head.weight.data_ptr() != untied.token_embedding.weight.data_ptr()


def test_a_new_model_writes_less_to_the_residual_stream_the_deeper_it_is() -> None:
    config = replace(TINY, emb_dim=120, n_layers=8)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = GPTModel(config)
    block = model.blocks[3]
    for writer in (block.attention.out_proj, block.feed_forward.narrow):
        assert float(writer.weight.detach().std()) == pytest.approx(0.02 / 4, rel=0.05)
        assert not writer.bias.any()
    assert float(block.feed_forward.widen.weight.detach().std()) == pytest.approx(0.02, rel=0.05)


def test_later_tokens_do_not_change_earlier_logits() -> None:
    model = random_model()
    ids = random_ids(12)
    changed = (*ids[:7], *random_ids(5, seed=8))
    with torch.no_grad():
        before, after = model(torch.tensor([ids, changed]))
    assert torch.allclose(before[:7], after[:7], atol=1e-5)
    assert not torch.allclose(before[7:], after[7:], atol=1e-2)


def test_sequences_of_a_batch_do_not_see_each_other() -> None:
    model, rows = random_model(), [random_ids(9, seed=seed) for seed in range(3)]
    with torch.no_grad():
        together = model(torch.tensor(rows))
        for row, logits in zip(rows, together, strict=True):
            assert torch.allclose(model(torch.tensor([row]))[0], logits, atol=1e-4)


@pytest.mark.parametrize(("n_new", "n_all"), [(1, 1), (4, 4), (2, 5), (1, 6)])
def test_the_mask_lets_each_token_see_itself_and_what_came_before(n_new: int, n_all: int) -> None:
    mask = causal_mask(n_new, n_all)
    for new in range(n_new):
        for key in range(n_all):
            assert bool(mask[new, key]) == (key <= n_all - n_new + new)


@pytest.mark.parametrize(
    ("n_tokens", "words"), [(0, "no token"), (21, "21 tokens are more than this model's context length of 20")]
)
def test_a_sequence_that_does_not_fit_is_refused_with_its_length_and_the_limit(n_tokens: int, words: str) -> None:
    with pytest.raises(SequenceLengthError, match=words):
        GPTModel(TINY)(torch.zeros(1, n_tokens, dtype=torch.long))


def test_the_order_in_memory_changes_nothing_but_speed() -> None:
    plain, laid_out = random_model(TINY, tied=True), random_model(TINY, tied=True).lay_out_for_steps()
    assert laid_out.output_head.weight is laid_out.token_embedding.weight
    assert laid_out.output_head.weight.t().is_contiguous()  # the vocabulary, its longer side, runs fastest
    assert laid_out.blocks[0].feed_forward.narrow.weight.is_contiguous()
    for (name, expected), (same_name, found) in zip(plain.named_parameters(), laid_out.named_parameters(), strict=True):
        assert name == same_name
        assert torch.equal(expected, found)
    ids = torch.tensor([random_ids(12)])
    with torch.no_grad():
        assert torch.allclose(plain(ids), laid_out(ids), rtol=1e-5, atol=1e-4)


def test_queries_alone_are_those_computed_with_keys_and_values() -> None:
    for bias in (True, False):
        attention = random_model(replace(TINY, qkv_bias=bias)).blocks[0].attention
        x = torch.randn(1, 6, 15, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            q = attention.queries_keys_values(x)[0]
            assert torch.allclose(attention.queries(x).transpose(1, 2), q, atol=1e-5)


def test_a_few_steps_of_training_lower_the_loss() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = GPTModel(replace(TINY, drop_rate=0.1)).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        ids = torch.tensor([random_ids(12)])
        losses = []
        for _ in range(30):
            loss = torch.nn.functional.cross_entropy(model(ids)[0, :-1], ids[0, 1:])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[0] > 3.5  # about log(61): a new model knows nothing
    assert losses[-1] < 1.0
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def _embedding_dropout(model: GPTModel) -> None:
    model.dropout.p = 0.5


def _attention_dropout(model: GPTModel) -> None:
    for block in model.blocks:
        block.attention.drop_rate = 0.5


def _shortcut_dropout(model: GPTModel) -> None:
    for block in model.blocks:
        block.dropout.p = 0.5


@pytest.mark.parametrize("switch_on", [_embedding_dropout, _attention_dropout, _shortcut_dropout])
def test_dropout_acts_at_each_of_its_three_places_in_training_and_nowhere_after(switch_on: Callable[[GPTModel], None]) -> None:
    model = random_model(replace(TINY, drop_rate=0.0))
    ids = torch.tensor([random_ids(12)])
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        model.train()
        assert torch.equal(model(ids), model(ids))
        switch_on(model)
        assert not torch.allclose(model(ids), model(ids), atol=1e-2)
        model.eval()
        assert torch.equal(model(ids), model(ids))


def test_the_drop_rate_of_the_configuration_reaches_all_three_places() -> None:
    model = GPTModel(replace(TINY, drop_rate=0.25))
    block = model.blocks[1]
    assert (model.dropout.p, block.dropout.p, block.attention.drop_rate) == (0.25, 0.25, 0.25)
