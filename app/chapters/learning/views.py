"""The recorded run as data: what is drawn of it, one prediction and one weight, and what its samples have in common with its text."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd

from app import choices, runtime, state
from app.components.training_run import RunPicture, packed_maps
from app.recent import MB, keeping
from app.runtime import Here
from gptcore.characters import kind_of, plain_text
from gptcore.checks import Check
from gptcore.recorded_run import Checkpoint, RecordedRun, load_recorded_run
from gptcore.resemblance import around
from gptcore.surprise import Surprise, surprise
from gptcore.training.one_weight import WeightStep, losses_at, weight_step

MAP_CHARACTERS = 32  # of its text, whose attention is drawn
SHAKEN = 1e-4  # by which a weight is moved to both sides, to measure a slope without backpropagation
TABLE = "token_embedding.weight"


@cache
def recorded_run() -> RecordedRun:
    """The run that comes with the project."""
    return load_recorded_run()


@cache
def passage() -> str:
    """The piece of the training text in which attention is drawn and a character predicted: from the samples' prompt on, if it stands there."""
    run = recorded_run()
    start = max(0, run.training_text.find(run.prompt))
    return run.training_text[start : start + MAP_CHARACTERS]


def checkpoint_in_focus() -> Checkpoint:
    """The checkpoint that the visitor looks at."""
    return recorded_run().checkpoints[at_in_focus()]


def at_in_focus() -> int:
    """Its number."""
    return min(state.chosen(choices.LEARNING_AT), len(recorded_run().checkpoints) - 1)


def one_weight_in_focus() -> tuple[int, int, float]:
    """The checkpoint, the character that is predicted, and the learning rate of the beat on one weight."""
    at = min(state.chosen(choices.LEARNING_STEP_AT), len(recorded_run().checkpoints) - 1)
    return at, min(state.chosen(choices.LEARNING_LETTER), len(passage()) - 1), state.chosen(choices.LEARNING_RATE)


def loss_at_cursor(here: Here) -> tuple[float, float]:
    """The probability that the model in view gave the token at the cursor, which is not the first, and its loss in nats."""
    probability = float(runtime.token_probabilities(here.run)[here.position - 1])
    return probability, -math.log(probability)


def live_text() -> str:
    """What a training of the visitor's would learn, held-out text included: the book, or a text of one's own in plain ASCII."""
    run = recorded_run()
    return plain_text(state.chosen(choices.LIVE_TEXT)) if state.chosen(choices.LIVE_SOURCE) == "own" else run.text


@keeping(4 * MB)
def attention() -> np.ndarray:
    """Of every head of every checkpoint, layer by layer, over the passage: float32 [n_checkpoints, n_layers * n_heads, T, T]."""
    run = recorded_run()
    weights: np.ndarray = runtime.ENGINE.alone(run.attention, run.tokenizer.encode(passage()))
    return weights.reshape(len(weights), -1, *weights.shape[-2:])


def farthest_looking() -> int:
    """The head of the last checkpoint whose weights lie farthest back on average."""
    last = attention()[-1]
    places = np.arange(last.shape[-1])
    return int((last * (places[:, None] - places)).sum((1, 2)).argmax())


@keeping(4 * MB)
def picture() -> RunPicture:
    """All that is drawn of the run, for all checkpoints."""
    run = recorded_run()
    names = [run.tokenizer.text_of(i) for i in range(run.config.vocab_size)]
    ids = run.tokenizer.encode(passage())
    return RunPicture(
        steps=[c.step for c in run.checkpoints],
        training=[c.training_loss for c in run.checkpoints],
        held_out=[c.held_out_loss for c in run.checkpoints],
        baselines=[
            ("every character equally likely", run.baselines.uniform),
            ("knows how often each occurs", run.baselines.frequency),
            ("knows how often each follows each", run.baselines.pairs),
        ],
        prompt=run.prompt,
        samples=[c.sample for c in run.checkpoints],
        copied=[(c.copied.start, c.copied.length) for c in run.checkpoints],
        around=[around(run.training_text, c.copied) for c in run.checkpoints],
        usual_run=run.usual_run,
        text=[names[i] for i in ids],
        heads=[f"layer {layer}, head {head}" for layer in range(run.config.n_layers) for head in range(run.config.n_heads)],
        maps=packed_maps(attention()),
        names=names,
        kinds=[kind_of(run.tokenizer.decode([i])) for i in range(run.config.vocab_size)],
        planes=run.embedding_planes(),
        plane_says=f"Each character is a row of {run.config.emb_dim} numbers in the embedding table, drawn in the plane in which the rows "
        "of the last checkpoint spread most. Bold: vowels; orange: capitals; grey: signs and digits.",
    )


def table(run: RecordedRun) -> pd.DataFrame:
    """The run's checkpoints, a row each."""
    return pd.DataFrame(
        {
            "step": [c.step for c in run.checkpoints],
            "training_loss_nats": [c.training_loss for c in run.checkpoints],
            "held_out_loss_nats": [c.held_out_loss for c in run.checkpoints],
            "sample": [run.prompt + c.sample for c in run.checkpoints],
            "longest_copied_run": [c.copied.length for c in run.checkpoints],
        }
    )


def first_below(run: RecordedRun, loss: float) -> Checkpoint | None:
    """The first checkpoint whose held-out loss is below `loss`."""
    return next((c for c in run.checkpoints if c.held_out_loss < loss), None)


def rows_check() -> Check:
    """The attention weights of the maps, as they were sent."""
    maps = picture().maps.astype(np.float64) / 65535
    size = len(picture().text)
    ends = np.cumsum(np.arange(1, size + 1))
    sums = np.add.reduceat(maps, np.r_[0, ends[:-1]], axis=-1)
    return Check(
        "rows sum to 1",
        "Every row of every map of every checkpoint, as it was sent. Deviation in attention weight; a weight travels in 65,535ths.",
        float(np.abs(sums - 1).max()),
        size / 2 / 65535 + 1e-6,
    )


@keeping(4 * MB)
def prediction(at: int, letter: int) -> WeightStep:
    """At a checkpoint: the prediction of a character of the text from those before it, and the weight on which it depends most."""
    run = recorded_run()
    ids = run.tokenizer.encode(passage()[: letter + 1])
    found: WeightStep = runtime.ENGINE.alone(weight_step, run.model(at), ids, TABLE)
    return found


def slope_check(at: int, letter: int) -> Check:
    """Backpropagation against the weight moved a little to both sides."""
    run, step = recorded_run(), prediction(at, letter)
    ids = run.tokenizer.encode(passage()[: letter + 1])
    beside = step.weight + np.array([-SHAKEN, SHAKEN])
    low, high = runtime.ENGINE.alone(losses_at, run.model(at), ids, TABLE, (step.row, step.column), beside)
    return Check(
        "slope by moving the weight",
        f"The gradient by backpropagation against the difference of two losses with the weight {SHAKEN} lower and higher. Deviation in nats.",
        abs(float(high - low) / (2 * SHAKEN) - step.gradient),
        1e-5 * max(1.0, abs(step.gradient)),
    )


@keeping(4 * MB)
def loss_after(at: int, letter: int, weight: float) -> float:
    """The loss of that prediction with the weight moved to `weight`."""
    run, step = recorded_run(), prediction(at, letter)
    ids = run.tokenizer.encode(passage()[: letter + 1])
    found: np.ndarray = runtime.ENGINE.alone(losses_at, run.model(at), ids, TABLE, (step.row, step.column), np.array([weight]))
    return float(found[0])


@keeping(4 * MB)
def judged(at: int, held_out: bool, length: int) -> Surprise:
    """How surprised a checkpoint is by a piece of its training text, from `passage` on, or of its held-out text, from its first whole
    sentence on."""
    run = recorded_run()
    whole, start = (run.held_out_text, ". ") if held_out else (run.training_text, passage())
    begin = max(0, whole.find(start)) + (len(start) if held_out else 0)
    text = whole[begin : begin + length]
    found: Surprise = runtime.ENGINE.alone(surprise, run.model(at), run.tokenizer.encode(text))
    return found


def nats(bits: float) -> float:
    """Bits as nats."""
    return bits * math.log(2)
