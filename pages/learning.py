"""How did it learn this?

Reads: the recorded run, a GPT of some 110,000 parameters at 24 steps of its training; the text in view and the model's probability of
the token in focus.
Shows: losses over the steps (nats per character) with those of guessers, what the toy wrote at each step with the same dice, its attention
(percent) and its embedding table in a plane (no unit); the loss of one prediction (nats) over its probability (percent), and over one
weight (no unit); what the toy wrote beside the passage of its text that resembles it most.
"""

from app import choices, runtime, ui
from app.chapters.learning.parts import PARTS

here = runtime.here()
ui.page_header(
    "probability",
    "How did it learn this?",
    "Nobody wrote its numbers down. They began as noise, and each was pushed a little, thousands of times, so that the text it was given "
    "became less of a surprise. Here is a model small enough to watch.",
)
ui.parts(choices.LEARNING_PART, PARTS, here)
ui.terms(
    "training",
    "loss",
    "nat",
    "held-out text",
    "checkpoint",
    "gradient",
    "learning rate",
    "overfitting",
    "parameter",
    "attention head",
)
