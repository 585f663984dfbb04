"""What does LayerNorm do to a token's numbers?

Reads: one LayerNorm of the trace (layer, site, token in focus or the newest tokens), its learned scale and shift.
Shows: histograms before and after (values, number of dimensions); mean and variance; the dimensions farthest from the mean (standard
deviations); mean and standard deviation over the layers; a table of students and exams normalised by row and by column; the standard
deviation in a deep random stack (logarithmic).
"""

from app import beats, choices, runtime
from app.chapters.layer_norm.parts import PARTS

here = runtime.here()
beats.tell(choices.LAYER_NORM_PART, PARTS, here)
