"""What does the whole model look like?

Reads: the model's configuration, of one that is not on this machine the published one; the length of the sequence and the logits at
its last position, where the model is there.
Shows: every part from text to next token in one diagram, each with its parameters (count, share in percent) and each arrow with the
shape of what runs along it ([1, tokens, width]); the published sizes beside it.
"""

from app import runtime
from app.chapters.map import sections

if runtime.is_here():
    sections.of_model(runtime.here())
else:
    sections.without_weights()
