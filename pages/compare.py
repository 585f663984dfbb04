"""What is different between two runs?

Reads: the run that was pinned as A, and what is in view up to the cursor as B: text, model, and what is switched off or patched.
Shows: the next tokens of both on one axis (percent); both texts, or their difference, token by token (bits), and in bits per byte;
the difference of one head's attention weights (percent), where both are of one model and one length.
"""

from app import beats, choices, runtime
from app.chapters.compare.parts import PARTS

here = runtime.here()
beats.tell(choices.COMPARE_PART, PARTS, here)
