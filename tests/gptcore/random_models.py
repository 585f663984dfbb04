"""Tiny random models for tests, and their traces; no tokenizer is needed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from gptcore.config import GPTConfig
from gptcore.model import GPTModel
from gptcore.run import Intervention, Run
from gptcore.store import TraceStore
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace

TINY = GPTConfig(vocab_size=61, context_length=20, emb_dim=15, n_heads=3, n_layers=2, drop_rate=0.0, qkv_bias=True)
LONG = GPTConfig(vocab_size=61, context_length=100, emb_dim=12, n_heads=2, n_layers=3, drop_rate=0.0, qkv_bias=True)


_numbers = itertools.count()


class FakeTokenizer(Tokenizer):
    """Enough to give a model without vocabulary a reference text: every character is one of its tokens."""

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size, self.end_of_text_id, self.end_ids, self.start_ids = vocab_size, None, (), ()
        self.prefix_space, self.added_words = False, frozenset()

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(ord(character) % self.vocab_size for character in text)

    def bytes_of(self, token_id: int) -> bytes:
        return bytes([token_id])


@dataclass(frozen=True, eq=False)
class Holder:
    """As much of a LanguageModel as a store asks for."""

    model: GPTModel
    identity: str = field(default_factory=lambda: f"random-{next(_numbers)}")

    @property
    def tokenizer(self) -> FakeTokenizer:
        return FakeTokenizer(self.model.config.vocab_size)


def random_model(
    config: GPTConfig = TINY, tied: bool = True, spread: float = 0.3, dtype: torch.dtype = torch.float32
) -> GPTModel:
    """Weights far from the small, regular values that a new model starts with; biases, scales and shifts too."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = GPTModel(config, tied).requires_grad_(False)
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * spread)
    return model.to(dtype).eval()


def random_ids(n_tokens: int, vocab_size: int = 61, seed: int = 3) -> tuple[int, ...]:
    return tuple(torch.randint(vocab_size, (n_tokens,), generator=torch.Generator().manual_seed(seed)).tolist())


def traced(store: TraceStore, model: GPTModel, ids: Sequence[int], intervention: Intervention | None = None) -> Trace:
    """The trace of a model without name or tokenizer in a store that may never have seen it."""
    holder: Holder = model.__dict__.setdefault("holder", Holder(model))  # the same for each call, and gone when the model is
    store.add(holder)
    return store.trace(Run(holder.identity, tuple(ids), intervention))


def trace_of(model: GPTModel, ids: Sequence[int]) -> Trace:
    """The trace of one run over all ids, in a store of its own."""
    return traced(TraceStore(), model, ids)
