"""Train a byte-level BPE vocabulary with GPT-2's pre-split and write it as vocab.json and merges.txt."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from gptcore.errors import CorpusError
from gptcore.vocabulary import END_OF_TEXT, PRE_SPLIT


def train_vocabulary(texts: Iterable[str], vocab_size: int, folder: Path) -> None:
    """Learn vocab_size - 257 merges (256 single bytes and <|endoftext|> make up the rest) and write them to the folder.

    Raises CorpusError if the texts do not hold that many merges, or vocab_size leaves no room for a merge.
    """
    if not 257 < vocab_size <= 65536:
        raise CorpusError(f"vocab_size is {vocab_size}; it must be 258 to 65536: 256 bytes, <|endoftext|>, and merges.")
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PRE_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - 1, initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator(texts, trainer)
    learned = json.loads(learner.to_str())["model"]
    if len(learned["vocab"]) != vocab_size - 1:
        raise CorpusError(f"The corpus yields {len(learned['vocab']) + 1} tokens, not {vocab_size}: add text or ask for fewer.")
    folder.mkdir(parents=True, exist_ok=True)
    vocab = {**learned["vocab"], END_OF_TEXT: vocab_size - 1}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), "utf-8")
    merges = "\n".join(" ".join(pair) for pair in learned["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", "utf-8")
