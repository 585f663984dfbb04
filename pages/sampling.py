"""What exactly do temperature, top-k and top-p do?

Reads: the logits for the next token, or the nine published ones; two settings; the seed.
Shows: a greedy text, with its loops; what each stage leaves (tokens, probability); probabilities after all cuts for both settings
(percent); entropy (bits) and effective number of choices (logarithmic) over temperature; draws against exact probabilities with the
error to expect (percent); a text up to where it stops, and why.
"""

from app import beats, choices, runtime
from app.chapters.sampling.parts import PARTS

here = runtime.here()
beats.tell(choices.SAMPLING_PART, PARTS, here)
