"""A model with its name, its vocabulary and its traces: what `gptcore.load` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from gptcore.arguments import Ids, token_ids
from gptcore.config import GPTConfig
from gptcore.edits import Edits
from gptcore.fingerprint import fingerprint
from gptcore.model import GPTModel
from gptcore.run import Intervention, Run
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
        self.store.add(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied with its weights and its vocabulary, and with an empty store of the same size."""
        return LanguageModel, (self.name, self.model, self.tokenizer, self.store)

    @cached_property
    def identity(self) -> str:
        """Name and content in one short text, the same in every process: what a `Run` names. Weights and vocabulary are read for it
        once (16 ms for the embedded model, 0.3 s for GPT-2 small)."""
        return f"{self.name}@{fingerprint(self.model, self.tokenizer)}"

    @property
    def config(self) -> GPTConfig:
        """The shape of the model."""
        return self.model.config

    @property
    def device(self) -> torch.device:
        """Where the weights are, and the rows that the store keeps."""
        return self.model.token_embedding.weight.device

    def run(self, ids: Ids, intervention: Intervention | None = None) -> Run:
        """These ids through this model, as a key."""
        return Run(self.identity, token_ids(ids), intervention)

    def trace(self, ids: Ids, intervention: Intervention | None = None) -> Trace:
        """What the model does with these token ids, of shape [n] or [1, n]; computed only as far as the store does not have it already.

        Raises SequenceLengthError for no token or more than the context length, TokenError for an id outside the vocabulary or no whole
        number, OutOfRangeError for an intervention at a layer, head or position that is not there.
        """
        return self.store.trace(self.run(ids, intervention))

    def edits(self, intervention: Intervention, n_tokens: int) -> Edits:
        """What an intervention changes in this model, for a text of so many tokens; for the modules of gptcore that run it.

        Raises OutOfRangeError for one at a layer, head or position that is not there.
        """
        intervention.check_fits(self.config, n_tokens)
        return self.store.edits(self, intervention)
