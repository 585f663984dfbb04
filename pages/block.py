"""What does one block do to one token?

Reads: the residual stream of the token in focus before, inside and after one block, and what attention and feed-forward add.
Shows: the token's vector at eight stations as strips (one cell a dimension, colour: value, no unit) with mean, spread and largest
value; the two sums in numbers; what dropout would have zeroed in training, as four strips.
"""

from app import choices, runtime, ui
from app.chapters.block.parts import PARTS
from app.writing import markup

here = runtime.here()
size = markup.shape(1, len(here.ids), here.config.emb_dim).replace(" ", "\N{NO-BREAK SPACE}")
ui.page_header(
    "residual",
    "What does one block do to one token?",
    "It adds to the token's vector twice: first what attention brought from the tokens before, then what the feed-forward network made of "
    f"it. {size} goes in and {size} comes out, which is why blocks can be stacked.",
)
ui.parts(choices.BLOCK_PART, PARTS, here)
ui.terms(
    "transformer block", "residual stream", "shortcut connection", "LayerNorm", "attention", "feed-forward network", "dropout"
)
