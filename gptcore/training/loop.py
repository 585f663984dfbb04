"""Train a GPTModel on a row of token ids: for a given time or number of steps, with checkpoints that it resumes from.

One loop serves everybody: `TrainingRun.run` for whole trainings, `TrainingRun.step` for one who wants to look in between, pause, or
stop. Given steps, on one thread of a CPU, a run is a function of its data, settings and seed: it repeats to the last bit, also when
it was interrupted and resumed.

Matrices inside the blocks are moved by Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), embeddings, biases
and norms by AdamW (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101). The learning rate warms up, holds, and falls
to zero over the last part of the run. Where time is given, time decides, not steps, so that a slow or shared machine ends on
schedule too.

Under torchrun, every process computes its own windows and the gradients are averaged (a process a core: narrow layers gain little
from two threads). The processes agree on the time, and so on the learning rate and the end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from gptcore.config import GPTConfig
from gptcore.devices import choose
from gptcore.errors import CheckpointError, ConfigError
from gptcore.model import GPTModel, MultiHeadAttention
from gptcore.training.corpus import Windows

STEPS_A_MESSAGE = 10  # asking a GPU for its loss waits for it, so not at every step


@dataclass(frozen=True)
class TrainingSettings:
    """minutes or steps: how long to train in all, pauses not counted; batch_size: windows a step; optimizer: "muon" as described
    above, or "adamw" for everything; matrix_learning_rate: Muon's; other_learning_rate: AdamW's; warmup_steps: steps to full
    learning rate; weight_decay: of the matrices inside the blocks, times the learning rate a step; decay_share: last part of the run
    over which it falls to zero; repeated: windows of a batch that teach repetition
    (see Windows); more_until: share of the run after which only the first corpus is left; patience: end after that many checkpoints
    in a row without a new lowest held-out loss; device: "auto" takes a GPU if there is one; bfloat16: multiply matrices in it.

    Raises ConfigError for a length that is missing, double or not positive, and for an optimizer that is not there.
    """

    minutes: float | None = None
    steps: int | None = None
    batch_size: int = 32
    optimizer: str = "muon"
    matrix_learning_rate: float = 0.02
    other_learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warmup_steps: int = 60
    decay_share: float = 0.5
    repeated: int = 0
    more_until: float = 0.5
    seed: int = 1
    checkpoint_minutes: float = 5.0
    patience: int | None = None
    device: str = "auto"
    bfloat16: bool = True
    compile: bool = False

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise ConfigError(
                f"minutes is {self.minutes} and steps is {self.steps}; give one of the two as the length of training."
            )
        for name in ("minutes", "steps"):
            length = getattr(self, name)
            if length is not None and not length >= 0:
                raise ConfigError(f"{name} is {length}; training can last 0 {name} or more.")
        if self.optimizer not in ("muon", "adamw"):
            raise ConfigError(f'optimizer is {self.optimizer!r}; it must be "muon" or "adamw".')


@dataclass
class Progress:
    """Where a run stands: steps and seconds so far, tokens seen, and what was measured: (step, seconds, held-out loss in nats a
    token) at each checkpoint."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    held_out: list[tuple[int, float, float]] = field(default_factory=list)

    @property
    def since_best(self) -> int:
        """Checkpoints after the one with the lowest held-out loss; 0 if the last one is the best."""
        losses = [loss for *_, loss in self.held_out]
        return len(losses) - 1 - losses.index(min(losses)) if losses else 0


class TrainingRun:
    """A model, its optimisers, and how far they are; `run` goes on until the length is used up.

    held_out_ids: what the loss is measured on; folder: where the checkpoint is kept (None: nowhere); more_ids: tokens that are mixed
    in until `settings.more_until`; the end belongs to `ids` alone.
    """

    def __init__(
        self,
        model: GPTModel,
        ids: np.ndarray,
        held_out_ids: np.ndarray,
        settings: TrainingSettings,
        folder: Path | None = None,
        more_ids: np.ndarray | None = None,
    ) -> None:
        self.device = _device(settings.device)
        self.model, self.settings, self.progress = model.to(self.device), settings, Progress()
        self._rank, self._processes = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        windows = partial(
            Windows,
            context_length=model.config.context_length,
            batch_size=settings.batch_size,
            seed=settings.seed,
            repeated=settings.repeated,
        )
        self._last_windows = windows(ids)
        with_more = more_ids is not None and len(more_ids)
        self._windows = windows(np.concatenate([ids, more_ids])) if with_more else self._last_windows
        self._held_out = held_out_ids
        self._checkpoint_path = folder / "checkpoint.pt" if folder else None
        self._optimizers = _optimizers(model, settings, fused=self.device.type == "cuda")
        if self.device.type == "cpu" and settings.bfloat16:
            for module in model.modules():
                if isinstance(module, MultiHeadAttention):
                    module.attend = _attend_in_float32  # type: ignore[assignment]
        self._compute_loss: Callable[[Tensor, Tensor], Tensor] = torch.compile(self._loss) if settings.compile else self._loss

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1."""
        done, length = (
            (self.progress.seconds, self.settings.minutes * 60)
            if self.settings.minutes is not None
            else (self.progress.step, self.settings.steps or 0)
        )
        return min(1.0, done / length) if length else 1.0

    def run(
        self,
        on_checkpoint: Callable[[GPTModel], object] = lambda model: None,
        on_step: Callable[[Progress, Tensor], object] = lambda progress, loss: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train until the length is used up, `stop()` is true or patience is at an end.

        on_step: called after each step with the progress and the batch's loss; on_checkpoint: called at intervals and at the end,
        after the held-out loss was measured and the checkpoint saved.
        """
        last_saved, stopped = self.progress.seconds, False
        with tqdm(total=100, initial=int(self.share * 100), unit="%", disable=self._rank != 0) as bar:
            while self.share < 1 and not stopped and not stop():
                loss = self.step()
                on_step(self.progress, loss)
                if self.progress.step % STEPS_A_MESSAGE == 0:
                    speed = self.progress.tokens / max(self.progress.seconds, 1e-9)
                    bar.set_postfix_str(
                        f"step {self.progress.step}, loss {float(loss):.3f}, {speed:,.0f} tokens/s", refresh=False
                    )
                    bar.update(int(self.share * 100) - bar.n)
                if self.progress.seconds - last_saved > self.settings.checkpoint_minutes * 60:
                    last_saved = self.progress.seconds
                    stopped = self._checkpoint(on_checkpoint, bar)
            if not stopped:
                self._checkpoint(on_checkpoint, bar)

    def step(self) -> Tensor:
        """One step on one batch. Returns the batch's loss in nats a token before the step: no dimensions, on the run's device."""
        started = time.perf_counter()
        self.model.train()
        factor = learning_rate_factor(self.progress.step, self.share, self.settings)
        windows = self._windows if self.share < self.settings.more_until else self._last_windows
        batch = self.progress.step * self._processes + self._rank
        inputs, targets = (self._on_device(t) for t in windows.batch(batch))
        with _own_random_numbers(self.device, self.settings.seed, batch) if self.model.config.drop_rate else nullcontext():
            loss = self._compute_loss(inputs, targets)
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
        return loss.detach()

    def held_out_loss(self, max_windows: int = 128) -> float:
        """Mean loss in nats a token over evenly spaced windows of the held-out text."""
        return held_out_loss(self.model, self._held_out, max_windows)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on from here; shares its tensors with the run."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.settings.optimizer,
            "optimizers": [o.state_dict() for o in self._optimizers],
            "progress": vars(self.progress),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state. Raises CheckpointError if it is of a model of another shape or of other optimisers."""
        try:
            if state["optimizer"] != self.settings.optimizer:
                raise ValueError(f"its optimizer is {state['optimizer']}, not {self.settings.optimizer}")
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"The checkpoint is of a model of another shape or of another training; use the same settings. ({error})"
            ) from error
        self.progress = Progress(**state["progress"])

    def resume(self) -> bool:
        """Take up the checkpoint in the folder, if there is one. Raises CheckpointError as `restore` does."""
        if self._checkpoint_path is None or not self._checkpoint_path.is_file():
            return False
        try:
            self.restore(torch.load(self._checkpoint_path, map_location=self.device, weights_only=True))
        except CheckpointError as error:
            raise CheckpointError(f"{self._checkpoint_path} cannot be resumed; choose another folder. {error}") from error
        return True

    def _on_device(self, ids: Tensor) -> Tensor:
        """A GPU fetches from pinned memory while the next batch is already being made; from any other the two wait for each other."""
        return (ids.pin_memory() if self.device.type == "cuda" else ids).to(self.device, non_blocking=True)

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.bfloat16):
            logits = self.model(inputs)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def _agreed(self, value: float) -> float:
        """The least of what the processes say: of the clocks, since only the first waits for nobody while a checkpoint is saved."""
        if self._processes == 1:
            return value
        least = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(least, dist.ReduceOp.MIN)
        return least.item()

    def _checkpoint(self, on_checkpoint: Callable[[GPTModel], object], bar: tqdm) -> bool:
        """Measure, save, tell; whether patience is at an end. The first process does it and decides for all."""
        stop = 1.0
        if self._rank == 0:
            now, loss = self.progress, self.held_out_loss()
            now.held_out.append((now.step, now.seconds, loss))
            bar.write(f"{now.seconds / 60:6.1f} min  {now.tokens / 1e6:6.2f} M tokens  held-out loss {loss:.4f}")
            self._save()
            on_checkpoint(self.model)
            stop = float(self.settings.patience is not None and now.since_best >= self.settings.patience)
        return self._agreed(stop) == 1.0

    def _save(self) -> None:
        if self._checkpoint_path is None:
            return
        unfinished = self._checkpoint_path.with_suffix(".unfinished")
        torch.save(self.state(), unfinished)
        os.replace(unfinished, self._checkpoint_path)  # a run that is stopped while saving keeps the checkpoint before


def new_model(config: GPTConfig, seed: int) -> GPTModel:
    """An untrained model that depends on the seed alone; nobody else's random numbers are touched."""
    with _own_random_numbers(torch.device("cpu"), seed, 0):
        return GPTModel(config)


@contextmanager
def _own_random_numbers(device: torch.device, seed: int, batch: int) -> Iterator[None]:
    """Torch's random numbers from a seed of their own while it lasts, and afterwards those from before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.SeedSequence((seed, batch)).generate_state(1)[0]))
        yield


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return choose(name)


def _attend_in_float32(q: Tensor, k: Tensor, v: Tensor, **options: Any) -> Tensor:
    """On a CPU the float32 kernel is about twice as fast as the bfloat16 one when heads are narrow (measured at head_dim 16)."""
    with torch.autocast("cpu", enabled=False):
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), **options)


def _optimizers(model: GPTModel, settings: TrainingSettings, fused: bool) -> list[torch.optim.Optimizer]:
    matrices = [p for p in model.blocks.parameters() if p.ndim == 2]
    inside = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in inside]
    rate, decay = settings.other_learning_rate, settings.weight_decay
    adamw = partial(torch.optim.AdamW, lr=rate, betas=(0.9, 0.95), fused=fused)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=settings.matrix_learning_rate, weight_decay=decay)
        if settings.optimizer == "muon"
        else adamw(matrices, weight_decay=decay),
        adamw(others, weight_decay=0.0),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["full_lr"] = group["lr"]
    return optimizers


def learning_rate_factor(step: int, share: float, settings: TrainingSettings) -> float:
    """Between 0 and 1: linear warm-up by steps, then level, then linear to zero over the last `decay_share` of the run."""
    warm = min(1.0, (step + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
    return warm * (min(1.0, max(0.0, (1.0 - share) / settings.decay_share)) if settings.decay_share else 1.0)


@torch.inference_mode()
def held_out_loss(model: GPTModel, ids: np.ndarray, max_windows: int) -> float:
    """Mean loss in nats a token over at most `max_windows` evenly spaced windows of `ids`, in the model's own precision."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    length = min(model.config.context_length + 1, len(ids))
    starts = np.unique(np.linspace(0, len(ids) - length, max_windows).astype(int))
    windows = torch.from_numpy(ids[starts[:, None] + np.arange(length)].astype(np.int64))
    losses = []
    for some in windows.split(16):
        some = some.to(device)
        losses.append(F.cross_entropy(model(some[:, :-1]).flatten(0, 1).float(), some[:, 1:].flatten(), reduction="none"))
    model.train(was_training)
    return float(torch.cat(losses).cpu().double().mean())
