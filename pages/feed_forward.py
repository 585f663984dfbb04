"""What does the feed-forward network do with one token?

Reads: the feed-forward network of the layer in focus at the token in focus: input, widened, bent, narrowed; the network's weights.
Shows: steps with shapes and parameter counts; the four vectors as strips (value by dimension); histograms before and after GELU
(value, number of neurons); activation functions with their slopes (x from -4 to 4); the neurons that write most, and the tokens
whose logits they raise and lower directly.
"""

from app import choices, runtime, ui
from app.chapters.feed_forward.parts import PARTS

here = runtime.here()
ui.page_header(
    "feed_forward",
    "What does the feed-forward network do with one token?",
    "It expands a token's vector to four times its width, applies GELU to each number, and projects the result back. "
    "Every token by itself: only attention moves anything between tokens.",
)
ui.parts(choices.FEED_FORWARD_PART, PARTS, here)
ui.terms("feed-forward network", "neuron", "GELU", "ReLU", "SiLU", "SwiGLU", "residual stream", "logit", "LayerNorm")
