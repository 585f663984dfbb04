"""The tree of what was written, and the beam: against plain sums of log-probabilities and against trying everything."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import gptcore
from gptcore.branching import Branch, beam_search, branches
from gptcore.config import GPTConfig
from gptcore.errors import GPTCoreError, OutOfRangeError, SamplingError, SequenceLengthError, TokenError
from gptcore.language_model import LanguageModel
from gptcore.run import Ablation
from tests.gptcore.random_models import FakeTokenizer, random_model

if TYPE_CHECKING:
    from collections.abc import Sequence

PROMPT = (5, 42, 123)
OFF = Ablation(frozenset({(0, 1)}), feed_forward=frozenset({1}))


@pytest.fixture
def model(tiny_model: LanguageModel) -> LanguageModel:
    """With a store of its own."""
    return LanguageModel(tiny_model.name, tiny_model.model, tiny_model.tokenizer)


def small(vocab_size: int = 7) -> LanguageModel:
    """So few tokens that every text of a few of them can be tried."""
    config = GPTConfig(vocab_size, 12, 12, 2, 2, 0.0, True)
    return LanguageModel("small", random_model(config), FakeTokenizer(vocab_size))


def log_prob(model: LanguageModel, ids: Sequence[int], n_prompt: int, ablation: Ablation | None = None) -> float:
    """The sum over the tokens after the prompt, each from a run over the text before it."""
    rows = [
        torch.from_numpy(model.trace(ids[:n], ablation).logits).double().log_softmax(-1)[ids[n]]
        for n in range(n_prompt, len(ids))
    ]
    return float(sum(rows))


@pytest.mark.parametrize("ablation", [None, OFF])
def test_a_beam_of_one_is_greedy(model: LanguageModel, ablation: Ablation | None) -> None:
    greedy = list(gptcore.generate(model, PROMPT, temperature=0.0, max_new_tokens=9, intervention=ablation))
    found = list(beam_search(model, PROMPT, 1, 9, ablation))
    assert [step.kept[0].ids for step in found] == [step.ids for step in greedy]
    assert all(len(step.kept) == 1 and not step.dropped for step in found)
    assert [step.kept[0].prob for step in found] == pytest.approx([step.base_prob for step in greedy], rel=1e-5)


def test_each_score_is_the_sum_of_its_tokens_and_each_hypothesis_goes_on_with_its_parent(model: LanguageModel) -> None:
    before: tuple[Any, ...] = ()
    for step in beam_search(model, PROMPT, 3, 5):
        everything = step.kept + step.dropped
        assert len(step.kept) == 3 and len(everything) == (3 if not before else 9)
        assert [one.log_prob for one in everything] == sorted((one.log_prob for one in everything), reverse=True)
        assert len({one.ids for one in everything}) == len(everything)
        for one in everything:
            assert one.log_prob == pytest.approx(log_prob(model, one.ids, 3), abs=1e-4)
            assert one.ids[:-1] == (before[one.parent].ids if before else PROMPT)
            assert one.prob == pytest.approx(np.exp(log_prob(model, one.ids, len(one.ids) - 1)), rel=1e-4)
        before = step.kept


def test_a_wide_beam_finds_the_likeliest_of_all_texts_and_greedy_may_not() -> None:
    model, found = small(), []
    for start in range(7):
        texts = [(start, *rest) for rest in itertools.product(range(7), repeat=3)]
        best = max(texts, key=lambda ids: log_prob(model, ids, 1))
        wide = list(beam_search(model, (start,), 49, 3))[-1].kept[0]
        assert wide.ids == best and wide.log_prob == pytest.approx(log_prob(model, best, 1), abs=1e-5)
        found.append(list(beam_search(model, (start,), 1, 3))[-1].kept[0].ids == best)
    assert not all(found)


def test_a_text_that_the_model_has_ended_keeps_its_score_and_its_place() -> None:
    model = small()
    end = int(model.trace((3,)).logits.argmax())
    model.tokenizer.end_ids = (end,)
    steps = list(beam_search(model, (3,), 2, 4))
    first = steps[0].kept[0]
    assert first.ended and first.ids == (3, end)
    for step in steps[1:]:
        again = [one for one in step.kept + step.dropped if one.ids == first.ids]
        assert all(one.log_prob == first.log_prob and one.ended for one in again)
    assert any(one.ids == first.ids for one in steps[1].kept)
    model.tokenizer.end_ids = (int(model.trace((4,)).logits.argmax()),)
    assert len(list(beam_search(model, (4,), 1, 5))) == 1  # nothing is left to go on with


def test_a_beam_ends_where_the_context_ends() -> None:
    steps = list(beam_search(small(), (1,) * 10, 2, 5))
    assert [len(step.kept[0].ids) for step in steps] == [11, 12]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((PROMPT, 0, 3), SamplingError, "width is 0"),
        ((PROMPT, 2, 0), SamplingError, "steps is 0"),
        (((), 2, 2), SequenceLengthError, "no token"),
        (((1,) * 65, 2, 2), SequenceLengthError, "65 tokens are more"),
        (((290,), 2, 2), TokenError, "Token id 290"),
        ((PROMPT, 2, 2, Ablation(frozenset({(9, 0)}))), OutOfRangeError, "layer is 9"),
    ],
)
def test_what_a_beam_cannot_do_is_said_at_the_call(
    model: LanguageModel, arguments: Any, error: type[GPTCoreError], words: str
) -> None:
    with pytest.raises(error, match=words):
        beam_search(model, *arguments)


def by_ids(tree: tuple[Branch, ...]) -> dict[tuple[int, ...], Branch]:
    return {branch.ids: branch for branch in tree}


@pytest.mark.parametrize("ablation", [None, OFF])
def test_the_tree_has_every_text_of_the_store_with_the_models_probabilities(
    model: LanguageModel, ablation: Ablation | None
) -> None:
    texts = [(*PROMPT, 7, 8, 9), (*PROMPT, 7, 8, 4), (*PROMPT, 7, 100), (*PROMPT, 200)]
    for text in texts:
        for length in range(3, len(text) + 1):
            model.trace(text[:length], ablation)
    model.trace((5, 42, 7), ablation)  # another prompt
    model.trace((*PROMPT, 250), None if ablation else OFF)  # another intervention
    tree = branches(model.store, model.run(PROMPT, ablation))
    expected = {text[:length] for text in texts for length in range(3, len(text) + 1)}
    assert set(by_ids(tree)) == expected and len(tree) == len(expected)
    assert tree[0].ids == PROMPT and tree[0].parent is None and (tree[0].prob, tree[0].log_prob) == (1.0, 0.0)
    for place, branch in enumerate(tree):
        assert branch.log_prob == pytest.approx(log_prob(model, branch.ids, 3, ablation), abs=1e-4)
        assert all(tree[child].parent == place and tree[child].ids[:-1] == branch.ids for child in branch.children)
        probs = [tree[child].prob for child in branch.children]
        assert probs == sorted(probs, reverse=True)
        if branch.parent is not None:
            assert branch.parent < place and place in tree[branch.parent].children
            assert branch.prob == pytest.approx(np.exp(branch.log_prob - tree[branch.parent].log_prob), rel=1e-9)
    assert branches(model.store, model.run(PROMPT, ablation), [(*PROMPT, 7, 8)])[-1].ids == (*PROMPT, 7, 8)


def test_a_tree_of_given_texts_runs_what_the_store_does_not_have_and_may_be_as_deep_as_the_context(model: LanguageModel) -> None:
    assert branches(model.store, model.run(PROMPT)) == (Branch(PROMPT, 1.0, 0.0, None, ()),)
    long = tuple(int(i) for i in np.random.default_rng(1).integers(290, size=64))
    tree = branches(model.store, model.run(long[:1]), [long])
    assert len(tree) == 64 and tree[-1].log_prob == pytest.approx(log_prob(model, long, 1), abs=1e-3)
    with pytest.raises(TokenError, match="does not begin with the root's 3 tokens"):
        branches(model.store, model.run(PROMPT), [(1, 2, 3, 4)])
    with pytest.raises(GPTCoreError, match="no model"):
        branches(model.store, gptcore.Run("nobody@0", PROMPT))
