"""A training that was recorded: a very small GPT as it was at many steps, with its losses and what they mean.

`gptcore.training.record` writes the folder; the one that comes with the project was trained on the beginning of a novel (its CARD.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from safetensors import SafetensorError, safe_open

from gptcore.characters import character_tokenizer
from gptcore.config import GPTConfig
from gptcore.errors import CheckpointError, GPTCoreError, OutOfRangeError
from gptcore.language_model import LanguageModel
from gptcore.model import GPTModel
from gptcore.resemblance import CommonRun
from gptcore.tokenizer import Tokenizer

RECORDED = Path(__file__).parent / "models" / "recorded_run"


@dataclass(frozen=True)
class Checkpoint:
    """The model after `step` steps. Losses in nats a token, over evenly spaced windows of the text that was trained on and of the
    rest; sample: how it continued the run's prompt, with the same random numbers at every checkpoint; copied: the longest run of the sample
    that stands in the training text."""

    step: int
    training_loss: float
    held_out_loss: float
    sample: str
    copied: CommonRun


@dataclass(frozen=True)
class Baselines:
    """Losses on the held-out text, in nats a token, of guessers without a network: every character equally likely; each as often as
    in the training text; each as often as it followed the character before it there."""

    uniform: float
    frequency: float
    pairs: float


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """config, tokenizer: of every checkpoint; split: characters of the text that were learnt from, the rest was held out;
    windows: how many a loss was measured over; prompt, sampling: of the samples; usual_run: the longest run that a piece of the held-out
    text, as long as a sample, shares with the training text (the median of such pieces); settings: of the training."""

    folder: Path
    config: GPTConfig
    tokenizer: Tokenizer
    split: int
    windows: int
    settings: dict[str, Any]
    baselines: Baselines
    prompt: str
    sampling: dict[str, Any]
    usual_run: float
    checkpoints: tuple[Checkpoint, ...]

    @property
    def has_text(self) -> bool:
        """Whether its text lies in its folder: recording puts it there, the project leaves it out."""
        return (self.folder / "text.txt").is_file()

    @cached_property
    def text(self) -> str:
        """What was learnt from and held out. Raises CheckpointError where it is not there."""
        if not self.has_text:
            raise CheckpointError(f"The text of this run is not in {self.folder}; its CARD.md says how to record it anew.")
        return (self.folder / "text.txt").read_text("utf-8")

    @property
    def training_text(self) -> str:
        """What the model was trained on. Raises as `text`."""
        return self.text[: self.split]

    @property
    def held_out_text(self) -> str:
        """What it never saw. Raises as `text`."""
        return self.text[self.split :]

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Parameter -> float16 [checkpoint, ...], mapped from the file; the output head is the token embedding."""
        with safe_open(self.folder / "weights.safetensors", framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dictionary)

    def model(self, index: int) -> LanguageModel:
        """The checkpoint as a model, named `recorded run, step 300`; the same object each time.

        Raises OutOfRangeError for a checkpoint that is not there.
        """
        if not 0 <= index < len(self.checkpoints):
            raise OutOfRangeError(f"Checkpoint {index} is not there; the run has 0 to {len(self.checkpoints) - 1}.")
        if index not in self._models:
            self._models[index] = self._build(index)
        return self._models[index]

    @cached_property
    def _models(self) -> dict[int, LanguageModel]:
        return {}

    def attention(self, ids: Sequence[int]) -> Float[np.ndarray, "checkpoints n_layers n_heads n_tokens n_tokens"]:
        """The attention weights in one text, at every checkpoint. Raises as `Trace` does for ids that a model cannot take."""
        traces = [self.model(index).trace(ids) for index in range(len(self.checkpoints))]
        layers = range(self.config.n_layers)
        return np.stack([np.stack([trace.attention(layer).pattern for layer in layers]) for trace in traces])

    def embedding_planes(self) -> Float[np.ndarray, "checkpoints vocab_size 2"]:
        """The rows of the token embedding in a plane, which is one and the same for all checkpoints: that in which the rows of the last
        spread most (principal components). The origin is the mean of each checkpoint's rows."""
        tables = self.weights["token_embedding.weight"].astype(np.float64)
        centred = tables - tables.mean(axis=1, keepdims=True)
        axes = np.linalg.svd(centred[-1], full_matrices=False)[2][:2]
        planes: np.ndarray = centred @ axes.T
        return planes

    def _build(self, index: int) -> LanguageModel:
        import torch  # only here, so that losses and samples can be drawn without it

        model = GPTModel(self.config)
        state = {name: torch.from_numpy(values[index].astype(np.float32)) for name, values in self.weights.items()}
        model.load_state_dict({**state, "output_head.weight": state["token_embedding.weight"]})
        return LanguageModel(f"recorded run, step {self.checkpoints[index].step}", model, self.tokenizer)


def load_recorded_run(folder: Path = RECORDED) -> RecordedRun:
    """Read a recorded run. Raises CheckpointError if the folder is none, or its parts do not belong together."""
    try:
        said = json.loads((folder / "run.json").read_text("utf-8"))
        run = RecordedRun(
            folder=folder,
            config=GPTConfig(**said["config"]),
            tokenizer=character_tokenizer(said["characters"]),
            split=said["split"],
            windows=said["windows"],
            settings=said["settings"],
            baselines=Baselines(**said["baselines"]),
            prompt=said["prompt"],
            sampling=said["sampling"],
            usual_run=said["usual_run"],
            checkpoints=tuple(Checkpoint(**{**row, "copied": CommonRun(*row["copied"])}) for row in said["checkpoints"]),
        )
        kept = {len(values) for values in run.weights.values()}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, GPTCoreError) as error:
        raise CheckpointError(f"{folder} holds no recorded run that can be read ({error}); record one anew.") from error
    if kept != {len(run.checkpoints)} or run.config.vocab_size != run.tokenizer.vocab_size:
        raise CheckpointError(f"{folder}: its weights and its run.json do not belong together; record the run anew.")
    return run
