"""Train a GPTModel on a row of token ids for a given time, with checkpoints that it resumes from.

Matrices inside the blocks are moved by Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), embeddings, biases
and norms by AdamW (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101). The learning rate warms up, holds, and falls
to zero over the last part of the time: time decides, not steps, so that a slow or shared machine ends on schedule too.

Under torchrun, every process computes its own windows and the gradients are averaged (a process a core: narrow layers gain little
from two threads). The processes agree on the time, and so on the learning rate and the end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from gptcore.errors import CheckpointError
from gptcore.model import GPTModel, MultiHeadAttention
from gptcore.training.corpus import Windows


@dataclass(frozen=True)
class TrainingSettings:
    """minutes: how long to train in all, pauses not counted; batch_size: windows a step; learning rates of the two optimisers;
    warmup_steps: steps to full learning rate; decay_share: last part of the time over which it falls to zero; repeated: windows of
    a batch that teach repetition (see Windows); more_until: share of the time after which only the first corpus is left."""

    minutes: float
    batch_size: int = 32
    matrix_learning_rate: float = 0.02
    other_learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warmup_steps: int = 60
    decay_share: float = 0.5
    repeated: int = 0
    more_until: float = 0.5
    seed: int = 1
    checkpoint_minutes: float = 5.0
    compile: bool = False


@dataclass
class Progress:
    """Where a run stands: steps and seconds so far, tokens seen, and the held-out losses measured (seconds, nats a token)."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    held_out: list[tuple[float, float]] | None = None


class TrainingRun:
    """A model, its optimisers, and how far they are; `run` goes on until the time is used up.

    more_ids: tokens that are mixed in until `settings.more_until`; the end belongs to `ids` alone.
    """

    def __init__(
        self,
        model: GPTModel,
        ids: np.ndarray,
        held_out_ids: np.ndarray,
        settings: TrainingSettings,
        folder: Path,
        more_ids: np.ndarray | None = None,
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.settings = model.to(self.device), settings
        self.progress = Progress(held_out=[])
        context = model.config.context_length
        self._rank, self._processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        windows = partial(
            Windows, context_length=context, batch_size=settings.batch_size, seed=settings.seed, repeated=settings.repeated
        )
        self._last_windows = windows(ids)
        self._windows = self._last_windows if more_ids is None else windows(np.concatenate([ids, more_ids]))
        self._held_out = held_out_ids
        self._checkpoint_path = folder / "checkpoint.pt"
        self._optimizers = _optimizers(model, settings)
        if self.device.type == "cpu":
            for module in model.modules():
                if isinstance(module, MultiHeadAttention):
                    module.attend = _attend_in_float32  # type: ignore[assignment]
        self._forward: Callable[[Tensor], Tensor] = torch.compile(model) if settings.compile else model

    def run(self, on_checkpoint: Callable[[GPTModel], None]) -> None:
        """Train until the time is used up; save a checkpoint and call `on_checkpoint` at intervals and at the end."""
        budget, last_saved = self.settings.minutes * 60, self.progress.seconds
        self.model.train()
        shown = self._rank == 0
        with tqdm(total=int(budget), initial=int(self.progress.seconds), unit="s", disable=not shown) as bar:
            while self.progress.seconds < budget:
                loss = self._step()
                speed = self.progress.tokens / max(self.progress.seconds, 1e-9)
                bar.set_postfix_str(f"step {self.progress.step}, loss {loss:.3f}, {speed:,.0f} tokens/s", refresh=False)
                bar.update(int(self.progress.seconds) - bar.n)
                if self.progress.seconds - last_saved > self.settings.checkpoint_minutes * 60:
                    last_saved = self.progress.seconds
                    self._save(on_checkpoint, bar)
            self._save(on_checkpoint, bar)

    def _step(self) -> float:
        started = time.perf_counter()
        share = self.progress.seconds / (self.settings.minutes * 60)
        factor = learning_rate_factor(self.progress.step, share, self.settings)
        windows = self._windows if share < self.settings.more_until else self._last_windows
        batch = self.progress.step * self._processes + self._rank
        inputs, targets = (t.to(self.device) for t in windows.batch(batch))
        loss = self._loss(self._forward, inputs, targets)
        loss.backward()
        if self._processes > 1:
            for gradient in (p.grad for p in self.model.parameters() if p.grad is not None):
                dist.all_reduce(gradient)
                gradient /= self._processes
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["full_lr"] * factor
            optimizer.step()
            optimizer.zero_grad()
        self.progress.step += 1
        self.progress.tokens += targets.numel() * self._processes
        self.progress.seconds = self._agreed(self.progress.seconds + time.perf_counter() - started)
        return loss.item()

    def _agreed(self, seconds: float) -> float:
        """The least of what the processes' clocks say: only the first waits for nobody while a checkpoint is saved."""
        if self._processes == 1:
            return seconds
        least = torch.tensor(seconds, dtype=torch.float64)
        dist.all_reduce(least, dist.ReduceOp.MIN)
        return least.item()

    def _loss(self, forward: Callable[[Tensor], Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = forward(inputs)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def held_out_loss(self, max_windows: int = 128) -> float:
        """Mean loss in nats a token over evenly spaced windows of the held-out books."""
        return held_out_loss(self.model, self._held_out, max_windows)

    def _save(self, on_checkpoint: Callable[[GPTModel], None], bar: tqdm) -> None:
        if self._rank != 0:
            return
        loss = self.held_out_loss()
        assert self.progress.held_out is not None
        self.progress.held_out.append((self.progress.seconds, loss))
        bar.write(f"{self.progress.seconds / 60:6.1f} min  {self.progress.tokens / 1e6:6.2f} M tokens  held-out loss {loss:.4f}")
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self._optimizers],
            "progress": vars(self.progress),
        }
        unfinished = self._checkpoint_path.with_suffix(".unfinished")
        torch.save(state, unfinished)
        os.replace(unfinished, self._checkpoint_path)  # a run that is stopped while saving keeps the checkpoint before
        on_checkpoint(self.model)

    def resume(self) -> bool:
        """Take up the checkpoint in the folder, if there is one. Raises CheckpointError if it is of another shape."""
        if not self._checkpoint_path.is_file():
            return False
        state = torch.load(self._checkpoint_path, map_location=self.device, weights_only=True)
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            raise CheckpointError(
                f"{self._checkpoint_path} is of a model of another shape; choose another --out or the same settings. ({error})"
            ) from error
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(**state["progress"])
        return True


def _attend_in_float32(q: Tensor, k: Tensor, v: Tensor, **options: Any) -> Tensor:
    """On a CPU the float32 kernel is about twice as fast as the bfloat16 one when heads are narrow (measured at head_dim 16)."""
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), **options)


def _optimizers(model: GPTModel, settings: TrainingSettings) -> list[torch.optim.Optimizer]:
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    inside = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=settings.matrix_learning_rate, weight_decay=settings.weight_decay),
        torch.optim.AdamW(others, lr=settings.other_learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["full_lr"] = group["lr"]
    return optimizers


def learning_rate_factor(step: int, share: float, settings: TrainingSettings) -> float:
    """Between 0 and 1: linear warm-up by steps, then level, then linear to zero over the last `decay_share` of the time."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    return warm * min(1.0, max(0.0, (1.0 - share) / settings.decay_share))


@torch.inference_mode()
def held_out_loss(model: GPTModel, ids: np.ndarray, max_windows: int) -> float:
    """Mean loss in nats a token over at most `max_windows` evenly spaced windows of `ids`, in the model's own precision."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    losses = [
        F.cross_entropy(model(window[None, :-1].to(device))[0].float(), window[1:].to(device)).item()
        for window in _spaced_windows(ids, model.config.context_length, max_windows)
    ]
    model.train(was_training)
    return float(np.mean(losses))


def _spaced_windows(ids: np.ndarray, context_length: int, count: int) -> Iterator[Tensor]:
    length = min(context_length + 1, len(ids))
    for start in np.unique(np.linspace(0, len(ids) - length, count).astype(int)):
        yield torch.from_numpy(ids[start : start + length].astype(np.int64))
