"""What is known of models that many have looked into: GPT-2 small where its weights are here, and the embedded model.

GPT-2's figures: TransformerLens' demos (Main_Demo, Exploratory_Analysis_Demo), Wang et al. 2022 (https://arxiv.org/abs/2211.00593);
for the embedded model only what must hold after any training: inequalities, computed here.
"""

from __future__ import annotations

import numpy as np
import pytest

import gptcore
from gptcore.attribution import logit_attribution
from gptcore.effects import head_effects, part_effects
from gptcore.head_survey import SENTENCES, repeated_ids, survey
from gptcore.language_model import LanguageModel
from gptcore.patching import LogitDifference, patch_heads, patch_map
from gptcore.run import Ablation
from gptcore.surprise import surprise

SENTENCE = (
    "Natural language processing tasks, such as question answering, machine translation, reading comprehension, and summarization, "
    "are typically approached with supervised learning on taskspecific datasets."
)
IOI = [
    ("When John and Mary went to the shops,{} gave the bag to", (" Mary", " John")),
    ("When Tom and James went to the park,{} gave the ball to", (" Tom", " James")),
    ("When Dan and Sid went to the shops,{} gave an apple to", (" Dan", " Sid")),
    ("After Martin and Amy went to the park,{} gave a drink to", (" Martin", " Amy")),
]
END_OF_TEXT = 50256


@pytest.fixture(scope="module")
def gpt2() -> LanguageModel:
    if not gptcore.is_local("gpt2"):
        pytest.skip("GPT-2 small's weights are not on this machine; gptcore.download('gpt2') brings them, with a network.")
    return gptcore.load("gpt2")


@pytest.fixture(scope="module")
def storyteller() -> LanguageModel:
    return gptcore.load("storyteller")


def ioi(model: LanguageModel) -> list[tuple[tuple[int, ...], tuple[int, ...], int, int]]:
    """Ids of the prompt, ids with the names exchanged, the right name, the wrong one: eight of them."""
    found = []
    for text, names in IOI:
        for right, wrong in (names, names[::-1]):
            clean, swapped = ((END_OF_TEXT, *model.tokenizer.encode(text.format(name))) for name in (wrong, right))
            (a,), (b,) = model.tokenizer.encode(right), model.tokenizer.encode(wrong)
            found.append((clean, swapped, a, b))
    return found


def test_gpt2_loses_what_others_measured_when_head_0_8_is_nothing(gpt2: LanguageModel) -> None:
    ids = (END_OF_TEXT, *gpt2.tokenizer.encode(SENTENCE))
    head = Ablation(frozenset({(0, 8)}), replacement="zero")
    nats = [surprise(gpt2, ids, intervention=one).bits.mean() * np.log(2) for one in (None, head)]
    assert nats == pytest.approx([3.999, 4.117], abs=0.01)


def test_gpt2_knows_who_gets_the_bag_by_as_much_as_others_measured(gpt2: LanguageModel) -> None:
    differences, direct, patched = [], [], []
    for clean, swapped, right, wrong in ioi(gpt2):
        logits = gpt2.trace(clean).logits
        differences.append(logits[right] - logits[wrong])
        direct.append(logit_attribution(gpt2.trace(clean), right, wrong).of("head"))
        patched.append(patch_heads(gpt2.trace(swapped), gpt2.trace(clean), LogitDifference(right, wrong)).recovered)
    assert np.mean(differences) == pytest.approx(3.552, abs=0.01)
    by_share = np.argsort(np.mean(direct, 0), axis=None)
    assert {divmod(int(place), 12) for place in by_share[-3:]} == {(9, 9), (9, 6), (10, 0)}
    assert {divmod(int(place), 12) for place in by_share[:2]} == {(10, 7), (11, 10)}
    by_patch = np.argsort(np.mean(patched, 0), axis=None)
    assert {(8, 6), (8, 10), (7, 9)} <= {divmod(int(place), 12) for place in by_patch[-6:]}


def test_gpt2s_heads_for_the_previous_token_and_for_induction_are_the_known_ones(gpt2: LanguageModel) -> None:
    found = survey(gpt2)
    assert found.best("previous")[:2] == (4, 11)
    assert {(5, 5), (6, 9), (7, 10), (5, 1)} & {
        divmod(int(place), 12) for place in np.argsort(found.induction, axis=None)[-4:]
    } != set()


def second_half(model: LanguageModel, ids: tuple[int, ...], ablation: Ablation | None) -> tuple[float, float]:
    """Bits per token in each half of a text that is said twice."""
    bits, half = surprise(model, ids, intervention=ablation).bits, len(ids) // 2
    return float(bits[: half - 1].mean()), float(bits[half:].mean())


@pytest.mark.slow
def test_without_its_induction_heads_the_storyteller_forgets_what_was_said_before(storyteller: LanguageModel) -> None:
    order = np.argsort(survey(storyteller).induction, axis=None)[::-1]
    n_heads = storyteller.config.n_heads
    best = Ablation(frozenset(divmod(int(place), n_heads) for place in order[:8]))
    others = [divmod(int(place), n_heads) for place in np.random.default_rng(0).permutation(order[24:])]
    costs, controls, first = [], [], []
    for sentence in SENTENCES:
        ids = repeated_ids(storyteller, sentence)
        before, plain = second_half(storyteller, ids, None)
        without = second_half(storyteller, ids, best)
        costs.append(without[1] - plain)
        first.append(abs(without[0] - before))
        for start in range(0, 32, 8):
            controls.append(second_half(storyteller, ids, Ablation(frozenset(others[start : start + 8])))[1] - plain)
    assert np.mean(costs) > 3 * abs(np.mean(controls)) and np.mean(costs) > 0.3
    assert np.mean(first) < 0.35 * np.mean(costs)


def test_the_first_feed_forward_is_the_storytellers_costliest_part(storyteller: LanguageModel) -> None:
    trace = storyteller.trace(storyteller.tokenizer.encode("The king was very old, and all the people of the"))
    found = part_effects(trace, scope="everywhere", replacement="zero")
    assert found.feed_forward.divergence.argmax() == 0
    assert found.feed_forward.divergence[0] > max(found.attention.divergence.max(), float(found.position_embedding.divergence))


def test_heads_that_usually_write_next_to_nothing_are_found_alike_with_nothing_and_with_the_usual_in_their_place(
    storyteller: LanguageModel,
) -> None:
    """Trained with weight decay, unlike GPT-2, whose heads look vital with nothing in their place."""
    trace = storyteller.trace(storyteller.tokenizer.encode("The king was very old, and all the people of the"))
    usual, nothing = head_effects(trace).divergence, head_effects(trace, replacement="zero").divergence
    assert 0.5 < nothing.mean() / usual.mean() < 2 and nothing.argmax() == usual.argmax()
    assert not np.array_equal(nothing, usual)


def test_what_a_word_means_is_handed_over_to_the_last_token(storyteller: LanguageModel) -> None:
    encode = storyteller.tokenizer.encode
    king, wolf = (storyteller.trace(encode(f"The {who} was very old, and all the people of the")) for who in ("king", "wolf"))
    metric = LogitDifference(int(wolf.logits.argmax()), int(king.logits.argmax()))
    found = patch_map(king, wolf, metric).recovered
    at_word, at_end = found[:, 1], found[:, -1]
    assert at_word[0] == pytest.approx(1, abs=1e-3) and at_end[-1] == pytest.approx(1, abs=1e-3)
    assert at_end[0] == pytest.approx(0, abs=1e-5) and at_word[-1] == pytest.approx(0, abs=1e-3)
    handed = int(np.argmax(at_end > at_word))
    assert 3 < handed < 12 and at_word[:6].min() > 0.7 and at_end[:6].max() < 0.3
