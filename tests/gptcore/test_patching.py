"""Patch maps and alignments: each cell again, in a run of its own, by transformers with hooks."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gptcore import patching
from gptcore.errors import InterventionError, OutOfRangeError, SequenceLengthError
from gptcore.input_effects import what_if
from gptcore.patching import LogitDifference, align, patch_heads, patch_map
from gptcore.run import Ablation, Patch
from gptcore.store import TraceStore
from gptcore.trace import Trace
from tests.gptcore.peer import Peer
from tests.gptcore.random_models import random_model, traced
from tests.gptcore.two_texts import IDS, METRIC, RIVAL, SOURCE, TARGET, difference

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel


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


@pytest.mark.parametrize("site", ["resid_pre", "attn_out", "mlp_out"])
def test_cells_may_be_asked_for_piece_by_piece(trace: Trace, source: Trace, site: Any) -> None:
    whole = patch_map(trace, source, METRIC, site).effect
    some = patch_map(trace, source, METRIC, site, positions=[8, 1, 4], layers=[1]).effect
    assert np.allclose(some[1, [1, 4, 8]], whole[1, [1, 4, 8]], atol=1e-5)
    some[1, [1, 4, 8]] = np.nan
    assert np.isnan(some).all()
    heads = patch_heads(trace, source, METRIC, layers=[0]).effect
    assert np.allclose(heads[0], patch_heads(trace, source, METRIC).effect[0], atol=1e-5) and np.isnan(heads[1]).all()
    for asked in ({"positions": [9]}, {"layers": [-1]}):
        with pytest.raises(OutOfRangeError, match=r"is (9|-1); there are"):
            patch_map(trace, source, METRIC, site, **asked)


def test_the_rows_of_a_map_whose_meaning_is_plain(tiny_model: LanguageModel, trace: Trace, source: Trace) -> None:
    found = patch_map(trace, source, METRIC)
    typed = tiny_model.trace(what_if(IDS, 3, 17)).logits
    assert found.effect[0, 3] == pytest.approx(float(typed[TARGET] - typed[RIVAL]) - found.target_value, abs=1e-4)
    assert found.recovered[-1, -1] == pytest.approx(1, abs=1e-4) and np.allclose(found.recovered[-1, :-1], 0, atol=1e-4)


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
