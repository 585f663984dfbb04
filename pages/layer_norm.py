"""What does LayerNorm do to a token's numbers?

Reads: one LayerNorm of the trace (layer, site, token in focus or the newest tokens), its learned scale and shift.
Shows: histograms before and after (values, number of dimensions); mean and variance; the dimensions farthest from the mean; mean and
spread over the layers; a table of students and exams normalised by row and by column; the spread in a deep random stack (logarithmic).
"""

from app import choices, runtime, ui
from app.chapters.layer_norm.parts import PARTS

here = runtime.here()
ui.page_header(
    "layer_norm",
    "What does LayerNorm do to a token's numbers?",
    "It moves them to mean 0 and variance 1, each token by itself, whatever the others hold. Then every dimension gets a learned "
    "scale and shift.",
)
ui.parts(choices.LAYER_NORM_PART, PARTS, here)
ui.terms("LayerNorm", "BatchNorm", "residual stream", "layer", "parameter")
