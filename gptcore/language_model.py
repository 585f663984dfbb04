"""A model with its name, its vocabulary and its traces: what `gptcore.load` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gptcore.config import GPTConfig
from gptcore.model import GPTModel
from gptcore.store import TraceStore
from gptcore.tokenizer import Tokenizer
from gptcore.trace import Trace


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """name: as in the catalogue, on the hub, or of the folder; model: weights, frozen and in evaluation mode; tokenizer: text to
    token ids and back; store: the traces computed so far.

    Two are equal only if they are the same object, so that one can be a key. Nothing in it belongs to one user.
    """

    name: str
    model: GPTModel
    tokenizer: Tokenizer
    store: TraceStore = field(default_factory=TraceStore)

    def __post_init__(self) -> None:
        self.model.eval().requires_grad_(False).lay_out_for_steps()

    @property
    def config(self) -> GPTConfig:
        """The shape of the model."""
        return self.model.config

    def trace(self, ids: Sequence[int], ablation: None = None) -> Trace:
        """What the model does with these token ids; computed only as far as the store does not have it already.

        Raises SequenceLengthError for no token or more than the context length, TokenError for an id outside the vocabulary.
        """
        return self.store.trace(self, ids, ablation)
