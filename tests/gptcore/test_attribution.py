"""Direct logit attribution: it adds up, and each share is that of what transformers writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gptcore
from gptcore.attribution import logit_attribution, neuron_attribution
from gptcore.run import Ablation, Patch
from gptcore.trace import Trace
from tests.gptcore.peer import Peer
from tests.gptcore.two_texts import IDS, RIVAL, SOURCE, TARGET

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel


INTERVENTIONS = [
    None,
    Ablation(frozenset({(0, 1), (1, 3)}), feed_forward=frozenset({0})),
    Ablation(attention=frozenset({0}), replacement="zero"),
    Ablation(attention=frozenset({1}), position_embedding=True),
    Patch(SOURCE, frozenset({(1, 3, 8), (0, 7, 7)})),
    Patch(SOURCE, frozenset({(0, 3, 8)})),
    Patch(SOURCE, frozenset({(2, 3, 8)})),
    Patch(SOURCE, frozenset({(1, 3, 8)}), "attn_out"),
    Patch(SOURCE, frozenset({(0, 7, 8)}), "mlp_out"),
    Patch(SOURCE, frozenset({(1, 2, 7, 8)}), "z"),
]


@pytest.mark.parametrize("intervention", INTERVENTIONS, ids=gptcore.write_intervention)
@pytest.mark.parametrize("rival", [RIVAL, None])
def test_all_parts_add_up_to_the_models_own_logit_difference(
    tiny_model: LanguageModel, intervention: Any, rival: int | None
) -> None:
    trace = tiny_model.trace(IDS, intervention)
    for position in (-1, 3):
        found = logit_attribution(trace, TARGET, rival, position)
        logits = trace.logits_at([position % 9])[0].astype(np.float64)
        expected = logits[TARGET] - (logits.mean() if rival is None else logits[rival])
        assert found.logit_difference == pytest.approx(expected, abs=1e-6)
        assert found.total == pytest.approx(expected, abs=1e-5 * max(1.0, abs(found.contributions).max()))
        assert found.position == position % 9 and len(found.parts) == len(found.contributions) == 3 + 2 * 6 + 1


def test_each_contribution_is_that_of_what_transformers_writes(trace: Trace, peer: Peer) -> None:
    found, seen, body = logit_attribution(trace, TARGET, RIVAL), peer.seen(IDS), peer.model.transformer
    resid = seen["resid_pre"][-1, -1]
    scale = (resid.var(correction=0) + 1e-5).sqrt()
    direction = peer.model.lm_head.weight[TARGET] - peer.model.lm_head.weight[RIVAL]

    def contribution(vector: Tensor) -> float:
        return float(((vector - vector.mean()) / scale * body.ln_f.weight) @ direction)

    with torch.inference_mode():
        assert found.scale == pytest.approx(float(scale), rel=1e-5)
        assert found.of("token_embedding") == pytest.approx(contribution(body.wte.weight[IDS[-1]]), abs=1e-5)
        assert found.of("position_embedding") == pytest.approx(contribution(body.wpe.weight[8]), abs=1e-5)
        assert found.of("shift") == pytest.approx(float(body.ln_f.bias @ direction), abs=1e-5)
        assert found.of("patched") == 0
        for layer in range(2):
            projection = body.h[layer].attn.c_proj
            assert found.of("feed_forward")[layer] == pytest.approx(contribution(seen["mlp_out"][layer, -1]), abs=1e-4)
            assert found.of("attention_bias")[layer] == pytest.approx(contribution(projection.bias), abs=1e-5)
            for head in range(4):
                part = slice(8 * head, 8 * head + 8)
                written = seen["z"][layer, -1, part] @ projection.weight[part]
                assert found.of("head")[layer, head] == pytest.approx(contribution(written), abs=1e-4)


def test_neurons_and_bias_add_up_to_their_network(tiny_model: LanguageModel) -> None:
    for intervention in INTERVENTIONS:
        trace = tiny_model.trace(IDS, intervention)
        whole = logit_attribution(trace, TARGET, RIVAL)
        for layer in range(2):
            found = neuron_attribution(trace, layer, TARGET, RIVAL)
            if not isinstance(intervention, Patch) or intervention.site != "resid_pre":
                assert found.neurons.sum() + found.bias == pytest.approx(float(whole.of("feed_forward")[layer]), abs=1e-5)
            assert found.neurons.shape == (128,)
    silent = neuron_attribution(tiny_model.trace(IDS, INTERVENTIONS[1]), 0, TARGET, RIVAL)
    assert not silent.neurons.any() and silent.bias != 0


def test_the_gradient_through_the_final_norm_times_its_input_is_zero_and_no_attribution(
    tiny_model: LanguageModel, trace: Trace
) -> None:
    """The norm ignores length: who forgets to hold its divisor gets nothing."""
    resid = torch.from_numpy(trace.resid(2)[-1]).requires_grad_()
    logits = tiny_model.model.unembed(resid)
    (gradient,) = torch.autograd.grad(logits[TARGET] - logits[RIVAL], resid)
    found = logit_attribution(trace, TARGET, RIVAL)
    assert abs(float((gradient * resid.detach()).sum())) < 1e-4 < abs(found.total - found.of("shift"))
