"""What does the feed-forward network do with one token?

Reads: the feed-forward network of the layer in focus at the token in focus: input, expanded, activated, projected; its weights.
Shows: the four vectors as strips (value by dimension); steps with shapes and parameter counts; histograms before and after GELU
(value, number of neurons); activation functions with their slopes (x from -4 to 4); the neurons that write most (norm), and the tokens
whose logits they raise and lower directly.
"""

from app import beats, choices, runtime
from app.chapters.feed_forward.parts import PARTS

here = runtime.here()
beats.tell(choices.FEED_FORWARD_PART, PARTS, here)
