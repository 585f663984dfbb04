"""Trace: what it shows is what the weights give, it adds up, its checks can fail, and nothing given out belongs to the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch

from gptcore.errors import GPTCoreError, OutOfRangeError, TokenError
from gptcore.model import GPTModel
from gptcore.store import TraceStore
from gptcore.trace import Trace
from tests.gptcore.random_models import LONG, TINY, random_ids, random_model, trace_of, traced


@pytest.fixture(scope="module")
def model() -> GPTModel:
    return random_model()


@pytest.fixture(scope="module")
def trace(model: GPTModel) -> Trace:
    return trace_of(model, random_ids(11))


@pytest.fixture(scope="module")
def long_trace() -> Trace:
    return trace_of(random_model(LONG), random_ids(100))


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 2e-6) -> bool:
    """Same shape, and apart by less than the tolerance of the largest number."""
    return found.shape == expected.shape and float(abs(found - expected).max()) <= tolerance * float(abs(expected).max())


def weights(model: GPTModel, name: str) -> np.ndarray:
    return model.get_parameter(name).numpy().copy()


@pytest.mark.parametrize("layer", [0, 1])
def test_displayed_weights_times_displayed_input_are_the_displayed_queries_keys_and_values(
    model: GPTModel, trace: Trace, layer: int
) -> None:
    seen, x = trace.attention(layer), trace.layer_norm(layer, "ln_1").after
    w, b = weights(model, f"blocks.{layer}.attention.qkv.weight"), weights(model, f"blocks.{layer}.attention.qkv.bias")
    for part, found in enumerate((seen.q, seen.k, seen.v)):
        rows = slice(15 * part, 15 * part + 15)
        expected = (x @ w[rows].T + b[rows]).reshape(11, 3, 5).transpose(1, 0, 2)
        assert close(found, expected)


def test_attention_goes_from_scores_to_output_as_the_formula_says(model: GPTModel, trace: Trace) -> None:
    seen = trace.attention(1)
    assert close(seen.scores, np.einsum("hqd,hkd->hqk", seen.q, seen.k))
    assert close(seen.scaled, seen.scores / np.sqrt(5))
    allowed = np.tril(np.ones((11, 11), dtype=bool))
    assert np.isneginf(seen.masked[:, ~allowed]).all()
    assert np.array_equal(seen.masked[:, allowed], seen.scaled[:, allowed])
    weight = np.exp(seen.masked - seen.masked.max(-1, keepdims=True))
    assert close(seen.pattern, weight / weight.sum(-1, keepdims=True))
    assert (seen.pattern[:, ~allowed] == 0).all()
    assert close(seen.z, np.einsum("hqk,hkd->hqd", seen.pattern, seen.v))
    w_o = weights(model, "blocks.1.attention.out_proj.weight")
    assert close(seen.head_out, np.stack([seen.z[h] @ w_o[:, 5 * h : 5 * h + 5].T for h in range(3)]))
    assert seen.attn_out is not None
    assert close(seen.attn_out, seen.head_out.sum(0) + weights(model, "blocks.1.attention.out_proj.bias"))


def test_some_heads_and_positions_are_cut_out_of_the_whole(trace: Trace) -> None:
    whole, part = trace.attention(1), trace.attention(1, positions=(7, 2), heads=(2, 0))
    assert (part.positions, part.heads, part.attn_out) == ((7, 2), (2, 0), None)
    for name in ("q", "scores", "pattern", "z", "head_out", "masked"):
        assert np.allclose(getattr(part, name), getattr(whole, name)[[2, 0]][:, [7, 2]], atol=1e-5), name
    for name in ("k", "v"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[[2, 0]]), name


def test_the_heads_may_be_named_in_any_order(trace: Trace) -> None:
    expected, found = trace.attention(0), trace.attention(0, heads=(1, 2, 0))
    assert np.allclose(found.pattern, expected.pattern[[1, 2, 0]], atol=1e-6)
    assert found.attn_out is not None and expected.attn_out is not None
    assert close(found.attn_out, expected.attn_out)


def test_the_block_adds_up_to_what_the_model_left_behind(trace: Trace) -> None:
    for layer in range(2):
        seen = trace.block(layer)
        assert np.array_equal(seen.resid_pre, trace.resid(layer))
        assert np.array_equal(seen.resid_post, trace.resid(layer + 1))
        assert close(seen.resid_pre + seen.attn_out, seen.resid_mid)
        assert close(seen.resid_mid + seen.mlp_out, seen.resid_post)
        assert close(seen.attn_in, trace.layer_norm(layer, "ln_1").after)
        assert close(seen.mlp_in, trace.layer_norm(layer, "ln_2").after)
        attn_out = trace.attention(layer).attn_out
        assert attn_out is not None and close(seen.attn_out, attn_out)


def test_layer_norm_shows_each_step_of_its_formula(model: GPTModel, trace: Trace) -> None:
    sites = [(0, "ln_1", trace.resid(0)), (1, "ln_2", trace.block(1).resid_mid), (None, "final", trace.resid(2))]
    for layer, site, before in sites:
        seen = trace.layer_norm(layer, site)  # type: ignore[arg-type]
        name = "final_norm" if layer is None else f"blocks.{layer}.{site}"
        assert close(seen.before, before)
        assert close(seen.mean, before.mean(-1), 1e-5)
        assert close(seen.var, before.var(-1))
        assert close(
            seen.normalized, (before - before.mean(-1, keepdims=True)) / np.sqrt(before.var(-1, keepdims=True) + seen.eps)
        )
        assert np.array_equal(seen.scale, weights(model, f"{name}.scale"))
        assert np.array_equal(seen.shift, weights(model, f"{name}.shift"))
        assert close(seen.after, seen.normalized * seen.scale + seen.shift)
        assert seen.eps == 1e-5


def test_feed_forward_widens_bends_and_narrows(model: GPTModel, trace: Trace) -> None:
    seen, name = trace.feed_forward(0), "blocks.0.feed_forward"
    assert seen.mlp_pre.shape == seen.mlp_post.shape == (11, 60)
    assert close(seen.resid_mid, trace.block(0).resid_mid)
    assert close(seen.mlp_in, trace.layer_norm(0, "ln_2").after)
    assert close(seen.mlp_pre, seen.mlp_in @ weights(model, f"{name}.widen.weight").T + weights(model, f"{name}.widen.bias"))
    x = seen.mlp_pre
    assert close(seen.mlp_post, 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))
    assert close(seen.mlp_out, seen.mlp_post @ weights(model, f"{name}.narrow.weight").T + weights(model, f"{name}.narrow.bias"))


@pytest.mark.parametrize("positions", [(0,), (10,), (7, 2, 2)])
def test_views_of_some_positions_are_cut_out_of_those_of_all(trace: Trace, positions: tuple[int, ...]) -> None:
    rows = list(positions)
    for view in (trace.feed_forward, trace.block):
        whole, part = view(1), view(1, positions)
        for field in fields(whole):
            assert np.allclose(getattr(part, field.name), getattr(whole, field.name)[rows], rtol=1e-4, atol=1e-4), field.name
    assert np.allclose(trace.layer_norm(1, "ln_2", positions).after, trace.layer_norm(1, "ln_2").after[rows], atol=1e-4)
    assert np.allclose(trace.logits_at(positions), trace.logits_at(range(11))[rows], atol=1e-4)


def test_maps_made_in_pieces_give_the_same_as_in_one(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, overview = trace.block(1), trace.attention_overview(4)
    monkeypatch.setattr("gptcore.activations._CHUNK_BYTES", 3 * 11 * 4 * 2)  # two queries at once
    assert close(trace.block(1).attn_out, whole.attn_out)
    again = trace.attention_overview(4)
    for field in fields(again):
        assert np.allclose(getattr(again, field.name), getattr(overview, field.name), atol=1e-6), field.name


def test_logits_are_those_of_a_plain_forward_pass(model: GPTModel, trace: Trace) -> None:
    with torch.no_grad():
        expected = model(torch.tensor([trace.ids]))[0].numpy()
    assert close(trace.logits, expected[-1])
    assert close(trace.logits_at((0, 10, 4)), expected[[0, 10, 4]])


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _plain_lens(model: GPTModel, trace: Trace, position: int) -> np.ndarray:
    """Log probabilities [depth, vocab_size] by numpy alone."""
    rows = np.stack([trace.resid(layer)[position] for layer in range(trace.config.n_layers + 1)]).astype(np.float64)
    normalized = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + 1e-5)
    after = normalized * weights(model, "final_norm.scale") + weights(model, "final_norm.shift")
    return _log_softmax(after @ weights(model, "output_head.weight").T)


@pytest.mark.parametrize("tied", [True, False])
def test_the_lens_reads_every_layer_with_its_own_statistics(tied: bool) -> None:
    model = random_model(TINY, tied)
    trace = trace_of(model, random_ids(11))
    seen = trace.lens(positions=(9, 0), top=5)
    for row, position in enumerate((9, 0)):
        expected = _plain_lens(model, trace, position)
        probs, order = np.exp(expected), np.argsort(-expected, axis=-1, kind="stable")
        assert np.array_equal(seen.token_ids[row], order[:, :5])
        assert np.allclose(seen.probs[row], np.take_along_axis(probs, order[:, :5], -1), atol=1e-5)
        assert np.allclose(seen.entropy[row], -(probs * expected).sum(-1) / np.log(2), atol=1e-4)
        target = order[-1, 0]
        assert seen.targets[row] == target
        assert np.allclose(seen.target_prob[row], probs[:, target], atol=1e-5)
        assert seen.target_rank[row].tolist() == [int((p > p[target]).sum()) for p in expected]
        divergence = (probs[-1] * (expected[-1] - expected)).sum(-1) / np.log(2)
        assert np.allclose(seen.divergence[row], divergence, rtol=1e-4, atol=1e-5)


def test_the_lens_after_the_last_layer_is_the_models_own_output(trace: Trace) -> None:
    seen, probs = trace.lens(top=61), np.exp(_log_softmax(trace.logits_at(range(11))))
    for position in range(11):
        assert np.allclose(seen.probs[position, -1], probs[position][seen.token_ids[position, -1]], atol=1e-5)
    assert (seen.target_rank[:, -1] == 0).all()
    assert np.allclose(seen.divergence[:, -1], 0, atol=1e-6)


def test_the_lens_follows_the_token_that_it_is_told_to(trace: Trace) -> None:
    positions = tuple(range(10))
    seen = trace.lens(positions, top=61, targets=trace.ids[1:])
    for row, target in enumerate(trace.ids[1:]):
        for depth in range(3):
            rank = int(seen.target_rank[row, depth])
            assert seen.token_ids[row, depth, rank] == target
            assert seen.probs[row, depth, rank] == seen.target_prob[row, depth]


def test_equal_logits_stand_in_the_order_of_their_ids() -> None:
    model = random_model(TINY, tied=False)
    model.output_head.weight[10:20] = model.output_head.weight[10]
    seen = trace_of(model, random_ids(5)).lens((4,), top=61, targets=(15,))
    for depth in range(3):
        ids = seen.token_ids[0, depth].tolist()
        assert [i for i in ids if 10 <= i < 20] == list(range(10, 20))
        assert ids[seen.target_rank[0, depth]] == 15


def test_the_lens_of_many_positions_is_the_lens_of_each(long_trace: Trace) -> None:
    many = long_trace.lens(top=3)
    for position in (0, 15, 16, 99):
        one = long_trace.lens((position,), top=3)
        assert np.array_equal(many.token_ids[position], one.token_ids[0])
        assert np.allclose(many.entropy[position], one.entropy[0], atol=1e-4)


CALLS: dict[str, Callable[[Trace], object]] = {
    "resid": lambda t: [t.resid(layer) for layer in range(3)],
    "k": lambda t: t.k(1),
    "v": lambda t: t.v(1),
    "logits": lambda t: t.logits,
    "logits_at": lambda t: t.logits_at((3, 10)),
    "attention": lambda t: t.attention(1),
    "attention in part": lambda t: t.attention(1, (10,), (2,)),
    "layer_norm": lambda t: [t.layer_norm(1, "ln_1"), t.layer_norm(1, "ln_2"), t.layer_norm(None, "final")],
    "feed_forward": lambda t: t.feed_forward(1),
    "block": lambda t: [t.block(0), t.block(1)],
    "lens": lambda t: t.lens(),
    "overview": lambda t: t.attention_overview(),
    "newest_row": lambda t: t.newest_row(),
}


def _arrays(value: object) -> list[np.ndarray]:
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, list):
        return [array for item in value for array in _arrays(item)]
    return [a for f in fields(value) for a in _arrays(getattr(value, f.name))] if is_dataclass(value) else []


@pytest.mark.parametrize("call", CALLS)
def test_what_is_given_out_may_be_overwritten_without_harm(call: str) -> None:
    model, store = random_model(), TraceStore()
    trace = traced(store, model, random_ids(11))
    expected = [array.copy() for name in CALLS for array in _arrays(CALLS[name](trace))]
    parameters = {name: parameter.clone() for name, parameter in model.named_parameters()}
    given = _arrays(CALLS[call](trace))
    assert given
    for array in given:
        array[...] = 77
    again = [array for name in CALLS for array in _arrays(CALLS[name](trace))]
    assert all(np.array_equal(a, b) for a, b in zip(expected, again, strict=True))
    assert all(torch.equal(parameters[name], parameter) for name, parameter in model.named_parameters())
    kept = traced(store, model, random_ids(11))
    assert np.array_equal(kept.resid(2), trace.resid(2)) and np.array_equal(kept.logits, trace.logits)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.resid(3), "layer is 3; there are 3 residual streams, so give a number from 0 to 2"),
        (lambda t: t.resid(-1), "layer is -1"),
        (lambda t: t.k(2), "layer is 2; there are 2 layers"),
        (lambda t: t.v(-1), "layer is -1"),
        (lambda t: t.attention(2), "layer is 2"),
        (lambda t: t.attention(0, heads=(3,)), "head is 3; there are 3 heads, so give a number from 0 to 2"),
        (lambda t: t.attention(0, heads=()), "No head"),
        (lambda t: t.attention(0, positions=(11,)), "position is 11; there are 11 tokens, so give a number from 0 to 10"),
        (lambda t: t.feed_forward(0, (-1,)), "position is -1"),
        (lambda t: t.block(-1), "layer is -1"),
        (lambda t: t.block(2), "layer is 2"),
        (lambda t: t.logits_at(()), "No position"),
        (lambda t: t.layer_norm(None, "ln_1"), "layer is None and site 'ln_1'; name a layer with \"ln_1\""),
        (lambda t: t.layer_norm(2, "ln_2"), "layer is 2"),
        (lambda t: t.lens((11,)), "position is 11"),
        (lambda t: t.lens((1,), top=0), "top is 0"),
        (lambda t: t.attention_overview(0), "size is 0"),
        (lambda t: t.attention_overview(layers=(2,)), "layer is 2"),
        (lambda t: t.attention_overview(layers=()), "No layer"),
    ],
)
def test_what_is_not_there_is_refused_with_the_range(trace: Trace, call: Callable[[Trace], object], words: str) -> None:
    with pytest.raises(OutOfRangeError, match=words) as raised:
        call(trace)
    assert isinstance(raised.value, IndexError) and isinstance(raised.value, GPTCoreError)


def test_targets_that_do_not_fit_are_refused(trace: Trace) -> None:
    with pytest.raises(TokenError, match="2 targets for 1 positions"):
        trace.lens((3,), targets=(1, 2))
    with pytest.raises(TokenError, match="Token id 61 is not in this model's vocabulary of 61"):
        trace.lens((3,), targets=(61,))


def test_a_trace_of_a_float64_model_is_in_float64() -> None:
    trace = trace_of(random_model(dtype=torch.float64), random_ids(11))
    kinds = {array.dtype for call in CALLS.values() for array in _arrays(call(trace)) if array.dtype.kind == "f"}
    assert kinds == {np.dtype(np.float64)}


def test_no_gradient_is_recorded_even_for_weights_that_could_be_trained() -> None:
    model = random_model(replace(TINY, n_layers=1)).requires_grad_(True)
    trace = trace_of(model, random_ids(4))
    trace.check()
    assert not trace._resid.requires_grad and trace._resid.is_inference()
