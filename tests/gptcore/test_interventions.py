"""Interventions act, and only where they can: against transformers with hooks, and against the rules that any model keeps to."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import gptcore
from gptcore import buffers
from gptcore.errors import InterventionError, OutOfRangeError, SequenceLengthError
from gptcore.reference import REFERENCE_TEXT, reference_means
from gptcore.run import Ablation, Intervention, Patch
from gptcore.store import TraceStore
from gptcore.surprise import surprise
from gptcore.trace import Trace
from tests.gptcore.peer import Peer, apart, off

if TYPE_CHECKING:
    from gptcore.language_model import LanguageModel

IDS = tuple((37 * i * i + 11 * i + 5) % 290 for i in range(20))
OTHER = tuple((23 * i * i + 7 * i + 1) % 290 for i in range(20))


def patch(*cells: tuple[int, ...], site: Any = "resid_pre", source: tuple[int, ...] = OTHER) -> Patch:
    return Patch(source, frozenset(cells), site)


INTERVENTIONS: list[Intervention] = [
    off((0, 1), zero=True),
    off((0, 1)),
    off((1, 0), (1, 3), (0, 2)),
    off(*((1, head) for head in range(4)), zero=True),
    off(attention=(1,), zero=True),
    off(attention=(0,)),
    off(feed_forward=(0,), zero=True),
    off(feed_forward=(1,)),
    off(position=True),
    off(position=True, zero=True),
    off((0, 3), attention=(1,), feed_forward=(0, 1), position=True),
    patch((0, 4, 4)),
    patch((1, 19, 3), (0, 2, 7)),
    patch((2, 19, 19)),
    patch((1, 5, 6), (0, 1, 0), site="attn_out"),
    patch((1, 5, 6), (0, 7, 6), site="mlp_out"),
    patch((1, 2, 5, 6), (0, 3, 9, 9), (0, 1, 9, 9), site="z"),
    patch((0, 3, 12), source=(4, 8, 15, 16)),
]


@pytest.fixture
def model(tiny_model: LanguageModel) -> LanguageModel:
    """With a store of its own."""
    return gptcore.LanguageModel(tiny_model.name, tiny_model.model, tiny_model.tokenizer)


def rows(trace: Trace) -> list[np.ndarray]:
    layers = range(trace.config.n_layers)
    return [trace.resid(layer) for layer in range(trace.config.n_layers + 1)] + [f(n) for f in (trace.k, trace.v) for n in layers]


@pytest.mark.parametrize("intervention", INTERVENTIONS, ids=gptcore.write_intervention)
def test_every_intervention_gives_the_logits_of_transformers_with_hooks(
    model: LanguageModel, peer: Peer, intervention: Intervention
) -> None:
    expected = peer.logits(IDS, intervention)
    assert apart(model.trace(IDS, intervention).logits_at(range(20)), expected) < 1e-5
    assert apart(expected, peer.logits(IDS)) > 1e-3  # it does something


def test_the_means_are_of_each_component_over_the_named_text_and_the_same_in_every_session(
    model: LanguageModel, peer: Peer
) -> None:
    found = reference_means(model)
    assert len(model.tokenizer.encode(REFERENCE_TEXT)) > 2 * model.config.context_length  # several passes
    assert apart(found.z.flatten(1), peer.means["z"]) < 1e-5
    assert apart(found.attn_out, peer.means["attn_out"]) < 1e-5
    assert apart(found.mlp_out, peer.means["mlp_out"]) < 1e-5
    assert apart(found.position, peer.means["position"][0]) < 1e-5
    assert float(found.z.std(-1).min()) > 0.01  # not one number for a whole head
    model.trace(OTHER)
    assert reference_means(model) is found


@pytest.mark.parametrize("intervention", INTERVENTIONS, ids=gptcore.write_intervention)
@pytest.mark.parametrize("clean_first", [0, 9, 20])
def test_any_split_gives_the_same_and_back_on_is_clean(
    model: LanguageModel, intervention: Intervention, clean_first: int
) -> None:
    """Whatever of the clean run is kept when the intervention comes."""
    fresh = gptcore.LanguageModel(model.name, model.model, model.tokenizer)
    if clean_first:
        model.trace(IDS[:clean_first])
    start = 1 if isinstance(intervention, Ablation) else 1 + max(cell[-1] for cell in intervention.cells)
    for length in sorted({start, max(start, 7), max(start, 8), 20}):
        trace = model.trace(IDS[:length], intervention)
        assert trace.run == model.run(IDS[:length], intervention)
    whole = fresh.trace(IDS, intervention)
    for found, expected in zip([*rows(trace), trace.logits], [*rows(whole), whole.logits], strict=True):
        assert apart(found, expected) < 1e-5
    clean = gptcore.LanguageModel(model.name, model.model, model.tokenizer).trace(IDS)
    for found, expected in zip(rows(model.trace(IDS)), rows(clean), strict=True):
        assert apart(found, expected) < 1e-5


def test_interventions_share_no_row_beyond_what_they_cannot_reach(model: LanguageModel) -> None:
    clean = rows(model.trace(IDS))
    found = {intervention: rows(model.trace(IDS, intervention)) for intervention in INTERVENTIONS}
    for one, other in itertools.combinations(found, 2):
        assert any(not np.array_equal(a, b) for a, b in zip(found[one], found[other], strict=True)), (one, other)
    for changed in found.values():
        assert not np.array_equal(changed[model.config.n_layers], clean[model.config.n_layers])
    for intervention, before in found.items():  # nobody wrote into another's rows
        assert all(np.array_equal(a, b) for a, b in zip(rows(model.trace(IDS, intervention)), before, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(rows(model.trace(IDS)), clean, strict=True))


@pytest.mark.parametrize("intervention", INTERVENTIONS, ids=gptcore.write_intervention)
def test_outside_its_cone_everything_is_the_clean_run_bit_for_bit(model: LanguageModel, intervention: Intervention) -> None:
    for length in (1, 2, 13, 20):  # so that the clean rows were not made in one pass
        clean = model.trace(IDS[:length])
    found = model.trace(IDS, intervention)
    if isinstance(intervention, Ablation):
        lowest, first = -1 if intervention.position_embedding else min(
            [*(layer for layer, _ in intervention.heads), *intervention.attention, *intervention.feed_forward]
        ), 0  # fmt: skip
    else:
        lowest = min(cell[0] for cell in intervention.cells) - (intervention.site == "resid_pre")
        first = min(cell[-1] for cell in intervention.cells)
    for depth in range(model.config.n_layers + 1):
        end = None if depth <= lowest else first
        assert np.array_equal(found.resid(depth)[:end], clean.resid(depth)[:end])
        if depth < model.config.n_layers:
            assert np.array_equal(found.k(depth)[:, :end], clean.k(depth)[:, :end])
            assert np.array_equal(found.v(depth)[:, :end], clean.v(depth)[:, :end])


def test_what_cannot_be_reached_is_not_run_again(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, int]] = []
    run_block, blocks = buffers.run_block, list(model.model.blocks)

    def counted(block: Any, resid: Any, *rest: Any) -> Any:
        ran.append((blocks.index(block), resid.shape[1]))
        return run_block(block, resid, *rest)

    monkeypatch.setattr(buffers, "run_block", counted)
    model.trace(IDS)
    model.trace(IDS, off((1, 2)))
    assert ran == [(1, 20)]
    ran.clear()
    model.trace((*IDS, 3), off((1, 2)))
    assert ran == [(0, 1), (1, 1)]
    ran.clear()
    model.trace(OTHER)
    model.trace(IDS, patch((1, 4, 15)))
    assert ran == [(0, 5), (1, 5)]


def test_a_store_with_room_for_one_buffer_still_gives_every_intervention_its_own(tiny_model: LanguageModel) -> None:
    small = gptcore.LanguageModel("tiny", tiny_model.model, tiny_model.tokenizer, TraceStore(200_000))
    chance, expected = random.Random(3), {}
    for intervention in (None, *INTERVENTIONS):
        expected[intervention] = (
            gptcore.LanguageModel("tiny", tiny_model.model, tiny_model.tokenizer).trace(IDS, intervention).logits
        )
    for intervention in chance.choices(list(expected), k=60):
        assert apart(small.trace(IDS, intervention).logits, expected[intervention]) < 1e-5
        assert small.store.n_bytes <= 200_000
    assert sum(len(trees) for trees in small.store._trees.values()) < 8  # what nothing is kept of is forgotten


def test_every_view_of_the_trace_follows(model: LanguageModel) -> None:
    for intervention in INTERVENTIONS:
        trace = model.trace(IDS, intervention)
        assert all(check.ok for check in trace.check()), (intervention, trace.check())
        assert all(trace.check_earlier_tokens(layer).ok for layer in range(2))
        lens = trace.lens()
        assert apart(lens.probs[:, -1, 0], np.exp(_log_softmax(trace.logits_at(range(20)))).max(-1)) < 1e-5
        for layer in range(2):
            block, attention = trace.block(layer), trace.attention(layer)
            if getattr(intervention, "site", "") != "attn_out" and block.attn_out.any():
                assert apart(attention.head_out.sum(0) + attention.bias, block.attn_out) < 1e-5
            assert np.array_equal(attention.attn_out, block.attn_out)
            assert np.allclose(attention.pattern.sum(-1), 1, atol=1e-5)
            free = ~block.was_set
            assert apart(block.resid_pre + block.attn_out, block.resid_mid) < 1e-6
            assert apart((block.resid_mid + block.mlp_out)[free], block.resid_post[free]) < 1e-5
            assert np.array_equal(trace.feed_forward(layer).mlp_out, block.mlp_out)
            part = trace.attention(layer, heads=(3, 1))
            assert np.array_equal(part.z, attention.z[[3, 1]])
            assert np.allclose(trace.newest_row()[layer], attention.pattern[:, -1], atol=1e-6)


def test_attention_above_a_silent_part_is_that_of_the_run_without_it_and_not_the_clean_one(model: LanguageModel) -> None:
    """Worked out from the residual stream of the run, which is held to transformers by its logits; one peer shows the clean maps."""
    clean, block = model.trace(IDS).attention(1).pattern, model.model.blocks[1]
    for intervention in (
        off((0, 1), zero=True),
        off(feed_forward=(0,), zero=True),
        patch((1, 3, 3)),
        patch((0, 1, 2, 2), site="z"),
    ):
        trace = model.trace(IDS, intervention)
        x = trace.resid(1).astype(np.float64)
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + block.ln_1.eps)
        x = x * block.ln_1.scale.double().numpy() + block.ln_1.shift.double().numpy()
        qkv = x @ block.attention.qkv.weight.double().numpy().T + block.attention.qkv.bias.double().numpy()
        q, k, _ = qkv.reshape(len(IDS), 3, model.config.n_heads, -1).transpose(1, 2, 0, 3)
        scores = np.where(np.tri(len(IDS), dtype=bool), q @ k.transpose(0, 2, 1) / np.sqrt(model.config.head_dim), -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        shown = trace.attention(1).pattern
        assert apart(shown, weights / weights.sum(-1, keepdims=True)) < 1e-4
        assert np.abs(shown - clean).max() > 1e-3


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).double().log_softmax(-1).numpy()


def test_a_part_that_is_off_writes_what_its_replacement_says(model: LanguageModel) -> None:
    usual, projection = reference_means(model), model.model.blocks[1].attention.out_proj
    nothing = model.trace(IDS, off(attention=(1,), zero=True)).attention(1)
    assert not nothing.attn_out.any() and not nothing.bias.any() and not nothing.head_out.any()
    heads = model.trace(IDS, off(*((1, head) for head in range(4)), zero=True)).attention(1)
    assert np.allclose(heads.attn_out, projection.bias.numpy(), atol=1e-6) and not heads.head_out.any()  # the bias stays
    one = model.trace(IDS, off((1, 2))).attention(1)
    assert np.allclose(one.z[2], usual.z[1, 2].numpy()) and not np.allclose(one.z[1], usual.z[1, 1].numpy(), atol=1e-2)
    assert np.allclose(model.trace(IDS, off(attention=(1,))).block(1).attn_out, usual.attn_out[1].numpy(), atol=1e-6)
    assert np.allclose(model.trace(IDS, off(feed_forward=(0,))).block(0).mlp_out, usual.mlp_out[0].numpy(), atol=1e-6)
    assert not model.trace(IDS, off(feed_forward=(0,), zero=True)).block(0).mlp_out.any()


def test_a_skipped_block_returns_its_input_and_without_blocks_the_embedding_is_unembedded(model: LanguageModel) -> None:
    skipped = model.trace(IDS, off(attention=(1,), feed_forward=(1,), zero=True))
    assert np.array_equal(skipped.resid(2), skipped.resid(1))
    empty = model.trace(IDS, off(attention=(0, 1), feed_forward=(0, 1), zero=True))
    with torch.inference_mode():
        assert apart(empty.logits, model.model.unembed(model.model.embed(torch.tensor([IDS])))[0, -1]) < 1e-6


def test_a_head_is_taken_out_before_the_output_projection(model: LanguageModel) -> None:
    """Zeroing columns of what comes out of the projection, as one peer does, is another thing."""
    clean, changed = model.trace(IDS).attention(0), model.trace(IDS, off((0, 2), zero=True)).attention(0)
    assert apart(changed.attn_out, clean.attn_out - clean.head_out[2]) < 1e-5
    after_projection = clean.attn_out.copy()
    after_projection[:, 16:24] = 0
    assert apart(changed.attn_out, after_projection) > 0.1


def test_a_patch_from_the_text_itself_changes_nothing(model: LanguageModel) -> None:
    clean = model.trace(IDS)
    for site, cell in (
        ("resid_pre", (1, 6, 6)),
        ("resid_pre", (2, 6, 6)),
        ("attn_out", (0, 6, 6)),
        ("mlp_out", (1, 6, 6)),
        ("z", (1, 2, 6, 6)),
    ):
        found = model.trace(IDS, patch(cell, site=site, source=IDS))
        assert apart(found.logits_at(range(20)), clean.logits_at(range(20))) < 1e-5


def test_patching_rows_whose_meaning_is_plain(model: LanguageModel) -> None:
    last = model.config.n_layers
    typed = gptcore.what_if(IDS, 5, OTHER[5]) if hasattr(gptcore, "what_if") else (*IDS[:5], OTHER[5], *IDS[6:])
    assert apart(model.trace(IDS, patch((0, 5, 5))).logits, model.trace(typed).logits) < 1e-5
    assert apart(model.trace(IDS, patch((last, 19, 19))).logits, model.trace(OTHER).logits) < 1e-5
    for layer in range(last + 1):
        every = patch(*((layer, position, position) for position in range(20)))
        assert apart(model.trace(IDS, every).logits, model.trace(OTHER).logits) < 1e-5


def test_generation_under_an_intervention_is_that_of_running_from_scratch(model: LanguageModel, peer: Peer) -> None:
    for intervention in (off((0, 1), (1, 2)), off(position=True), patch((1, 3, 3))):
        ids = list(IDS[:5])
        for step in gptcore.generate(model, IDS[:5], temperature=0.0, max_new_tokens=8, intervention=intervention):
            assert step.token_id == int(peer.logits(ids, intervention)[-1].argmax())
            ids.append(step.token_id)
            assert step.trace.run.intervention == intervention
        assert list(step.ids) == ids


def test_same_dice(model: LanguageModel) -> None:
    """The same seed draws with the same numbers: an unchanged model writes the same text, and ids, not texts, are gone on with."""

    def written(intervention: Intervention | None) -> tuple[int, ...]:
        return list(gptcore.generate(model, IDS[:5], temperature=1.5, seed=7, max_new_tokens=20, intervention=intervention))[
            -1
        ].ids

    plain = written(None)
    assert written(Ablation()) == written(patch((1, 2, 2), source=IDS)) == plain
    different = written(off(attention=(0, 1), zero=True))
    assert different != plain and different[:5] == plain[:5]


def test_surprise_follows(model: LanguageModel, peer: Peer) -> None:
    for intervention in (off((0, 1)), off(feed_forward=(1,), zero=True), patch((1, 4, 4))):
        found = surprise(model, IDS, intervention=intervention)
        expected = peer.logits(IDS, intervention).log_softmax(-1)[np.arange(19), IDS[1:]] / -np.log(2)
        assert apart(found.bits, expected) < 1e-4
    assert np.array_equal(surprise(model, IDS).bits, surprise(model.model, IDS).bits)
    with pytest.raises(InterventionError, match="LanguageModel"):
        surprise(model.model, IDS, intervention=off((0, 1)))


def test_surprise_over_several_windows_ablates_in_each_and_refuses_a_patch(model: LanguageModel, peer: Peer) -> None:
    ids = tuple((37 * i * i + 11 * i + 5) % 290 for i in range(90))
    found = surprise(model, ids, intervention=off((0, 1), attention=(1,)))
    second = found.windows[1]
    logits = peer.logits(ids[second.start : second.stop], off((0, 1), attention=(1,)))
    expected = logits.log_softmax(-1)[-1, ids[second.stop]] / -np.log(2)
    assert found.bits[second.stop - 1] == pytest.approx(float(expected), rel=1e-4)
    with pytest.raises(SequenceLengthError, match="judges 65 tokens; the text has 90, so shorten it by 25"):
        surprise(model, ids, intervention=patch((1, 4, 4)))


@pytest.mark.parametrize("call", ["trace", "generate", "surprise"])
def test_what_is_not_there_is_refused_with_value_and_limit(model: LanguageModel, call: str) -> None:
    calls: dict[str, Any] = {
        "trace": lambda intervention: model.trace(IDS, intervention),
        "generate": lambda intervention: gptcore.generate(model, IDS, intervention=intervention),
        "surprise": lambda intervention: surprise(model, IDS, intervention=intervention),
    }
    with pytest.raises(OutOfRangeError, match="layer is 2; there are 2 layers"):
        calls[call](off((2, 0)))
    with pytest.raises(OutOfRangeError, match="target position is 20; there are 20 tokens"):
        calls[call](patch((0, 0, 20), source=(1,)))
