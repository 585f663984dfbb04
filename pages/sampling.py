"""Exactly what do temperature, top-k and top-p do?

Reads: the logits for the next token, or the nine published ones; two settings; the seed.
Shows: what each stage leaves (tokens, probability); probabilities after all cuts for both settings (percent); draws against exact
probabilities with the error to expect (percent); entropy (bits) and effective number of choices (logarithmic) over temperature;
a greedy text, with its loops.
"""

import streamlit as st

from app import choices, runtime, state, ui
from app.chapters.sampling import greedy as sampling_greedy
from app.chapters.sampling import sections, views

PARTS = {
    "settings": "Two settings side by side",
    "draws": "Many draws",
    "choices": "How many choices are left",
    "greedy": "Greedy and its loops",
}
TERMS = {
    "settings": ("temperature", "top-k", "top-p", "min-p", "logit", "softmax"),
    "draws": ("probability", "seed", "temperature"),
    "choices": ("entropy", "temperature", "logit"),
    "greedy": ("greedy", "logit", "seed"),
}
SOURCES = {"live": "The next token of your text", "nine_words": "The nine-word example"}

here = runtime.here()
ui.page_header(
    "probability",
    "Exactly what do temperature, top-k and top-p do?",
    "Temperature divides the logits: below 1 the likely tokens gain, above 1 the unlikely ones. Top-k, top-p and min-p then cut off "
    "the tail. What is left is scaled up to 100 %, and one random number picks a token.",
)
part = ui.parts(choices.SAMPLING_PART, PARTS)
if part == "greedy":
    sampling_greedy.greedy(here)
else:
    source = st.segmented_control(
        "Which logits", list(SOURCES), format_func=lambda name: SOURCES[name], required=True, wrap=True,
        **state.choice(choices.SAMPLING_LOGITS),
    )  # fmt: skip
    example = source == "nine_words"
    given = views.nine_words() if example else views.live(here.run)
    ui.note(
        "The words that may follow “every effort moves you”, with published logits. No model is involved."
        if example
        else f"The logits behind {here.tokens[-1]}, the {f'newest of {len(here.ids):,} tokens' if len(here.ids) > 1 else 'only token'}."
    )
    drawn = {
        "settings": sections.two_settings,
        "draws": sections.many_draws,
        "choices": sections.choices_left,
    }
    drawn[part](given)
ui.terms(*TERMS[part])
