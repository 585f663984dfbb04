"""What if a part were silent?

Reads: the trace in view, and its variants with one part off (a head, a layer's attention or feed-forward, the position embedding).
Shows: a board of layers by parts, coloured by the change of the target's probability (bits), of a logit difference, or by the
divergence of the whole distribution (bits); the candidates with and without the parts that are off (percent), each token's change of
surprise (bits), and two continuations drawn with the same random numbers.
"""

from app import beats, choices, runtime
from app.chapters.what_if.parts import PARTS

here = runtime.here()
beats.tell(choices.WHAT_IF_PART, PARTS, here)
