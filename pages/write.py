"""Which token comes next, and how was it chosen?

Reads: the trace's logits at the last position, the sampling settings, the chosen tokens.
Shows: a guess before the answer (probabilities at temperature 1, 0 to 100 %); the sequence as chips; the best candidates as bars
(probability, 0 to 100 %) with the cuts, and the strip of kept probabilities (0 to 1) with the dart u; the seven steps of
generation with their shapes.
"""

from app import beats, choices, faults, run_loop, runtime
from app.chapters.write import welcome
from app.chapters.write.parts import PARTS

here = runtime.here()
welcome.draw(here)
beats.tell(choices.WRITE_PART, PARTS, here)
# During a run this fragment alone runs by itself, and has the page drawn again when a step is due.
page_run = run_loop.PageRun()
faults.fragment(run_loop.keep_going, run_every=run_loop.interval() if run_loop.remaining() else None)(page_run)
page_run.is_over = True
