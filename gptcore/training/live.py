"""python -m gptcore.training.live: train a very small GPT and say on the way how far it is, for whoever watches.

Standard input: a line of JSON that says what to train (the fields of `Wanted`), then a word per line: "pause", "play", "step" (one, then
pause) or "speed N" (steps per second, 0 for as fast as it goes). Its end is the end of the process, at once and whatever is under way, so
that nothing goes on when nobody is there to read. Standard output: a line of JSON per message, which says its "kind": "begun",
"progress", "checkpoint", "ended" or "refused".

The training is `TrainingRun.run` with callbacks: on one thread a seed gives the same numbers as any other run of as many steps.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields
from threading import Condition, Thread
from typing import Any, TextIO

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from gptcore.characters import kind_of
from gptcore.errors import CorpusError, GPTCoreError
from gptcore.generation import generate
from gptcore.language_model import LanguageModel
from gptcore.parameters import count_parameters
from gptcore.resemblance import around, longest_common_run, usual_run
from gptcore.training.baselines import baselines
from gptcore.training.loop import Progress, held_out_loss
from gptcore.training.tiny import TinyTraining, tiny_training

CONTEXT_LENGTH = 64
SAMPLE: dict[str, Any] = {"temperature": 0.8, "top_k": None, "seed": 1}
MAP_CHARACTERS = 24
PIECES = 16  # of the held-out text, which say how long a run nobody copied
WINDOWS = 48  # over which a loss is measured on the way
RATIO = 1.2  # of the steps of two checkpoints that follow each other
TOLD_EVERY = 0.25  # seconds
MOST_STEPS, MOST_MEMORY, MOST_CPU = 4000, 1_500_000_000, 240  # steps, bytes, seconds of processor time


@dataclass(frozen=True)
class Wanted:
    """What to train: on `text`, judged on `held_out`; the samples continue `prompt`; seconds: how long in all, in seconds of
    processor time, measuring included: a busy machine takes longer for the same; learning_rate: times the usual one."""

    text: str
    held_out: str
    prompt: str
    seconds: float
    drop_rate: float = 0.0
    learning_rate: float = 1.0
    seed: int = 1

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Wanted:
        """Raises CorpusError for a message that says something else."""
        try:
            wanted = cls(**said)
        except TypeError as error:
            raise CorpusError(f"What to train is said by {', '.join(field.name for field in fields(cls))} ({error}).") from error
        if not 0 < wanted.seconds <= MOST_CPU / 2:
            raise CorpusError(f"The length is {wanted.seconds} seconds; it must be above 0 and at most {MOST_CPU / 2:.0f}.")
        return wanted


class Turns:
    """When the next step may come: what the words of standard input say."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._paused = False
        self._single = 0
        self._speed = 0.0
        self._last = 0.0

    @property
    def is_paused(self) -> bool:
        return self._paused

    def hear(self, word: str) -> None:
        """Take one line of standard input; what is none of its words changes nothing."""
        name, _, number = word.strip().partition(" ")
        with self._changed:
            if name == "pause":
                self._paused = True
            elif name == "play":
                self._paused, self._single = False, 0
            elif name == "step":
                self._paused, self._single = True, self._single + 1
            elif name == "speed" and number.replace(".", "", 1).isdigit():
                self._speed = float(number)
            self._changed.notify_all()

    def wait(self) -> None:
        """Until the next step may come."""
        with self._changed:
            self._changed.wait_for(lambda: not self._paused or self._single > 0)
            if self._single > 0:
                self._single -= 1
            elif self._speed > 0:
                soonest = self._last + 1 / self._speed
                while (left := soonest - time.monotonic()) > 0 and self._speed > 0 and not self._paused:
                    self._changed.wait(left)
            self._last = time.monotonic()


class Watched:
    """A training that says how far it is. say: what takes its messages."""

    def __init__(self, wanted: Wanted, say: Callable[[dict[str, Any]], object], turns: Turns) -> None:
        self.tiny: TinyTraining = tiny_training(
            wanted.text,
            wanted.held_out,
            context_length=CONTEXT_LENGTH,
            drop_rate=wanted.drop_rate,
            learning_rate=wanted.learning_rate,
            seed=wanted.seed,
            minutes=wanted.seconds / 60,
            checkpoint_minutes=float("inf"),  # it measures by itself
        )
        self.wanted, self._say, self._turns = wanted, say, turns
        self._next, self._told, self._began = 0, 0.0, time.process_time()
        self.why = ""
        self._points: np.ndarray | None = None  # of the checkpoint before, in its plane
        known = self.tiny.tokenizer.decode(range(self.tiny.tokenizer.vocab_size))
        self.prompt = "".join(sign for sign in wanted.prompt if sign in known) or wanted.text[0]
        self._map_ids = self.tiny.tokenizer.encode(wanted.text[:MAP_CHARACTERS])

    def run(self) -> None:
        """From the first checkpoint to the end."""
        tiny, run = self.tiny, self.tiny.run
        guessers = baselines(tiny.ids, tiny.held_out_ids, tiny.tokenizer.vocab_size)
        self._say(
            {
                "kind": "begun",
                "parameters": count_parameters(run.model.config, tied=True),
                "layers": run.model.config.n_layers,
                "heads": run.model.config.n_heads,
                "seconds": self.wanted.seconds,
                "baselines": [[name, guessers[name]] for name in ("uniform", "frequency", "pairs")],
                "usual_run": usual_run(self.wanted.held_out, self.wanted.text, CONTEXT_LENGTH, PIECES),
                "prompt": self.prompt,
                "text": [tiny.tokenizer.text_of(i) for i in self._map_ids],
                "names": [tiny.tokenizer.text_of(i) for i in range(tiny.tokenizer.vocab_size)],
                "kinds": [kind_of(tiny.tokenizer.decode([i])) for i in range(tiny.tokenizer.vocab_size)],
            }
        )
        self._measure()
        self._turns.wait()
        run.run(on_step=self._after_step, stop=self._is_at_end)
        if self._next > run.progress.step + 1:  # the last step has not been measured yet
            self._measure()
        self._say({"kind": "ended", "why": self.why or "time", "step": run.progress.step, "seconds": run.progress.seconds})

    def _keep_time(self) -> None:
        """The clock of the training is this process's own: what others do on the machine does not shorten what it learns."""
        self.tiny.run.progress.seconds = time.process_time() - self._began

    def _after_step(self, progress: Progress, loss: Tensor) -> None:
        self._keep_time()
        if progress.step >= self._next:
            self._measure()
        elif self._turns.is_paused or progress.seconds - self._told > TOLD_EVERY:
            self._told = progress.seconds
            self._say({"kind": "progress", "step": progress.step, "seconds": progress.seconds, "loss": float(loss)})
        if not self._is_at_end():
            self._turns.wait()

    def _is_at_end(self) -> bool:
        if self.tiny.run.progress.step >= MOST_STEPS:
            self.why = "steps"
        elif memory_in_use() > MOST_MEMORY:
            self.why = "memory"
        return bool(self.why) or self.tiny.run.share >= 1

    def _measure(self) -> None:
        """A checkpoint."""
        tiny, run = self.tiny, self.tiny.run
        step = run.progress.step
        self._next = max(step + 1, round(step * RATIO))
        training, held_out = (held_out_loss(run.model, ids, WINDOWS) for ids in (tiny.ids, tiny.held_out_ids))
        model = LanguageModel("", deepcopy(run.model), tiny.tokenizer)  # a copy, since it lays out the weights anew
        written = generate(model, self.prompt, max_new_tokens=CONTEXT_LENGTH, **SAMPLE)
        sample = tiny.tokenizer.decode([each.token_id for each in written])
        maps, copied = self._maps(model), longest_common_run(sample, self.wanted.text)
        self._keep_time()
        self._told = run.progress.seconds
        self._say(
            {
                "kind": "checkpoint",
                "step": step,
                "seconds": run.progress.seconds,
                "training": training,
                "held_out": held_out,
                "sample": sample,
                "copied": copied,
                "around": around(self.wanted.text, copied),
                "maps": base64.b64encode(maps.tobytes()).decode("ascii"),
                "plane": base64.b64encode(self._plane(model).tobytes()).decode("ascii"),
            }
        )

    def _maps(self, model: LanguageModel) -> np.ndarray:
        """Attention weights in 65,535ths, uint16 (little endian): the rows of every head's causal map one after another."""
        trace = model.trace(self._map_ids)
        size = len(self._map_ids)
        rows, columns = np.tril_indices(size)
        weights = np.concatenate([trace.attention(layer).pattern for layer in range(model.config.n_layers)])
        found: np.ndarray = np.rint(weights[:, rows, columns] * 65535).astype("<u2")
        return found

    def _plane(self, model: LanguageModel) -> Float[np.ndarray, "vocab_size 2"]:
        """The rows of the token embedding in the plane in which they spread most at this checkpoint (principal components), float32
        (little endian), the origin at their mean. A plane has no upright: it is turned, or flipped, so that the points lie as near as
        they can to those of the checkpoint before (Schoenemann 1966, https://doi.org/10.1007/BF02289451)."""
        table = model.model.token_embedding.weight.detach().double().numpy()
        centred = table - table.mean(0)
        points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
        if self._points is not None:
            left, _, right = np.linalg.svd(points.T @ self._points)
            points = points @ (left @ right)
        self._points = points
        return points.astype("<f4")


def memory_in_use() -> int:
    """The most bytes of memory that this process has held; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def limit_processor_time() -> None:
    """Beyond MOST_CPU seconds the system ends this process, whatever it is doing."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU, MOST_CPU + 5))


def main() -> None:
    limit_processor_time()
    torch.set_num_threads(1)
    out: TextIO = sys.stdout
    sys.stdout = sys.stderr  # what others print is no message

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    first, turns = sys.stdin.readline(), Turns()
    if not first:
        return

    def listen() -> None:
        for line in sys.stdin:
            turns.hear(line)
        os._exit(0)  # nobody is there any more

    Thread(target=listen, daemon=True).start()
    try:
        Watched(Wanted.read(json.loads(first)), say, turns).run()
    except GPTCoreError as error:
        say({"kind": "refused", "why": str(error)})
    except BrokenPipeError:
        os._exit(0)  # nobody reads any more


if __name__ == "__main__":
    main()
