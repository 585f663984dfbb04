"""Effects of switching off, patch maps and attributions: each figure again, one run at a time, by transformers with hooks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gptcore
from gptcore import effects, input_effects, patching
from gptcore.attribution import logit_attribution, neuron_attribution
from gptcore.edits import forward_from
from gptcore.effects import Effects, head_effects, part_effects
from gptcore.errors import GPTCoreError, InterventionError, OutOfRangeError, SequenceLengthError, TokenError
from gptcore.input_effects import rank_agreement, what_if
from gptcore.patching import LogitDifference, align, patch_heads, patch_map
from gptcore.reference import REFERENCE_TEXT
from gptcore.run import Ablation, Patch
from gptcore.store import TraceStore
from gptcore.trace import Trace
from tests.gptcore.peer import Peer
from tests.gptcore.random_models import TINY, random_ids, random_model, traced

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel

IDS = tuple((37 * i * i + 11 * i + 5) % 290 for i in range(9))
SOURCE = (*IDS[:3], 17, *IDS[4:7], 40, IDS[8])  # other tokens at 3 and 7
TARGET, RIVAL = 33, 34


@pytest.fixture(scope="module")
def peer(tiny_folder: Path, tiny_model: LanguageModel) -> Peer:
    return Peer(tiny_folder, tiny_model.tokenizer.encode(REFERENCE_TEXT))


@pytest.fixture(scope="module")
def trace(tiny_model: LanguageModel) -> Trace:
    return tiny_model.trace(IDS)


@pytest.fixture(scope="module")
def source(tiny_model: LanguageModel) -> Trace:
    return tiny_model.trace(SOURCE)


def expected_effects(peer: Peer, ids: tuple[int, ...], ablation: Ablation, last_only: bool) -> tuple[float, float, float, int]:
    """log2 P, logit difference and divergence as changes, and the top token, from two runs of transformers."""
    before, after = (peer.logits(ids)[-1], peer.logits(ids, ablation, last_only)[-1])
    log_before, log_after = before.log_softmax(-1), after.log_softmax(-1)
    divergence = (log_before.exp() * (log_before - log_after)).sum() / np.log(2)
    difference = (after[TARGET] - after[RIVAL]) - (before[TARGET] - before[RIVAL])
    return (
        float((log_after - log_before)[TARGET] / np.log(2)),
        float(difference),
        float(divergence),
        int(after.argmax()),
    )


def assert_effects(found: Effects, place: Any, expected: tuple[float, float, float, int]) -> None:
    assert found.logit_difference_change is not None
    assert found.log_prob_change[place] == pytest.approx(expected[0], abs=2e-5)
    assert found.logit_difference_change[place] == pytest.approx(expected[1], abs=2e-5)
    assert found.divergence[place] == pytest.approx(expected[2], abs=2e-5, rel=1e-3)
    assert found.top_token[place] == expected[3]


@pytest.mark.parametrize("scope", ["last", "everywhere"])
@pytest.mark.parametrize("replacement", ["mean", "zero"])
def test_every_head_switched_off_does_what_it_does_in_transformers(
    trace: Trace, peer: Peer, scope: Any, replacement: Any
) -> None:
    found = head_effects(trace, TARGET, RIVAL, scope, replacement)
    assert found.log_prob_change.shape == (2, 4) and (found.target, found.rival) == (TARGET, RIVAL)
    for layer, head in itertools.product(range(2), range(4)):
        ablation = Ablation(frozenset({(layer, head)}), replacement=replacement)
        assert_effects(found, (layer, head), expected_effects(peer, IDS, ablation, scope == "last"))
    assert abs(found.log_prob_change).max() > 0.01


@pytest.mark.parametrize("scope", ["last", "everywhere"])
@pytest.mark.parametrize("replacement", ["mean", "zero"])
def test_every_whole_part_switched_off_does_what_it_does_in_transformers(
    trace: Trace, peer: Peer, scope: Any, replacement: Any
) -> None:
    found = part_effects(trace, TARGET, RIVAL, scope, replacement)
    for layer in range(2):
        one: Any = frozenset({layer})
        for part, ablation in (
            (found.attention, Ablation(attention=one, replacement=replacement)),
            (found.feed_forward, Ablation(feed_forward=one, replacement=replacement)),
            (found.block, Ablation(attention=one, feed_forward=one, replacement=replacement)),
        ):
            assert_effects(part, layer, expected_effects(peer, IDS, ablation, scope == "last"))
    position = Ablation(position_embedding=True, replacement=replacement)
    assert_effects(found.position_embedding, (), expected_effects(peer, IDS, position, scope == "last"))


@pytest.mark.parametrize("n_tokens", [1, 2, 20])
@pytest.mark.parametrize(
    "config",
    [TINY, replace(TINY, qkv_bias=False, n_layers=3), replace(TINY, n_heads=1, n_layers=1), replace(TINY, n_heads=15)],
    ids=["odd", "without bias", "one head", "heads of width 1"],
)
def test_the_growing_batch_is_separate_runs_for_every_shape(config: Any, n_tokens: int) -> None:
    model, store, ids = random_model(config), TraceStore(), random_ids(n_tokens)
    clean = traced(store, model, ids)
    found = head_effects(clean, scope="everywhere")
    log_before = torch.from_numpy(clean.logits).double().log_softmax(-1)
    assert found.target == int(clean.logits.argmax()) and found.logit_difference_change is None
    for layer, head in itertools.product(range(config.n_layers), range(config.n_heads)):
        logits = torch.from_numpy(traced(store, model, ids, Ablation(frozenset({(layer, head)}))).logits).double()
        change = (logits.log_softmax(-1) - log_before) / np.log(2)
        assert found.log_prob_change[layer, head] == pytest.approx(float(change[found.target]), abs=5e-5, rel=1e-4)
        assert found.divergence[layer, head] == pytest.approx(float(-(log_before.exp() * change).sum()), abs=5e-5, rel=1e-3)
    if n_tokens == 1:  # there is no other token
        assert np.allclose(head_effects(clean).log_prob_change, found.log_prob_change, atol=1e-5)


def test_effects_do_not_depend_on_how_many_variants_run_at_once(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = head_effects(trace, TARGET, RIVAL, "everywhere"), part_effects(trace, TARGET, RIVAL, "everywhere")
    monkeypatch.setattr(effects, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(effects, "LOGITS_AT_ONCE", 3)
    assert np.allclose(head_effects(trace, TARGET, RIVAL, "everywhere").log_prob_change, whole.log_prob_change, atol=1e-5)
    again = part_effects(trace, TARGET, RIVAL, "everywhere")
    for name in ("attention", "feed_forward", "block", "position_embedding"):
        assert np.allclose(getattr(again, name).divergence, getattr(parts, name).divergence, atol=1e-5)


def test_layers_may_be_asked_for_one_by_one_from_the_top(trace: Trace) -> None:
    whole = head_effects(trace, TARGET)
    assert np.allclose(head_effects(trace, TARGET, layers=(1, 0)).log_prob_change, whole.log_prob_change[::-1], atol=1e-5)
    assert np.allclose(head_effects(trace, TARGET, layers=[1]).divergence, whole.divergence[1:], atol=1e-5)


def test_on_a_run_with_parts_off_an_effect_is_that_of_one_more(tiny_model: LanguageModel, peer: Peer) -> None:
    base = Ablation(frozenset({(0, 1)}), frozenset({1}), position_embedding=True)
    found = head_effects(tiny_model.trace(IDS, base), TARGET, RIVAL, "everywhere")
    for head in range(4):
        more = replace(base, heads=base.heads | {(0, head)})
        change = peer.logits(IDS, more)[-1].log_softmax(-1) - peer.logits(IDS, base)[-1].log_softmax(-1)
        assert found.log_prob_change[0, head] == pytest.approx(float(change[TARGET]) / np.log(2), abs=2e-5)
    assert np.allclose(found.log_prob_change[1], 0, atol=1e-6)  # that layer's attention writes nothing anyway
    parts = part_effects(tiny_model.trace(IDS, base), TARGET, scope="everywhere")
    more = replace(base, feed_forward=frozenset({0}))
    change = peer.logits(IDS, more)[-1].log_softmax(-1) - peer.logits(IDS, base)[-1].log_softmax(-1)
    assert parts.feed_forward.log_prob_change[0] == pytest.approx(float(change[TARGET]) / np.log(2), abs=2e-5)
    assert parts.position_embedding.log_prob_change == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda t: head_effects(t, 290), TokenError, "Token id 290"),
        (lambda t: head_effects(t, 3, -1), TokenError, "Token id -1"),
        (lambda t: head_effects(t, layers=[2]), OutOfRangeError, "layer is 2; there are 2 layers"),
        (lambda t: logit_attribution(t, 3, position=9), OutOfRangeError, "position is 9; there are 9 tokens"),
        (lambda t: logit_attribution(t, 3, 290), TokenError, "Token id 290"),
        (lambda t: logit_attribution(t, 3).of("neuron"), OutOfRangeError, "kind is 'neuron'; choose one of: token_embedding"),
        (lambda t: patch_map(t, t, LogitDifference(0, 290)), TokenError, "Token id 290"),
        (lambda t: gptcore.token_effects(t, -5), TokenError, "Token id -5"),
        (lambda t: what_if(t.ids, 9, 3), OutOfRangeError, "position is 9; there are 9 tokens"),
        (lambda t: what_if(t.ids, -1, 3), OutOfRangeError, "position is -1"),
        (lambda t: what_if(t.ids, 1, -3), TokenError, "Token id -3"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused(trace: Trace, call: Any, error: type[GPTCoreError], words: str) -> None:
    with pytest.raises(error, match=words):
        call(trace)


def difference(logits: Tensor) -> float:
    return float(logits[-1, TARGET] - logits[-1, RIVAL])


METRIC = LogitDifference(TARGET, RIVAL)


@pytest.mark.parametrize("at_once", [1, 2, 4])
@pytest.mark.parametrize("site", ["resid_pre", "attn_out", "mlp_out"])
def test_every_cell_of_a_patch_map_is_that_of_transformers(
    trace: Trace, source: Trace, peer: Peer, site: Any, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patching, "starts_at_once", lambda emb_dim: at_once)
    found = patch_map(trace, source, METRIC, site)
    assert found.effect.shape == (3 if site == "resid_pre" else 2, 9) and found.first_difference == 3
    assert found.target_value == pytest.approx(difference(peer.logits(IDS)), abs=1e-4)
    assert found.source_value == pytest.approx(difference(peer.logits(SOURCE)), abs=1e-4)
    for layer, position in itertools.product(range(len(found.effect)), range(9)):
        patched = peer.logits(IDS, Patch(SOURCE, frozenset({(layer, position, position)}), site))
        assert found.effect[layer, position] == pytest.approx(difference(patched) - found.target_value, abs=1e-5)
    assert not found.effect[:, :3].any() and not found.recovered[:, :3].any()  # before the first difference exactly 0
    assert abs(found.effect[:, 3:]).max() > 1e-3


def test_every_head_patched_is_that_of_transformers(trace: Trace, source: Trace, peer: Peer) -> None:
    found = patch_heads(trace, source, METRIC)
    for layer, head in itertools.product(range(2), range(4)):
        cells = frozenset((layer, head, position, position) for position in range(9))
        patched = difference(peer.logits(IDS, Patch(SOURCE, cells, "z")))
        assert found.effect[layer, head] == pytest.approx(patched - found.target_value, abs=1e-5)


def test_the_rows_of_a_map_whose_meaning_is_plain(tiny_model: LanguageModel, trace: Trace, source: Trace) -> None:
    found = patch_map(trace, source, METRIC)
    typed = tiny_model.trace(what_if(IDS, 3, 17)).logits
    assert found.effect[0, 3] == pytest.approx(float(typed[TARGET] - typed[RIVAL]) - found.target_value, abs=1e-4)
    assert found.recovered[-1, -1] == pytest.approx(1, abs=1e-4) and np.allclose(found.recovered[-1, :-1], 0, atol=1e-5)


def test_directions_differ_and_a_text_patched_with_itself_changes_nothing(trace: Trace, source: Trace) -> None:
    there, back = patch_map(trace, source, METRIC), patch_map(source, trace, METRIC)
    assert there.target_value == back.source_value and not np.allclose(there.recovered[1:-1], back.recovered[1:-1], atol=1e-3)
    same = patch_map(trace, trace, METRIC)
    assert not same.effect.any() and np.isnan(same.recovered).all() and same.first_difference == 9
    assert not patch_heads(trace, trace, METRIC).effect.any()


def test_texts_of_two_lengths_are_refused_with_both_and_models_are_not_mixed(
    tiny_model: LanguageModel, trace: Trace, source: Trace
) -> None:
    for call in (patch_map, patch_heads):
        with pytest.raises(SequenceLengthError, match="target has 9 tokens and the source 8"):
            call(trace, tiny_model.trace(SOURCE[:8]), METRIC)
        with pytest.raises(InterventionError, match="needs one model"):
            call(traced(TraceStore(), random_model(), (1, 2)), tiny_model.trace((1, 2)), LogitDifference(1, 2))


def test_a_map_between_a_text_and_itself_without_a_part_shows_where_the_part_is_missed(
    tiny_model: LanguageModel, trace: Trace
) -> None:
    """Same ids, two interventions: then the first position differs already."""
    without = tiny_model.trace(IDS, Ablation(frozenset({(0, 1)})))
    found = patch_map(without, trace, METRIC)
    assert found.first_difference == 0 and np.allclose(found.effect[0], 0, atol=1e-5) and abs(found.effect[1]).max() > 1e-3


def test_alignment_covers_both_texts_and_names_every_stretch() -> None:
    a, b = (1, 2, 3, 4, 5, 6, 7), (1, 9, 3, 4, 8, 8, 5, 7)
    found = align(a, b)
    assert [(s.kind, a[slice(*s.a)], b[slice(*s.b)]) for s in found] == [
        ("equal", (1,), (1,)),
        ("replaced", (2,), (9,)),
        ("equal", (3, 4), (3, 4)),
        ("only_b", (), (8, 8)),
        ("equal", (5,), (5,)),
        ("only_a", (6,), ()),
        ("equal", (7,), (7,)),
    ]
    assert align((), ()) == () and align((), (1,))[0].kind == "only_b"
    common = tuple([3] * 300)  # difflib would leave out what is frequent
    assert [s.kind for s in align((1, *common), (2, *common))] == ["replaced", "equal"]


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
