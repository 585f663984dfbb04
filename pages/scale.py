"""What changed from GPT-2 to GPT-3?

Reads: the configurations of the published models and of the loaded one.
Shows: each size as dots (logarithmic); bytes in memory for running and for training, against cards of 8, 24 and 80 GB
(logarithmic); the operations and the years of training at a given speed (logarithmic).
"""

from app import beats, choices, runtime
from app.chapters.scale.parts import PARTS

here = runtime.here()
beats.tell(choices.SCALE_PART, PARTS, here)
