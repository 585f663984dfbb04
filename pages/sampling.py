"""Exactly what do temperature, top-k and top-p do?

Reads: the logits for the next token, or the nine published ones; two settings; the seed.
Shows: what each stage leaves (tokens, probability); probabilities after all cuts for both settings (percent); draws against exact
probabilities with the error to expect (percent); entropy (bits) and effective number of choices (logarithmic) over temperature;
a greedy text, with its loops.
"""

import streamlit as st

from app import runtime, sampling_sections, sampling_views, ui
from gptcore.sampling import random_number, select

LIVE, EXAMPLE = "The next token of your text", "The nine-word example"

here = runtime.here()
ui.page_header(
    "probability",
    "Exactly what do temperature, top-k and top-p do?",
    "Temperature divides the logits: below 1 the likely tokens gain, above 1 the unlikely ones. Top-k, top-p and min-p then cut off "
    "the tail. What is left is scaled up to 100 %, and one random number picks a token.",
)
source = st.segmented_control(
    "Which logits", [LIVE, EXAMPLE], default=LIVE, required=True, key="sampling_source", persist_state="session", wrap=True
)
given = sampling_views.live(here) if source == LIVE else sampling_views.nine_words()
ui.note(
    f"The logits behind {here.tokens[-1]}, the newest of {len(here.ids):,} tokens."
    if source == LIVE
    else "The words that may follow “every effort moves you”, with published logits. No model is involved."
)
first, second = sampling_sections.two_settings(here, given)
sampling_sections.side_by_side(first, second, given)
sampling_sections.formula(second, given)

st.subheader("Many draws", anchor=False)
ui.note("The second setting, drawn again and again.")
ranks = sampling_sections.many_draws(second, given)
ui.self_check(sampling_views.self_checks(second, ranks, given) + (sampling_views.published_checks() if source == EXAMPLE else []))
ui.source(select, random_number)

st.subheader("How uncertain is the choice?", anchor=False)
sampling_sections.uncertainty(first, second, given)

st.subheader("Always the best token", anchor=False)
ui.note(
    "Greedy choice takes the likeliest token every time. Once the text comes back to words it had before, the same tokens tend to be "
    "likeliest again, and it may run in a circle. A random draw has a way out."
)
sampling_sections.greedy(here, second.settings)
ui.terms("temperature", "top-k", "top-p", "min-p", "greedy", "seed", "softmax", "logit", "entropy", "probability")
