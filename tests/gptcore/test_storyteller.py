"""The embedded model: small enough, GPT-2 to the letter, and no worse than it was."""

from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel

import gptcore
from gptcore.checkpoints import EMBEDDED
from gptcore.head_survey import KINDS, survey

# Written for this test, in the manner of the books that the model was trained on; not from any of them.
TEXT = (
    "Once upon a time there was an old woman who lived with her three sons in a little house by the sea. Every morning the eldest went "
    "down to the shore to catch fish, and every evening he came back with his basket empty.\n\n"
    '"Mother," said the youngest at last, "let me go in his place, and I will see what I can do." '
    "But the old woman only shook her head and laughed, for he was so small that nobody thought he could do anything."
)
LOSS = 2.046  # nats a token of this text, when the weights were last replaced


@pytest.fixture(scope="module")
def storyteller():
    return gptcore.load("storyteller")


def loss_of(storyteller, text: str) -> float:
    ids = torch.tensor([storyteller.tokenizer.encode(text)])
    with torch.inference_mode():
        return F.cross_entropy(storyteller.model(ids)[0, :-1], ids[0, 1:]).item()


def test_it_has_not_got_worse(storyteller):
    assert loss_of(storyteller, TEXT) < LOSS + 0.02


def test_it_prefers_its_language_to_the_same_words_shuffled(storyteller):
    words = TEXT.split()
    assert loss_of(storyteller, TEXT) < loss_of(storyteller, " ".join(sorted(words))) - 1


def test_the_heads_that_its_card_names_do_what_the_card_says(storyteller):
    found, card = survey(storyteller), (EMBEDDED / "MODEL_CARD.md").read_text("utf-8")
    for kind in KINDS:
        layer, head, weight = found.best(kind)
        assert f"| {kind} | {layer} | {head} | {weight:.1%} |" in card
    assert found.best("induction")[2] > 10 * found.chance and found.best("previous")[2] > 10 * found.chance


def test_its_weights_are_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) < 30e6


def test_transformers_reads_the_same_folder_and_computes_the_same(storyteller):
    peer = GPT2LMHeadModel.from_pretrained(EMBEDDED, dtype=torch.float32).eval()
    ids = torch.tensor([storyteller.tokenizer.encode(TEXT)])
    with torch.inference_mode():
        ours, theirs = storyteller.model(ids), peer(ids).logits
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_its_card_lists_every_book_by_its_number():
    card = (EMBEDDED / "MODEL_CARD.md").read_text("utf-8")
    data = card[card.index("## Data") : card.index("## Limits")]
    assert len(set(re.findall(r"\((\d+)\)", data))) == 439
