"""A GPT small enough to be trained while one watches: about 110,000 parameters, single characters, a minute on one thread.

The recorded run, a live run on a page and the lesson on overfitting are all this training, on other texts and for other lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gptcore.characters import character_tokenizer, characters_of
from gptcore.config import GPTConfig
from gptcore.errors import CorpusError
from gptcore.tokenizer import Tokenizer
from gptcore.training.loop import TrainingRun, TrainingSettings, new_model

CONTEXT_LENGTH, EMB_DIM, N_HEADS, N_LAYERS = 128, 64, 4, 2
BATCH_SIZE = 16


@dataclass(frozen=True)
class TinyTraining:
    """run: the training, not yet begun; tokenizer: the characters of both texts; ids, held_out_ids: the texts as uint16 ids."""

    run: TrainingRun
    tokenizer: Tokenizer
    ids: np.ndarray
    held_out_ids: np.ndarray


def tiny_training(
    text: str,
    held_out: str,
    *,
    context_length: int = CONTEXT_LENGTH,
    drop_rate: float = 0.0,
    learning_rate: float = 1.0,
    seed: int = 1,
    **length: Any,
) -> TinyTraining:
    """Prepare a training on `text`, judged on `held_out`.

    learning_rate: times the usual one; length: `steps` or `minutes`, and any other setting of `TrainingSettings`. Float32, since so
    narrow a model gains nothing from bfloat16 on a CPU. Raises CorpusError for a text outside ASCII, or too short for one batch;
    ConfigError for settings that make no training.
    """
    for said in (text, held_out):
        if not said.isascii():
            odd = next(character for character in said if not character.isascii())
            raise CorpusError(
                f"The text has {odd!r}, which is outside ASCII: this model's vocabulary is single bytes. Replace it."
            )
    if len(held_out) <= 1:
        raise CorpusError(
            f"The held-out text has {len(held_out)} characters; it needs 2 at least, so that there is one to predict."
        )
    tokenizer = character_tokenizer(characters_of(text + held_out))
    ids, held_out_ids = (np.array(tokenizer.encode(part), np.uint16) for part in (text, held_out))
    usual = TrainingSettings(steps=0)
    settings = TrainingSettings(
        batch_size=BATCH_SIZE,
        matrix_learning_rate=usual.matrix_learning_rate * learning_rate,
        other_learning_rate=usual.other_learning_rate * learning_rate,
        warmup_steps=20,
        seed=seed,
        device="cpu",
        bfloat16=False,
        **length,
    )
    config = GPTConfig(tokenizer.vocab_size, context_length, EMB_DIM, N_HEADS, N_LAYERS, drop_rate, qkv_bias=True)
    run = TrainingRun(new_model(config, seed), ids, held_out_ids, settings)
    return TinyTraining(run, tokenizer, ids, held_out_ids)
