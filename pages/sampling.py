"""Exactly what do temperature, top-k and top-p do?

Reads: the logits for the next token, or the nine published ones; two settings; the seed.
Shows: what each stage leaves (tokens, probability); probabilities after all cuts for both settings (percent); draws against exact
probabilities with the error to expect (percent); entropy (bits) and effective number of choices (logarithmic) over temperature;
a greedy text, with its loops.
"""

from app import choices, runtime, ui
from app.chapters.sampling.parts import PARTS, TERMS

here = runtime.here()
ui.page_header(
    "probability",
    "Exactly what do temperature, top-k and top-p do?",
    "Temperature divides the logits: below 1 the likely tokens gain, above 1 the unlikely ones. Top-k, top-p and min-p then cut off "
    "the tail. What is left is scaled up to 100 %, and one random number picks a token.",
)
part = ui.parts(choices.SAMPLING_PART, PARTS, here)
ui.terms(*TERMS[part])
