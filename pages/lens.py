"""When does the model make up its mind?

Reads: the residual stream before block 0 and after every block, through the final LayerNorm and the output head.
Shows: a grid of layers by positions with the likeliest next token in each cell, coloured by probability (percent), entropy (bits),
rank of the final token, or divergence from the final distribution (bits), and where it settled; for the token in focus the
probability over the layers (percent) and the ten likeliest tokens after one layer.
"""

from app import choices, runtime, ui
from app.chapters.lens.parts import PARTS

here = runtime.here()
ui.page_header(
    "probability",
    "When does the model make up its mind?",
    "The logit lens asks after every layer: what if the model stopped here? The early rows are guesses. From some layer on, "
    "the likeliest token no longer changes. The last row is the model's own output.",
)
ui.parts(choices.LENS_PART, PARTS, here)
ui.terms("logit lens", "residual stream", "layer", "LayerNorm", "output head", "entropy", "probability")
