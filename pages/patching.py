"""Where does the difference between two texts travel?

Reads: the traces of two texts of one length, and the runs of the one with single cells of the other.
Shows: both texts aligned; a map of layers by positions, coloured by the share of the logit difference that comes over when the cell is
patched (percent); for one cell the candidates unpatched, patched and of the other text (percent) and what the patch reaches (change of
the residual stream, percent); a map of layers by heads.
"""

from app import beats, choices, runtime
from app.chapters.patching.parts import PARTS

here = runtime.here()
beats.tell(choices.PATCHING_PART, PARTS, here)
