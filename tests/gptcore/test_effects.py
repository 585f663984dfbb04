"""Effects of switching off: each figure again, one run at a time, by transformers with hooks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import gptcore
from gptcore import effects
from gptcore.attribution import logit_attribution
from gptcore.effects import Effects, head_effects, part_effects
from gptcore.errors import GPTCoreError, OutOfRangeError, TokenError
from gptcore.input_effects import what_if
from gptcore.patching import LogitDifference, patch_map
from gptcore.run import Ablation
from gptcore.store import TraceStore
from gptcore.trace import Trace
from tests.gptcore.peer import Peer
from tests.gptcore.random_models import TINY, random_ids, random_model, traced
from tests.gptcore.two_texts import IDS, RIVAL, TARGET

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel


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


def test_heads_and_stretches_of_layers_may_be_asked_for_piece_by_piece(trace: Trace) -> None:
    whole, parts = head_effects(trace, TARGET, scope="everywhere"), part_effects(trace, TARGET, scope="everywhere")
    some = head_effects(trace, TARGET, scope="everywhere", layers=[0], heads=[3, 1])
    assert np.allclose(some.log_prob_change, whole.log_prob_change[:1, [3, 1]], atol=1e-5)
    low, high = (part_effects(trace, TARGET, scope="everywhere", layers=range(n, n + 1)) for n in range(2))
    for name in ("attention", "feed_forward", "block"):
        pieces = [getattr(piece, name).log_prob_change for piece in (low, high)]
        assert np.allclose(np.concatenate(pieces), getattr(parts, name).log_prob_change, atol=1e-5)
    assert low.position_embedding is not None and parts.position_embedding is not None and high.position_embedding is None
    assert low.position_embedding.log_prob_change == pytest.approx(parts.position_embedding.log_prob_change, abs=1e-5)


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
        (lambda t: head_effects(t, heads=[4]), OutOfRangeError, "head is 4; there are 4 heads"),
        (lambda t: part_effects(t, layers=range(1, 3)), OutOfRangeError, "layer is 2; there are 2 layers"),
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
