"""Which token mattered: each method again, from runs and gradients of transformers."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import gptcore
from gptcore import input_effects
from gptcore.edits import forward_from
from gptcore.effects import head_effects, part_effects
from gptcore.errors import SequenceLengthError
from gptcore.input_effects import rank_agreement
from gptcore.language_model import LanguageModel
from gptcore.patching import patch_heads, patch_map
from gptcore.run import Ablation
from gptcore.trace import Trace
from tests.gptcore.peer import Peer
from tests.gptcore.random_models import TINY, random_model
from tests.gptcore.two_texts import IDS, METRIC, RIVAL, SOURCE, TARGET, difference


def log_prob(logits: Tensor) -> float:
    return float(logits[-1].log_softmax(-1)[TARGET] / np.log(2))


@pytest.mark.parametrize("at_once", [1, 3, 4])
def test_replacing_each_token_is_running_each_other_text(
    trace: Trace, peer: Peer, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_effects, "starts_at_once", lambda emb_dim: at_once)
    found = gptcore.token_effects(trace, TARGET)
    assert found.substitutes is not None and found.substitute_results is not None
    assert found.result == pytest.approx(log_prob(peer.logits(IDS)), abs=1e-5)
    for position in range(9):
        others = found.substitutes[position].tolist()
        assert len(set(others)) == 8 and IDS[position] not in others
        if position:  # those that the model held likeliest there
            order = [i for i in peer.logits(IDS)[position - 1].argsort(descending=True).tolist() if i != IDS[position]]
            assert set(others) == set(order[:8])
        results = [log_prob(peer.logits((*IDS[:position], other, *IDS[position + 1 :]))) for other in others]
        assert np.allclose(found.substitute_results[position], results, atol=2e-5)
        assert found.effects[position] == pytest.approx(found.result - np.mean(results), abs=2e-5)


def test_the_first_token_is_exchanged_for_those_whose_embeddings_point_most_nearly_its_way(tiny_model: LanguageModel) -> None:
    table = tiny_model.model.token_embedding.weight.detach().double().numpy()
    table = table * np.random.default_rng(0).uniform(0.2, 5, size=(len(table), 1))  # lengths tell nothing of the direction
    model = copy.deepcopy(tiny_model.model)
    model.token_embedding.weight.data = torch.tensor(table, dtype=torch.float32)
    found = gptcore.token_effects(LanguageModel("stretched", model, tiny_model.tokenizer).trace(IDS), TARGET).substitutes
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    near = unit @ unit[IDS[0]]
    near[IDS[0]] = -np.inf
    assert found is not None and found[0].tolist() == np.argsort(-near)[: input_effects.SUBSTITUTES].tolist()


def test_deleting_each_token_is_running_the_text_without_it(tiny_model: LanguageModel, trace: Trace, peer: Peer) -> None:
    found = gptcore.token_effects(trace, TARGET, RIVAL, "delete")
    assert found.result == pytest.approx(difference(peer.logits(IDS)), abs=1e-4)
    for position in range(9):
        without = difference(peer.logits((*IDS[:position], *IDS[position + 1 :])))
        assert found.effects[position] == pytest.approx(found.result - without, abs=1e-4)
    with pytest.raises(SequenceLengthError, match="1 token"):
        gptcore.token_effects(tiny_model.trace(IDS[:1]), method="delete")


def gradients(peer: Peer, rows: Tensor) -> Tensor:
    """Of log2 P(target), by the token embeddings."""
    rows = rows.detach().requires_grad_()
    logits = peer.model(inputs_embeds=rows[None]).logits[0]
    (found,) = torch.autograd.grad(logits[-1].log_softmax(-1)[TARGET] / np.log(2), rows)
    return found


def test_gradients_are_those_of_transformers_and_integrated_ones_add_up(trace: Trace, peer: Peer) -> None:
    table = peer.model.transformer.wte.weight.detach()
    own, base = table[list(IDS)], table.mean(0).expand(9, -1)
    gradient = gradients(peer, own)
    assert np.allclose(gptcore.token_effects(trace, TARGET, method="gradient").effects, gradient.norm(dim=-1), rtol=1e-4)
    by_input = gptcore.token_effects(trace, TARGET, method="gradient_x_input").effects
    assert np.allclose(by_input, (gradient * own).sum(-1), atol=1e-4)
    found = gptcore.token_effects(trace, TARGET, method="integrated_gradients")
    assert found.base_result is not None
    mean = torch.stack([gradients(peer, base + (step + 0.5) / 32 * (own - base)) for step in range(32)]).mean(0)
    assert np.allclose(found.effects, (mean * (own - base)).sum(-1), atol=1e-3)
    whole = found.result - found.base_result
    assert found.effects.sum() == pytest.approx(whole, rel=0.01, abs=0.01) and abs(whole) > 0.1


def test_gradients_follow_an_intervention(tiny_model: LanguageModel) -> None:
    """By central differences in the embedding of one token, on the run with parts off."""
    model = gptcore.LanguageModel(
        "double", random_model(dtype=torch.float64, config=replace(TINY, vocab_size=290)), tiny_model.tokenizer
    )
    ids, ablation = IDS[:5], Ablation(frozenset({(0, 1)}), feed_forward=frozenset({1}))
    effects_, weight = (
        gptcore.token_effects(model.trace(ids, ablation), 7, method="gradient_x_input"),
        model.model.token_embedding.weight,
    )
    edits = model.edits(ablation, 5)

    def result(scale: float) -> float:
        rows = weight[list(ids)][None].clone()
        rows[0, 2] *= scale
        with torch.inference_mode():
            logits = model.model.unembed(forward_from(model.model, edits.with_positions(model.model, rows), edits)[0, -1])
            return float(logits.log_softmax(-1)[7] / np.log(2))

    assert effects_.effects[2] == pytest.approx((result(1 + 1e-5) - result(1 - 1e-5)) / 2e-5, rel=1e-4)


def test_attention_and_rollout_are_weights_that_add_up_and_rollout_leans_to_the_first(trace: Trace) -> None:
    maps = np.stack([trace.attention(layer).pattern for layer in range(2)])
    attention = gptcore.token_effects(trace, method="attention").effects
    assert np.allclose(attention, maps[:, :, -1].mean((0, 1)), atol=1e-6)
    rollout = gptcore.token_effects(trace, method="rollout").effects
    through = [0.5 * np.eye(9) + 0.5 * layer.mean(0) for layer in maps]
    assert np.allclose(rollout, (through[1] @ through[0])[-1], atol=1e-6)
    assert rollout.sum() == pytest.approx(1, abs=1e-5) == attention.sum()


def test_agreement_is_spearmans() -> None:
    assert rank_agreement(np.array([1.0, 2, 3]), np.array([10.0, 20, 50])) == pytest.approx(1)
    assert rank_agreement(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5 / root(4.5 x 5)
    assert rank_agreement(np.array([0.0, 1, 1, 2]), np.array([1.0, 2, 3, 4])) == pytest.approx(4.5 / np.sqrt(4.5 * 5))
    assert np.isnan(rank_agreement(np.array([1.0, 1]), np.array([1.0, 2])))


def test_effects_of_an_intervened_text_are_made_with_its_parts_off(tiny_model: LanguageModel, peer: Peer) -> None:
    ablation = Ablation(frozenset({(0, 1)}), feed_forward=frozenset({1}))
    found = gptcore.token_effects(tiny_model.trace(IDS, ablation), TARGET, method="delete")
    for position in (0, 4, 8):
        without = log_prob(peer.logits((*IDS[:position], *IDS[position + 1 :]), ablation))
        assert found.effects[position] == pytest.approx(found.result - without, abs=2e-5)


def test_no_variant_writes_into_the_trace(tiny_model: LanguageModel) -> None:
    model = gptcore.LanguageModel("own", tiny_model.model, tiny_model.tokenizer)
    a, b = model.trace(IDS), model.trace(SOURCE)
    before = [a.resid(n).tobytes() for n in range(3)] + [f(n).tobytes() for f in (a.k, a.v) for n in range(2)]
    head_effects(a, scope="everywhere"), part_effects(a), patch_map(a, b, METRIC), patch_heads(a, b, METRIC)
    for method in ("replace", "delete", "integrated_gradients"):
        gptcore.token_effects(a, method=method)
    assert before == [a.resid(n).tobytes() for n in range(3)] + [f(n).tobytes() for f in (a.k, a.v) for n in range(2)]


@pytest.mark.parametrize("method", ["replace", "delete"])
def test_tokens_may_be_asked_for_piece_by_piece(trace: Trace, method: str) -> None:
    whole, some = (gptcore.token_effects(trace, TARGET, method=method, positions=each) for each in (None, [8, 0, 5]))
    assert np.allclose(some.effects[[0, 5, 8]], whole.effects[[0, 5, 8]], atol=1e-5)
    assert np.isnan(np.delete(some.effects, [0, 5, 8])).all()
    if whole.substitutes is not None and some.substitutes is not None:
        assert (some.substitutes[[0, 5, 8]] == whole.substitutes[[0, 5, 8]]).all() and (some.substitutes[1] == -1).all()
    with pytest.raises(gptcore.GPTCoreError, match="position is 9; there are 9 tokens"):
        gptcore.token_effects(trace, method=method, positions=[9])
    with pytest.raises(gptcore.GPTCoreError, match="takes all tokens together"):
        gptcore.token_effects(trace, method="gradient", positions=[1])
