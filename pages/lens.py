"""When does the model make up its mind?

Reads: the residual stream before block 0 and after every block, through the final LayerNorm and the output head.
Shows: a grid of layers by positions with the likeliest next token in each cell, coloured by probability (percent), entropy (bits),
rank of the final token, or divergence from the final distribution (bits), and where it settled; for the token in focus the
probability over the layers (percent) and the ten likeliest tokens after one layer; over the depths, the share of the tokens whose
likeliest next token is the token itself, the commonest guess, or the final one (percent).
"""

from app import beats, choices, runtime
from app.chapters.lens.parts import PARTS

here = runtime.here()
beats.tell(choices.LENS_PART, PARTS, here)
