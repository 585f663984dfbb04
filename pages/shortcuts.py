"""Why do deep networks need shortcuts?

Reads: an untrained network (its own seed); the residual stream of the token in focus, what each layer adds to it, and the next token
with one block left out.
Shows: mean absolute gradient per layer as a share of the last layer's, without and with shortcuts (logarithmic); the probability of the
top prediction with each block left out (percent); over the layers of the model in view: length of the residual stream, share of each
block's output that attention and feed-forward make up (percent), cosine between a block's input and output (-1 to 1).
"""

from app import beats, choices, runtime
from app.chapters.shortcuts.parts import PARTS

here = runtime.here()
beats.tell(choices.SHORTCUTS_PART, PARTS, here)
