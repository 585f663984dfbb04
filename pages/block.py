"""What does one block do to one token?

Reads: the residual stream of the token in focus before, inside and after one block, and what attention and feed-forward add.
Shows: the token's vector at eight stations as strips (one cell a dimension, colour: value, no unit) with mean, spread and largest
value; the two sums in numbers; what dropout would have zeroed in training, as four strips.
"""

from app import beats, choices, runtime
from app.chapters.block.parts import PARTS

here = runtime.here()
beats.tell(choices.BLOCK_PART, PARTS, here)
