"""How did it learn this?

Reads: the recorded run, a GPT of some 110,000 parameters at 24 steps of its training; the text in view and the model's probability of
the token in focus; a training that runs on the server.
Shows: losses over the steps (nats per character) with those of guessers, what the toy wrote at each step with the same dice, its attention
(percent) and its embedding table in a plane (no unit); the loss of one prediction (nats) over its probability (percent), and over one
weight (no unit); what was measured of overfitting (nats per character); what the toy wrote beside the passage of its text that
resembles it most, and how surprised it is by each character (nats).
"""

from app import beats, choices, runtime
from app.chapters.learning.parts import PARTS

here = runtime.here()
beats.tell(choices.LEARNING_PART, PARTS, here)
