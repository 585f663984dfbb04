"""The text over which a model's means are taken."""

from __future__ import annotations

import gptcore
from gptcore.model import GPTModel
from gptcore.reference import REFERENCE_TEXT
from gptcore.store import TraceStore
from tests.gptcore.peer import apart, off
from tests.gptcore.random_models import random_ids, random_model, traced


def test_two_models_with_one_network_and_two_vocabularies_have_two_reference_texts() -> None:
    """The mean is over a text, which another vocabulary cuts in another way."""
    model, store = random_model(), TraceStore()
    one = traced(store, model, random_ids(9), off((0, 1)))

    class Other(type(one._language_model.tokenizer)):  # type: ignore[misc]
        def encode(self, text: str) -> tuple[int, ...]:
            return tuple(ord(character) * 7 % self.vocab_size for character in text)

    class Holder:
        def __init__(self, model: GPTModel) -> None:
            self.model, self.identity, self.tokenizer = model, "other", Other(61)

    other = Holder(model)
    store.add(other)
    changed = store.trace(gptcore.Run("other", random_ids(9), off((0, 1))))
    assert apart(changed.logits, one.logits) > 1e-4


def test_the_storys_reference_text_is_long_enough_to_be_usual() -> None:
    assert 300 < len(REFERENCE_TEXT.split()) < 500
