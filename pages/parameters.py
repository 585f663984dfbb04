"""Where do the parameters sit, and what do they cost?

Reads: the loaded model's configuration and weights; any other configuration from the controls.
Shows: parameters by block and component (areas in proportion); histogram of one tensor (value against how many numbers); the size of
the weights and of the K/V cache (MB); work per token (GFLOP) and what attention adds to it (%) over the tokens of a pass; all of it for
a configuration of one's own.
"""

from app import beats, choices, runtime
from app.chapters.parameters.parts import PARTS

here = runtime.here()
beats.tell(choices.PARAMETERS_PART, PARTS, here)
