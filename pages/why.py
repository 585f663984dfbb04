"""Why this token, and not that one?

Reads: the trace in view at the newest token, its variants with one head off, and the same text with single tokens exchanged.
Shows: the difference of two logits as a sum over all parts (logits); for one layer each head's direct share beside what is lost without
it, and its strongest neurons (logits); the text, each token by what its replacement costs (bits), and how far other methods agree.
"""

from app import beats, choices, runtime
from app.chapters.why.parts import PARTS

here = runtime.here()
beats.tell(choices.WHY_PART, PARTS, here)
