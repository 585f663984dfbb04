"""Why do deep networks need shortcuts?

Reads: an untrained network (its own seed); the residual stream of the token in focus, and what each layer adds to it.
Shows: mean absolute gradient per layer without and with shortcuts (logarithmic); over the layers of the model in view: length of
the residual stream, share of each block's output that attention and feed-forward make up (percent), cosine between a block's input
and output (-1 to 1).
"""

from app import choices, runtime, ui
from app.chapters.shortcuts.parts import PARTS

here = runtime.here()
ui.page_header(
    "residual",
    "Why do deep networks need shortcuts?",
    "Learning sends a gradient back through all layers, and each layer may shrink it. A shortcut adds a layer's input to its output, "
    "so that text and gradient both have a way past every layer.",
)
ui.parts(choices.SHORTCUTS_PART, PARTS, here)
ui.terms("shortcut connection", "gradient", "residual stream", "transformer block", "attention", "feed-forward network")
