"""The last beat of the last chapter: what was seen, a line for each chapter, and where to go from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import choices, sequence, state
from app.beats import Try
from app.lessons import walking
from app.runtime import Here
from app.shell import navigation
from app.writing.markup import code
from app.writing.numbers import counted, in_words, percent
from gptcore.parameters import count_parameters

SEEN: Mapping[str, str] = {
    "write": "a model says how likely each next token is, and one is drawn.",
    "tokens": "a text is cut into tokens, and each token is a number.",
    "embeddings": "each token becomes a vector that says what it is and where it stands.",
    "block": "every block adds something to these vectors.",
    "attention": "a token fetches from earlier tokens, by weights that sum to 1.",
    "layer_norm": "numbers of any size are brought to one size before they are read.",
    "feed_forward": "neurons look at each token alone, and add something where they find what they look for.",
    "shortcuts": "what an early block wrote stays in reach of all later ones, and of training.",
    "lens": "the prediction takes shape from layer to layer.",
    "sampling": "temperature and cuts decide how bold the draw is.",
}


def says(here: Here) -> str:
    """The whole way in one breath, with this text's numbers."""
    if here.is_full:
        return f"You have followed a text through {counted(here.config.n_layers, 'block')}, as long as this model can read."
    choice = sequence.selection(here)
    return (
        f"Your text of {counted(len(here.ids), 'token')} went through **{counted(here.config.n_layers, 'block')}** with {_numbers(here)} learned "
        f"numbers and came out as {len(choice.token_ids):,} probabilities. The draw then takes "
        f"{code(here.model.tokenizer.text_of(choice.chosen_id))}, which has **{percent(choice.chosen_prob)}**. For the next token, "
        "all of it runs again."
    )


def _numbers(here: Here) -> str:
    return in_words(count_parameters(here.config, here.model.tied))


def chapters(here: Here) -> None:
    """A line for each chapter; below, what is there for those who teach."""
    lines = [f"- **{navigation.name(navigation.entry(file))}**: {seen}" for file, seen in SEEN.items()]
    st.markdown("\n".join(lines))
    st.markdown("**For teachers**: the whole way in steps for a class, with questions and notes.")
    st.button("Choose a lesson", key="end_lesson", on_click=state.guarded(walking.choose), args=(True,))


def tries(here: Here) -> Sequence[Try]:
    """Where to go from here."""
    return (
        Try("The map: everything that you saw on one sheet", page="map"),
        Try("What if? Switch parts off and see what is missing", page="what_if"),
        Try("Write with a text of your own, and all settings", shown=((choices.WRITE_PART, "choice"),), page="write"),
    )
