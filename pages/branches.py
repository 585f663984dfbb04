"""What else could it have said?

Reads: the texts that were written after this prompt, and a beam search from the token at the cursor.
Shows: a tree, a block for each token, as thick as its probability (percent); each text with its log-probability (bits); one step of a
beam search: the texts that are kept and dropped, with their scores (bits).
"""

from app import beats, choices, runtime
from app.chapters.branches.parts import PARTS

here = runtime.here()
beats.tell(choices.BRANCHES_PART, PARTS, here)
